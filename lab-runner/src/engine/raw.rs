//! The raw logs of profilers: most of a recording's bytes, and of no use once their results are
//! computed.

use lab_recording::alloc;
use lab_recording::profiler::Profiler;
use std::fs;
use std::path::Path;

/// What becomes of raw logs after their results were computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RawLogs {
    Keep,
    Remove,
}

/// The raw logs that a profiler leaves and nothing reads again. `sched.bin` stays: `lab export --to
/// perfetto` reads it.
fn names(profiler: Profiler) -> &'static [&'static str] {
    match profiler {
        Profiler::Alloc => &[alloc::FILE, alloc::FIRST_HEAP, alloc::HEAP],
        Profiler::Cpu => &[lab_recording::cpu::Raw::FILE],
        // Under the profiler sched the stall sampler runs too.
        Profiler::Stall | Profiler::Sched => &[lab_recording::stall::FILE],
        Profiler::Spans => &[lab_recording::spans::Raw::FILE],
        Profiler::Console => &[],
    }
}

/// Removes the raw logs of a run whose results were computed.
pub(crate) fn remove(profiler: Profiler, run: &Path) {
    for name in names(profiler) {
        // One that is not there was never written, and one that cannot be removed only takes room.
        let _ = fs::remove_file(run.join(name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raw_logs_are_removed_and_results_stay() {
        for profiler in Profiler::ALL {
            let run = tempfile::tempdir().unwrap();
            let results = ["cpu.folded", "profiler.json", "sched.bin", "sched.json", "spec.json"];
            for name in results.iter().chain(names(profiler)) {
                fs::write(run.path().join(name), "x").unwrap();
            }
            assert!(!names(profiler).is_empty(), "{profiler} leaves a raw log");
            remove(profiler, run.path());
            let left = fs::read_dir(run.path()).unwrap().map(|entry| entry.unwrap().file_name());
            let mut left: Vec<String> = left.map(|name| name.into_string().unwrap()).collect();
            left.sort();
            assert_eq!(left, results);
        }
    }
}
