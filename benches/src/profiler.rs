//! `--profile-time`: a flame graph of each benchmark beside criterion's report, drawn as the lab's
//! own flame graphs.

use crate::warn;
use anyhow::Context;
use criterion::profiler::Profiler;
use lab_analysis::stacks::symbols::Symbols;
use lab_analysis::stacks::{Folded, Names, Side, flame};
use lab_recording::frame::Frame;
use pprof::{ProfilerGuard, ProfilerGuardBuilder, UnresolvedReport};
use std::path::Path;

/// Samples requested per second of CPU time.
const HZ: i32 = 1_000;
/// Prefix of the names of the lab's own threads, whose CPU time is not the variant's.
const OWN_THREADS: &[u8] = b"lab-";
/// File of the picture in a benchmark's folder `profile`.
const FILE: &str = "flamegraph.svg";

/// Draws a flame graph for each benchmark.
#[derive(Default)]
pub struct FlameGraphs(Option<ProfilerGuard<'static>>);

impl Profiler for FlameGraphs {
    fn start_profiling(&mut self, benchmark_id: &str, _benchmark_dir: &Path) {
        match start() {
            Ok(profiler) => self.0 = Some(profiler),
            Err(error) => warn(&format!("{benchmark_id} is not profiled: {error:#}")),
        }
    }

    fn stop_profiling(&mut self, benchmark_id: &str, benchmark_dir: &Path) {
        let Some(profiler) = self.0.take() else { return };
        let drawn = profiler
            .report()
            .build_unresolved()
            .context("pprof-rs has no samples")
            .and_then(|report| draw(&report, benchmark_id, benchmark_dir));
        if let Err(error) = drawn {
            warn(&format!("{benchmark_id} has no flame graph: {error:#}"));
        }
    }
}

/// Starts pprof-rs. It needs frame pointers. Samples inside libgcc are dropped: a thread that
/// unwinds may hold a lock there which pprof-rs takes too.
fn start() -> anyhow::Result<ProfilerGuard<'static>> {
    #[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
    lab_recorder::walk::frame_pointers_work().map_err(anyhow::Error::msg)?;
    let builder = ProfilerGuardBuilder::default().frequency(HZ).blocklist(&["libgcc"]);
    builder.build().context("pprof-rs cannot start")
}

fn draw(report: &UnresolvedReport, title: &str, folder: &Path) -> anyhow::Result<()> {
    let folded = Names::new().apply(&folded(report)?);
    let label = "under criterion";
    let side =
        Side { label, folded: &folded, unit: "samples", samples: None, ops: None, op: "run" };
    let picture = flame::graph(&side, title).context("try a longer --profile-time")?;
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(folder.join(FILE), picture))
        .with_context(|| format!("cannot write {}", folder.join(FILE).display()))
}

/// The folded stacks of the variant's samples, root first.
fn folded(report: &UnresolvedReport) -> anyhow::Result<Folded> {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let mut symbols = Symbols::of_program(&maps, &std::env::current_exe()?, (0, 0));
    let mut folded = Folded::default();
    for (frames, samples) in &report.data {
        if !frames.thread_name[..frames.thread_name_length].starts_with(OWN_THREADS) {
            let back = frames.frames.iter().map(|frame| frame.ip as u64);
            folded.add(names(back, &mut symbols), *samples as f64);
        }
    }
    Ok(folded)
}

/// The names of a stack, root first. A return address is behind its call, so the name is that of
/// the byte before.
fn names(back: impl Iterator<Item = u64>, symbols: &mut Symbols) -> Vec<String> {
    let mut names = Vec::new();
    for call in back {
        names.extend(symbols.frames_at(call.saturating_sub(1)).iter().map(Frame::name));
    }
    names.reverse();
    names
}
