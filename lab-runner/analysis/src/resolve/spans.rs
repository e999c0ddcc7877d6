//! Resolution in the parent: sums become folded stacks, with notes on their completeness.

use crate::stacks::Folded;
use anyhow::{Result, ensure};
use lab_recording::observations::SLOW_REQUEST;
use lab_recording::profiler::{ProfilerStatus, ViewStatus};
use lab_recording::spans::Raw;
use std::collections::BTreeMap;
use std::path::Path;

/// The view's files.
const TIME: &str = "spans.folded";
const PIECES: &str = "spans-pieces.folded";
/// The time without entering or leaving a span after which a thread is noted.
const STUCK_NS: u64 = 100_000_000;

const SHOWS: &str = "how long threads are inside spans: wall time while they are polled, by \
                     tracing-flame; no CPU samples, \
                     nothing that runs in no span, and not the time between polls";

/// Writes the folded stacks of the child, and its slowest request.
///
/// # Errors
/// If the child left nothing, if no span was entered, or if there is no room for the files.
pub fn resolve(folder: &Path) -> Result<ProfilerStatus> {
    let raw = Raw::read(folder)?;
    let seen = SpanTimes::from_raw(&raw);
    ensure!(
        !seen.time.is_empty(),
        "no span was entered during the profile: give the steps of a request tracing spans, or \
         try a longer --duration"
    );
    std::fs::write(folder.join(TIME), seen.time.to_string())?;
    std::fs::write(folder.join(PIECES), seen.pieces.to_string())?;
    if let Some(slow) = &raw.slow {
        std::fs::write(folder.join(SLOW_REQUEST), serde_json::to_vec_pretty(slow)?)?;
    }
    let view = ViewStatus {
        name: "spans".into(),
        file: TIME.into(),
        unit: "us".into(),
        samples: Some(PIECES.into()),
        shows: SHOWS.into(),
    };
    Ok(ProfilerStatus {
        views: vec![view],
        counts: counts(&raw, &seen),
        notes: notes(&raw),
        unavailable: None,
    })
}

/// The sums as stacks: in microseconds, and in the pieces that these were seen in.
#[derive(Default)]
struct SpanTimes {
    time: Folded,
    pieces: Folded,
}

impl SpanTimes {
    fn from_raw(raw: &Raw) -> SpanTimes {
        let mut seen = SpanTimes::default();
        raw.stacks.iter().for_each(|(stack, weight)| seen.add(stack, weight.ns, weight.pieces));
        // tracing-flame tells of these when they end: of a run that is killed, never.
        stuck(raw).for_each(|inside| seen.add(&inside.stack, inside.ns, 1));
        seen
    }

    fn add(&mut self, stack: &str, ns: u64, pieces: u64) {
        self.time.add(stack.split(';'), ns as f64 / 1e3);
        self.pieces.add(stack.split(';'), pieces as f64);
    }
}

/// The threads that had been inside the same spans for long when it was written down.
fn stuck(raw: &Raw) -> impl Iterator<Item = &lab_recording::spans::Inside> {
    raw.inside.iter().filter(|inside| inside.ns >= STUCK_NS)
}

fn counts(raw: &Raw, seen: &SpanTimes) -> BTreeMap<String, u64> {
    let named = [
        ("wall_ms", raw.wall_ns / 1_000_000),
        ("pieces", seen.pieces.total() as u64),
        ("stacks", seen.time.len() as u64),
        ("followed", raw.followed),
        ("left_out", raw.left_out),
    ];
    named.into_iter().map(|(name, count)| (name.to_owned(), count)).collect()
}

fn notes(raw: &Raw) -> Vec<String> {
    let mut notes =
        vec!["a task spawned outside of its spawner's span begins a stack of its own".to_owned()];
    if !raw.stopped {
        notes.push(
            "the run was killed during the profile: up to its last half second is missing".into(),
        );
    }
    notes.extend(stuck(raw).map(|inside| {
        let (stack, ms) = (inside.stack.replace(';', " > "), inside.ns / 1_000_000);
        format!(
            "a thread was still inside {stack} after {ms} ms; that time is added to the record of \
             tracing-flame"
        )
    }));
    if raw.slow_is_open {
        notes.push("the slowest request has not ended: it is shown with its age".into());
    }
    if raw.left_out > 0 {
        notes.push(format!(
            "{} records of tracing-flame are missing: the buffer was full",
            raw.left_out
        ));
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;
    use lab_recording::spans::{Inside, Weight};

    #[test]
    fn a_run_that_is_killed_inside_a_poll_shows_it() {
        let inside = |stack: &str, ns| Inside { stack: stack.into(), ns };
        let raw = Raw {
            stacks: [("task;drain".to_owned(), Weight { ns: 7_500, pieces: 2 })].into(),
            inside: vec![inside("task", 2_000_000_000), inside("request", 1_000)],
            slow_is_open: true,
            left_out: 3,
            ..Raw::default()
        };
        let seen = SpanTimes::from_raw(&raw);
        assert_eq!((seen.time.weight(&["task"]), seen.time.weight(&["task", "drain"])), (2e6, 7.5));
        assert_eq!((seen.pieces.total(), seen.time.len()), (3.0, 2));
        let notes = notes(&raw).join("\n");
        for part in
            ["killed during the profile", "inside task after 2000 ms", "has not ended", "3 records"]
        {
            assert!(notes.contains(part), "{part}: {notes}");
        }
    }

    #[test]
    fn no_span_is_no_empty_profile() {
        let folder = tempfile::tempdir().unwrap();
        Raw { stopped: true, ..Raw::default() }.write(folder.path()).unwrap();
        assert!(resolve(folder.path()).unwrap_err().to_string().contains("tracing spans"));
    }
}
