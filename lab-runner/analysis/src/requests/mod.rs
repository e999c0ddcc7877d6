//! From a recording to numbers. Pure: reads the folder's files, starts nothing, asks no clock.
//!
//! A number that is not known exactly comes with the range in which the truth lies, and why. A
//! number that was not measured is absent.

mod counters;
mod doubt;
pub mod intervals;
mod log;
mod naive;
pub mod over_time;
mod parts;
pub mod trials;
mod validity;

pub use intervals::{Interval, Intervals, intervals};
pub use naive::Naive;
pub use parts::quantile;
pub use parts::{Part, QUANTILES};
pub use validity::{Validity, Verdict as ValidityVerdict};

use counters::Counters;
use doubt::{Doubt, Floor, Stolen};
use hdrhistogram::Histogram;
use lab_recording::folder::{self, Recording};
use lab_recording::outcome::Usage;
use lab_recording::{Load, request_log};
use log::Requests;
use over_time::Slice;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;

/// One value and the range in which the truth lies.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// The value, in the unit that its metric's name ends with.
    pub value: f64,
    /// The truth is this or more.
    pub low: f64,
    /// The upper bound of the true value; infinite if unknown.
    pub high: f64,
    /// Why it is not exact, in words.
    pub because: Option<&'static str>,
}

impl Reading {
    /// A value that is exact, within the instrument's resolution.
    pub fn exact(value: f64) -> Reading {
        Reading { value, low: value, high: value, because: None }
    }

    /// Leaves nothing but the number itself: the run that it comes from is invalid.
    fn void(&mut self) {
        (self.low, self.high, self.because) = (0.0, f64::INFINITY, Some("the run is invalid"));
    }

    /// This reading divided by another, both positive.
    pub fn over(&self, divisor: &Reading) -> Reading {
        Reading {
            value: self.value / divisor.value,
            low: self.low / divisor.high,
            high: self.high / divisor.low,
            because: self.because.or(divisor.because),
        }
    }
}

/// The analysis of a recording.
#[derive(Clone, Debug)]
pub struct Analysis {
    /// The spec and the outcome.
    pub recording: Recording,
    /// Every metric that was measured, by name.
    pub metrics: BTreeMap<String, Reading>,
    /// Every response in nanoseconds, if requests were sent.
    pub responses: Option<Histogram<u64>>,
    /// How responses developed while the run lasted; empty if no requests were sent.
    pub over_time: Vec<Slice>,
    /// Bytes that were held at the begin of the measured time and when the log was closed; none
    /// if the program's allocator does not count.
    pub held: Option<[u64; 2]>,
    /// The result of a closed-loop benchmark, if requests were answered.
    pub naive: Option<Naive>,
    /// Whether the numbers can be believed.
    pub validity: Validity,
    /// Conditions that limit the conclusion.
    pub notes: Vec<String>,
    /// Parts of the recording that are damaged.
    pub unread: Vec<&'static str>,
}

/// Analyses one recording. What is missing or damaged is noted and left out.
pub fn analyse(recording: Recording) -> Analysis {
    let mut notes = recording.outcome.warnings.clone();
    let (mut metrics, mut unread) = (BTreeMap::new(), Vec::new());
    let mut damaged = |what: &'static str, error: anyhow::Error| {
        notes.push(format!("cannot read the {what}: {error:#}"));
        unread.push(what);
    };
    let requests =
        read_requests(&recording).map_err(|error| damaged("requests", error)).ok().flatten();
    if let Some(missing) =
        requests.as_ref().map(|requests| requests.missing).filter(|missing| *missing > 0)
    {
        damaged("requests", anyhow::anyhow!("the last {missing} are cut off"));
    }
    let floor = read_floor(&recording).map_err(|error| damaged("floor", error)).ok().flatten();
    let counters =
        read_counters(&recording).map_err(|error| damaged("counters", error)).unwrap_or_default();
    let steal = recording.outcome.steal;
    let stolen_ms = steal.map_or(0.0, |steal| steal.ms);
    counters::add_metrics(&counters, recording.outcome.ended_ns, stolen_ms, &mut metrics);
    if let Some(steal) = steal {
        metrics.insert("steal_share".into(), Reading::exact(steal.share));
    }
    let load = &recording.spec.load;
    let measured = requests.as_ref().map_or(load.duration(), |requests| requests.measured);
    let doubt = Doubt { floor, stolen: steal.map(|steal| Stolen::within(steal.ms, measured)) };
    if let Some(requests) = &requests {
        requests.add_metrics(&doubt, &mut metrics);
    }
    let validity = Validity::of_run(requests.as_ref(), load, &recording.outcome);
    if validity.verdict == ValidityVerdict::Invalid {
        metrics
            .iter_mut()
            .filter(|(name, _)| Part::of_metric(name).is_some())
            .for_each(|(_, reading)| reading.void());
    }
    if let Some(usage) = recording.outcome.usage {
        add_usage(usage, &mut metrics);
    }
    add_notes(&recording, requests.as_ref(), &mut notes);
    let naive = requests.as_ref().and_then(|requests| requests.client.report());
    let over_time =
        requests.as_ref().map(|requests| requests.over_time.clone()).unwrap_or_default();
    let held = requests.as_ref().and_then(|requests| requests.header.held);
    let responses = requests.map(|requests| requests.parts.into_responses());
    Analysis { recording, metrics, responses, over_time, held, naive, validity, notes, unread }
}

/// The counters of the kernel, in total and per operation.
fn add_usage(usage: Usage, metrics: &mut BTreeMap<String, Reading>) {
    metrics.insert("peak_memory_kb".into(), Reading::exact(usage.peak_memory_kb as f64));
    let live = usage.peak_live_bytes.map(|bytes| Reading::exact(bytes as f64 / 1_024.0));
    metrics.extend(live.map(|reading| ("peak_live_kb".to_owned(), reading)));
    let completed =
        metrics.get("completed").map(|reading| reading.value).filter(|completed| *completed > 0.0);
    if let Some(completed) = completed {
        metrics.insert("switches_per_op".into(), Reading::exact(usage.switches as f64 / completed));
        let seconds =
            metrics.get("wall_ms").map(|wall| wall.value / 1e3).filter(|seconds| *seconds > 0.0);
        metrics
            .extend(seconds.map(|seconds| {
                ("completed_per_s".to_owned(), Reading::exact(completed / seconds))
            }));
    }
}

/// Less stolen time than this is every virtual machine's lot.
const MENTIONED_STEAL_MS: f64 = 50.0;

fn add_notes(recording: &Recording, requests: Option<&Requests>, notes: &mut Vec<String>) {
    if !recording.spec.environment.optimised {
        notes.push("built without optimisation: its times are not comparable".into());
    }
    if let Some(steal) = recording.outcome.steal.filter(|steal| steal.ms >= MENTIONED_STEAL_MS) {
        notes.push(format!("the host took {:.0} ms of CPU time during the run", steal.ms));
    }
    if requests.is_some_and(|r| !r.header.spins) {
        notes.push(
            "no core was free for the load generator: it slept until each deadline instead of spinning"
                .into(),
        );
    }
}

/// The request log, if the variant got so far as to make one.
fn read_requests(recording: &Recording) -> anyhow::Result<Option<Requests>> {
    let Some((header, entries)) = open_log(recording, request_log::REQUESTS)? else {
        return Ok(None);
    };
    let duration = recording.spec.load.duration();
    Requests::collect(header, entries, duration, recording.outcome.ended_ns).map(Some)
}

/// What a request log by itself adds up to, and whether its load was paced: for a load that nothing
/// was measured beside.
///
/// # Errors
/// If it is not there or cannot be read.
pub fn of_log(folder: &Path, load: &Load) -> anyhow::Result<(BTreeMap<String, Reading>, Validity)> {
    let (header, entries) = request_log::read(&folder.join(request_log::REQUESTS))?;
    added_up(header, entries, load)
}

/// The same of the bytes of a log.
///
/// # Errors
/// If they are no request log.
pub fn of_bytes(
    bytes: &[u8],
    load: &Load,
) -> anyhow::Result<(BTreeMap<String, Reading>, Validity)> {
    let (header, entries) = request_log::parse(bytes)?;
    added_up(header, entries, load)
}

fn added_up(
    header: request_log::Header,
    entries: impl Iterator<Item = io::Result<request_log::Entry>>,
    load: &Load,
) -> anyhow::Result<(BTreeMap<String, Reading>, Validity)> {
    let requests = Requests::collect(header, entries, load.duration(), None)?;
    let mut metrics = BTreeMap::new();
    requests.add_metrics(&Doubt::default(), &mut metrics);
    Ok((metrics, Validity::new(&requests, load)))
}

/// The null target's log, its warm-up left out.
fn read_floor(recording: &Recording) -> anyhow::Result<Option<Floor>> {
    let Some((header, entries)) = open_log(recording, request_log::FLOOR)? else { return Ok(None) };
    let entries = entries.skip(header.excluded).collect::<io::Result<Vec<_>>>()?;
    Ok(Some(Floor::from_entries(&entries)))
}

fn open_log(
    recording: &Recording,
    file: &str,
) -> anyhow::Result<Option<(request_log::Header, request_log::Entries)>> {
    match request_log::read(&recording.folder.join(file)) {
        Ok((header, entries)) => {
            folder::check_belongs(&recording.folder, header.spec)?;
            Ok(Some((header, entries)))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn read_counters(recording: &Recording) -> anyhow::Result<Counters> {
    let file = recording.folder.join(lab_recording::counters::COUNTERS);
    if !file.exists() {
        return Ok(Counters::new());
    }
    Ok(lab_recording::counters::read(&file)?.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quotient_lies_between_the_extremes_of_both_sides() {
        let reading = |low, value, high| Reading { value, low, high, because: Some("a reason") };
        assert_eq!(Reading::exact(6.0).over(&Reading::exact(3.0)), Reading::exact(2.0));
        assert_eq!(reading(4.0, 6.0, 8.0).over(&reading(1.0, 2.0, 4.0)), reading(1.0, 3.0, 8.0));
        let cut_off = reading(6.0, 6.0, f64::INFINITY);
        assert_eq!(cut_off.over(&Reading::exact(3.0)), reading(2.0, 2.0, f64::INFINITY));
        assert_eq!(Reading::exact(6.0).over(&cut_off), reading(0.0, 1.0, 1.0));
        assert_eq!(Reading::exact(6.0).over(&reading(0.0, 3.0, 3.0)).high, f64::INFINITY);
    }
}
