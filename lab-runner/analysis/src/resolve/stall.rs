//! The record of the stall sampler, with names: stacks on and off the CPU, and the polls that
//! took too
//! long.

use crate::stacks::doing::{IN_POLLS, in_polls};
use crate::stacks::pprof::{Pprof, ValueType};
use crate::stacks::stalls::{self, Folded};
use crate::stacks::symbols::Symbols;
use lab_recording::profiler::{ProfilerStatus, ViewStatus};
use lab_recording::stall::read::Sample;
use lab_recording::stall::{Counts, FILE, LONG_POLL_NS, Recording, read};
use std::collections::BTreeMap;
use std::path::Path;

/// The polls that took longer than their budget.
pub const POLLS: &str = "stall-polls.json";

/// Names the samples of the child: folded stacks on and off the CPU, and the polls that took
/// too long.
///
/// # Errors
/// If the child left nothing that can be read, or if there is no room for the names.
pub fn resolve(folder: &Path) -> anyhow::Result<ProfilerStatus> {
    let recording = read(&folder.join(FILE))?;
    let mut symbols = Symbols::for_recording(&recording);
    let folded = stalls::folded(&recording, &mut symbols);
    write_polls(folder, &recording, &mut symbols)?;
    write_pprof(folder, &recording, &mut symbols)?;
    let views = [
        (
            "off-CPU",
            &folded.off_cpu,
            "polls blocked in the kernel, while their worker can run nothing else",
        ),
        ("on-CPU", &folded.on_cpu, "polls on the CPU; code outside of polls is not sampled"),
        (
            "runnable",
            &folded.runnable,
            "polls that were runnable without a free core, or waited for a page of memory: an \
             effect of the host, not of the code",
        ),
    ];
    let views = views
        .into_iter()
        .map(|(name, stacks, shows)| view(folder, name, stacks, shows))
        .collect::<Result<_, _>>()?;
    Ok(ProfilerStatus {
        views,
        counts: counts(&recording),
        notes: notes(&recording, &symbols),
        unavailable: None,
    })
}

/// Writes the stacks of each view with files and lines, where there are samples of it.
fn write_pprof(folder: &Path, recording: &Recording, symbols: &mut Symbols) -> anyhow::Result<()> {
    let tick_ns = 1e9 / recording.hz.max(1) as f64;
    let views = [("off-cpu", "off_cpu"), ("on-cpu", "on_cpu"), ("runnable", "runnable")];
    for (view, kind) in views {
        let samples = recording.samples.iter().filter(|sample| view == view_of(sample));
        let mut pprof = Pprof::new(&[ValueType::SAMPLES, ValueType::time(kind)]);
        let mut is_empty = true;
        for sample in samples {
            let ticks = f64::from(sample.ticks);
            let frames = symbols.stack(&sample.frames);
            pprof.add(&frames, &[ticks, ticks * tick_ns], |frame| symbols.start_line(frame));
            is_empty &= sample.ticks == 0;
        }
        if !is_empty {
            std::fs::write(folder.join(format!("stall-{view}.pb.gz")), pprof.gzipped()?)?;
        }
    }
    Ok(())
}

/// The view that a sample belongs to.
fn view_of(sample: &Sample) -> &'static str {
    match (sample.on_cpu, sample.in_syscall) {
        (true, _) => "on-cpu",
        (false, true) => "off-cpu",
        (false, false) => "runnable",
    }
}

/// Writes down the polls that took too long, and what all polls that were sampled did.
///
/// # Errors
/// If there is no room for them.
pub fn write_polls(
    folder: &Path,
    recording: &Recording,
    symbols: &mut Symbols,
) -> anyhow::Result<()> {
    let polls = stalls::long_polls(recording, symbols, LONG_POLL_NS);
    std::fs::write(folder.join(POLLS), serde_json::to_vec_pretty(&polls)?)?;
    Ok(std::fs::write(
        folder.join(IN_POLLS),
        serde_json::to_vec_pretty(&in_polls(recording, symbols))?,
    )?)
}

fn view(
    folder: &Path,
    name: &str,
    stacks: &BTreeMap<String, f64>,
    shows: &str,
) -> anyhow::Result<ViewStatus> {
    let file = format!("stall-{}.folded", name.to_lowercase());
    std::fs::write(folder.join(&file), Folded::lines(stacks))?;
    // A sample stands for a millisecond, so the weights are samples too.
    Ok(ViewStatus {
        name: format!("stall {name}"),
        file,
        unit: "ms".into(),
        samples: None,
        shows: shows.into(),
    })
}

fn counts(recording: &Recording) -> BTreeMap<String, u64> {
    let Some(Counts { ticks, in_poll, sent, delivered, covered, late, lost, unwatched, .. }) =
        &recording.counts
    else {
        return BTreeMap::new();
    };
    let named = [
        ("hz", &recording.hz),
        ("ticks", ticks),
        ("ticks_in_polls", in_poll),
        ("signals_sent", sent),
        ("samples_delivered", delivered),
        ("ticks_covered", covered),
        ("ticks_late", late),
        ("samples_lost", lost),
        ("threads_unwatched", unwatched),
    ];
    named.into_iter().map(|(name, count)| (name.to_owned(), *count)).collect()
}

fn notes(recording: &Recording, symbols: &Symbols) -> Vec<String> {
    let mut notes = Vec::new();
    if recording.counts.is_none() {
        notes.push("the run was killed during the profile".into());
    }
    if recording.cut {
        notes.push("the file is cut off: the part before is shown".into());
    }
    if symbols.executable_has_changed() {
        notes.push(
            "the binary has changed since the recording: functions are shown without names".into(),
        );
    }
    notes
}
