//! What profilers saw, as folded text and as pprof: a file for each view of each run.

use crate::export::{Exported, file_name};
use lab_analysis::evidence::{Evidence, Seen};
use lab_analysis::stacks::pprof;

/// How stacks are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A line for each stack, its weight behind it.
    Folded,
    /// The format of `go tool pprof`.
    Pprof,
}

/// A file for each view in which there was something to see, and a sentence for each in which there was not.
pub fn stacks(evidence: &[Evidence], kind: Kind) -> (Vec<Exported>, Vec<String>) {
    let views = evidence.iter().flat_map(|view| view.seen.iter().map(move |seen| (view, seen)));
    let (mut files, mut nothing) = (Vec::new(), Vec::new());
    for (view, seen) in views {
        match bytes(view, seen, kind) {
            Ok(bytes) => files.push(Exported { name: name(view, seen, kind), bytes }),
            Err(error) => nothing.push(format!("{} of {}: {error:#}", view.name, seen.label)),
        }
    }
    (files, nothing)
}

fn name(view: &Evidence, seen: &Seen, kind: Kind) -> String {
    let end = match kind {
        Kind::Folded => "folded",
        Kind::Pprof => "pb.gz",
    };
    format!("{}-{}.{end}", file_name(&seen.label), file_name(&view.name))
}

fn bytes(view: &Evidence, seen: &Seen, kind: Kind) -> anyhow::Result<Vec<u8>> {
    match kind {
        Kind::Folded => {
            anyhow::ensure!(!seen.folded.is_empty(), "no samples: there is nothing to write");
            Ok(seen.folded.to_string().into_bytes())
        }
        Kind::Pprof => {
            let (kind, unit, times) = weighed(&view.unit);
            pprof::gzipped(&seen.folded.scaled(times), kind, unit)
        }
    }
}

/// What pprof calls a unit of ours: what is weighed, in which of the units that its readers know, and how many of those
/// make one of ours.
fn weighed(unit: &str) -> (&'static str, &'static str, f64) {
    match unit {
        "ms" => ("wall", "nanoseconds", 1e6),
        "us" => ("wall", "nanoseconds", 1e3),
        "ns" => ("wall", "nanoseconds", 1.0),
        "bytes" => ("space", "bytes", 1.0),
        _ => ("samples", "count", 1.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lab_analysis::stacks::Folded;
    use lab_recording::profiler::Profiler;

    fn evidence(stacks: &str) -> Evidence {
        let folded = Folded::parse(stacks.as_bytes()).folded;
        let seen = Seen {
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
    fn each_view_of_each_run_is_a_file() {
        let (files, nothing) = stacks(&[evidence("main;read 3\n")], Kind::Folded);
        let wanted = Exported { name: "rate-100-stall-off-cpu.folded".into(), bytes: b"main;read 3\n".to_vec() };
        assert_eq!((files, nothing.len()), (vec![wanted], 0));
        let (files, _) = stacks(&[evidence("main;read 3\n")], Kind::Pprof);
        assert_eq!(files[0].name, "rate-100-stall-off-cpu.pb.gz");
    }

    #[test]
    fn a_view_in_which_nothing_was_seen_is_told_and_no_empty_file() {
        for kind in [Kind::Folded, Kind::Pprof] {
            let (files, nothing) = stacks(&[evidence("")], kind);
            assert!(files.is_empty() && nothing[0].starts_with("stall off-CPU of rate=100: no samples"), "{nothing:?}");
        }
    }
}
