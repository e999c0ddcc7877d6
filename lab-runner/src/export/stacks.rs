//! Profiles as folded text and as pprof: a file for each view of each run.

use crate::export::{Exported, distinct, file_name};
use lab_analysis::evidence::{Evidence, RunView, label};
use lab_analysis::profile::{Profile, View};
use lab_analysis::stacks::pprof::{Pprof, ValueType};
use lab_recording::plain_file;
use lab_recording::profiler::{Profiler, ViewStatus};
use std::path::Path;

/// Folded text: a file for each view in which there were samples, and a sentence for each in which
/// there were none. Weights are whole numbers, for not every reader takes others; their unit is in
/// the name: `buggy-cpu.ns.folded`.
pub fn folded(evidence: &[Evidence]) -> (Vec<Exported>, Vec<String>) {
    let views = evidence.iter().flat_map(|view| view.seen.iter().map(move |seen| (view, seen)));
    let (mut files, mut without) = (Vec::new(), Vec::new());
    for (view, seen) in views {
        let (unit, each) = whole_unit(&view.unit);
        let name = format!("{}-{}", file_name(&seen.label), file_name(&view.name));
        match whole_lines(seen, each) {
            text if text.is_empty() => without.push(no_samples(&view.name, &seen.label)),
            text => files
                .push(Exported { name: format!("{name}.{unit}.folded"), bytes: text.into_bytes() }),
        }
    }
    (distinct(files), without)
}

/// The unit in which weights are whole numbers, and how many of it are in one of the view's.
fn whole_unit(unit: &str) -> (&str, f64) {
    match unit {
        "ms" => ("ns", 1e6),
        "us" => ("ns", 1e3),
        other => (other, 1.0),
    }
}

fn whole_lines(seen: &RunView, each: f64) -> String {
    let mut lines = String::new();
    for (frames, weight) in seen.folded.stacks() {
        let weight = (weight * each).round();
        if weight >= 1.0 {
            lines += &format!("{} {weight:.0}\n", frames.join(";"));
        }
    }
    lines
}

/// Profiles for pprof: a file for each view of each run, with whole names, and files and lines
/// where the profiler knows them; and a sentence for each view that has no samples.
pub fn pprof(profiles: &[Profile]) -> (Vec<Exported>, Vec<String>) {
    let (mut files, mut without) = (Vec::new(), Vec::new());
    for profile in profiles {
        let views = profile.views.iter().zip(&profile.note.views);
        for (view, status) in views {
            let label = label(&profile.spec);
            let name = format!("{}-{}.pb.gz", file_name(&label), file_name(&view.name));
            match pprof_of(profile, view, status) {
                Ok(bytes) => files.push(Exported { name, bytes }),
                Err(_) if view.folded.is_empty() => without.push(no_samples(&view.name, &label)),
                Err(error) => without.push(format!("{} of {label}: {error:#}", view.name)),
            }
        }
    }
    (distinct(files), without)
}

/// The profile that was written when names were resolved; one without lines where there is none.
fn pprof_of(profile: &Profile, view: &View, status: &ViewStatus) -> anyhow::Result<Vec<u8>> {
    // Only what lies beside the status is its to name.
    let file = Path::new(&status.file).with_extension("pb.gz");
    let beside = profile.folder.join(file.file_name().unwrap_or_default());
    if let Ok(bytes) = plain_file::read(&beside, plain_file::DOCUMENT) {
        return Ok(bytes);
    }
    let (value, each) = value_type(profile.profiler, &view.unit);
    Pprof::without_lines(&view.folded.scaled(each), value).gzipped()
}

/// What pprof calls the weights of a profiler, and how many of its units are in one of the view's.
fn value_type(profiler: Profiler, unit: &str) -> (ValueType, f64) {
    let time = match profiler {
        Profiler::Cpu => "cpu",
        Profiler::Sched => "delay",
        Profiler::Alloc | Profiler::Stall | Profiler::Spans | Profiler::Console => "wall",
    };
    match whole_unit(unit) {
        ("ns", each) => (ValueType::time(time), each),
        ("bytes", each) => (ValueType { kind: "space", unit: "bytes" }, each),
        (_, each) => (ValueType::SAMPLES, each),
    }
}

fn no_samples(view: &str, label: &str) -> String {
    format!("{view} of {label}: no samples")
}

#[cfg(test)]
mod tests {
    use super::*;
    use lab_analysis::stacks::Folded;

    fn evidence(stacks: &str) -> Evidence {
        let folded = Folded::parse(stacks.as_bytes()).folded;
        let seen = RunView {
            label: "rate=100".into(),
            folded,
            samples: None,
            ops: Some(3),
            damage: Vec::new(),
            overhead: None,
            covered: None,
        };
        Evidence {
            profiler: Profiler::Stall,
            name: "stall off-CPU".into(),
            unit: "ms".into(),
            shows: String::new(),
            op: "request",
            own_crate: None,
            seen: vec![seen],
        }
    }

    #[test]
    fn folded_weights_are_whole_and_their_unit_is_in_the_name() {
        let (files, without) =
            folded(&[evidence("main;read 3\nmain;wait 0.000271\nmain;no 1e-9\n")]);
        let wanted = Exported {
            name: "rate-100-stall-off-cpu.ns.folded".into(),
            bytes: b"main;read 3000000\nmain;wait 271\n".to_vec(),
        };
        assert_eq!((files, without.len()), (vec![wanted], 0));
    }

    #[test]
    fn units_become_those_in_which_weights_are_whole() {
        assert_eq!(
            ["us", "ms", "bytes", "samples"].map(|unit| whole_unit(unit).0),
            ["ns", "ns", "bytes", "samples"]
        );
        assert_eq!(
            value_type(Profiler::Cpu, "us"),
            (ValueType::time("cpu"), 1e3),
            "CPU time is no wall time"
        );
        assert_eq!(value_type(Profiler::Spans, "us"), (ValueType::time("wall"), 1e3));
        assert_eq!(value_type(Profiler::Sched, "ms"), (ValueType::time("delay"), 1e6));
    }

    #[test]
    fn a_view_without_samples_gets_a_sentence_and_no_empty_file() {
        for stacks in ["", "main 1e-9\n"] {
            let (files, without) = folded(&[evidence(stacks)]);
            assert!(files.is_empty());
            assert_eq!(without, ["stall off-CPU of rate=100: no samples"]);
        }
    }
}
