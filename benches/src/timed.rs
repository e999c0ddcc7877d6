//! The time of a run, read from its recording.

use anyhow::{Context, ensure};
use lab_kit::batch::names;
use lab_recording::{counters, request_log};
use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

/// The kind of time that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timed {
    /// The mean response of the measured requests, each from its intended send time. A request
    /// without an answer counts at its age.
    Responses,
    /// The wall time of a batch.
    Batch,
    /// The time of the stopwatch with this name.
    Stopwatch(&'static str),
}

/// A measured time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measured {
    /// The time.
    pub time: Duration,
    /// Number of items that were processed in this time.
    pub items: u64,
}

impl Timed {
    /// Reads the time of a run from its folder.
    ///
    /// # Errors
    /// If the recording cannot be read, or has no such time.
    pub fn read(self, folder: &Path) -> anyhow::Result<Measured> {
        match self {
            Timed::Responses => mean_response(folder),
            Timed::Batch => batch(&counters(folder)?),
            Timed::Stopwatch(name) => stopwatch(&counters(folder)?, name),
        }
    }
}

fn mean_response(folder: &Path) -> anyhow::Result<Measured> {
    let (header, entries) = request_log::read(&folder.join(request_log::REQUESTS))
        .context("cannot read the request log")?;
    let end_ns = header.closed_ns.context("the run did not wait for its answers")?;
    let (mut sum_ns, mut sent, mut answered) = (0, 0, 0);
    for entry in entries.skip(header.excluded) {
        let entry = entry?;
        if entry.sent_ns.is_none_or(|sent_ns| sent_ns > end_ns) {
            continue;
        }
        let answer_ns = entry.ended_ns.filter(|ended_ns| *ended_ns <= end_ns && !entry.lost);
        sent += 1;
        answered += u64::from(answer_ns.is_some());
        sum_ns += answer_ns.unwrap_or(end_ns).saturating_sub(entry.intended_ns);
    }
    ensure!(answered > 0, "none of the {sent} measured requests was answered");
    Ok(Measured { time: Duration::from_nanos(sum_ns / sent), items: 1 })
}

fn counters(folder: &Path) -> anyhow::Result<HashMap<String, u64>> {
    let counters =
        counters::read(&folder.join(counters::COUNTERS)).context("cannot read the counters")?;
    Ok(counters.into_iter().collect())
}

fn batch(counters: &HashMap<String, u64>) -> anyhow::Result<Measured> {
    let value = |name: &str| {
        counters.get(name).copied().with_context(|| format!("the counter {name} is missing"))
    };
    let (offered, completed) = (value(names::OFFERED)?, value(names::COMPLETED)?);
    ensure!(completed == offered, "{completed} of the {offered} items were completed");
    Ok(Measured { time: Duration::from_nanos(value(names::WALL_NS)?), items: offered })
}

fn stopwatch(counters: &HashMap<String, u64>, name: &str) -> anyhow::Result<Measured> {
    let at = |end: &str| counters.get(&format!("{name}{end}")).copied();
    let begin =
        at(counters::BEGIN_NS).with_context(|| format!("the stopwatch {name} was not started"))?;
    let end =
        at(counters::END_NS).with_context(|| format!("the stopwatch {name} was not stopped"))?;
    Ok(Measured { time: Duration::from_nanos(end.saturating_sub(begin)), items: 1 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use lab_kit::{Cx, Load, Request};

    fn counted(counters: &[(&str, u64)]) -> HashMap<String, u64> {
        counters.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect()
    }

    fn after(
        drain_ms: u64,
        answers: impl Fn(usize) -> bool + Send + Sync + 'static,
    ) -> anyhow::Result<Measured> {
        let folder = tempfile::tempdir().unwrap();
        let load = Load { rate: 100.0, warmup_ms: 50, duration_ms: 100, drain_ms, ..Load::DEFAULT };
        let cx = Cx::create(load, folder.path()).unwrap().quiet();
        let runtime = cx.runtime().build().unwrap();
        let handler = move |request: Request| {
            let answers = answers(request.number);
            async move { answers.then_some(()) }
        };
        cx.requests(runtime.handle(), handler).unwrap().finish().unwrap();
        Timed::Responses.read(folder.path())
    }

    #[test]
    fn responses_are_averaged_and_one_that_is_lost_counts_at_its_age() {
        assert_eq!(after(1_000, |_| true).unwrap().items, 1);
        // The first measured request is lost, so it is as old as the run when that ends: 90 ms of a
        // hundred, over ten.
        let lost = after(1_000, |number| number != 5).unwrap();
        assert!(lost.time >= Duration::from_millis(9), "{lost:?}");
    }

    #[test]
    fn a_run_without_an_answer_has_no_time() {
        let error = after(10, |number| number < 5).unwrap_err();
        assert_eq!(error.to_string(), "none of the 10 measured requests was answered");
    }

    #[test]
    fn a_batch_is_timed_if_all_of_it_was_done() {
        let all = [("batch_offered", 8), ("batch_completed", 8), ("batch_wall_ns", 900)];
        let measured = batch(&counted(&all)).unwrap();
        assert_eq!(measured, Measured { time: Duration::from_nanos(900), items: 8 });
        let some = [("batch_offered", 8), ("batch_completed", 7), ("batch_wall_ns", 900)];
        assert!(batch(&counted(&some)).unwrap_err().to_string().starts_with("7 of the 8 items"));
        assert!(batch(&counted(&all[..1])).is_err());
    }

    #[test]
    fn a_stopwatch_needs_both_ends() {
        let both = [("quiesce_begin_ns", 100), ("quiesce_end_ns", 350)];
        assert_eq!(stopwatch(&counted(&both), "quiesce").unwrap().time, Duration::from_nanos(250));
        let error = stopwatch(&counted(&both[..1]), "quiesce").unwrap_err();
        assert_eq!(error.to_string(), "the stopwatch quiesce was not stopped");
    }
}
