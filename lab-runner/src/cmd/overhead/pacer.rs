//! How well the pacer keeps a schedule against a service that does nothing, what a request costs
//! it, and how far it goes.

use crate::cmd::overhead::null;
use lab_analysis::requests::{self, Reading, ValidityVerdict};
use lab_kit::Cx;
use lab_kit::overhead::{Answer, Instrument, Job};
use lab_recording::{Arrivals, Load};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Names of what is answered.
pub(crate) mod name {
    /// Median of how late requests were sent, in microseconds.
    pub const LAG_P50_US: &str = "lag_p50_us";
    /// The same for one request in a hundred.
    pub const LAG_P99_US: &str = "lag_p99_us";
    /// Nanoseconds of the pacer's time to hand a request over.
    pub const INJECT_NS: &str = "inject_ns";
    /// The same to wake a runtime that slept, spread over all requests.
    pub const WAKE_NS: &str = "wake_ns";
    /// Whether the load was sent on schedule: 1 or 0.
    pub const VALID: &str = "valid";
    /// The highest rate that was.
    pub const HIGHEST: &str = "highest_rate";
}

const fn load(
    name: &'static str,
    amount: u64,
    measure: fn(&Job) -> Result<Answer, String>,
) -> Instrument {
    Instrument { name, amount, measure }
}

/// Milliseconds of a load, and of one on the way to the highest rate.
const LONG: u64 = 250;
const SHORT: u64 = 25;

pub(crate) const INSTRUMENTS: &[Instrument] = &[
    load("20 000/s, constant", LONG, |job| paced(job, Arrivals::Constant, 20_000.0)),
    load("20 000/s, Poisson", LONG, |job| paced(job, Arrivals::Poisson, 20_000.0)),
    load("100 000/s, constant", LONG, |job| paced(job, Arrivals::Constant, 100_000.0)),
    load("100 000/s, Poisson", LONG, |job| paced(job, Arrivals::Poisson, 100_000.0)),
    load("500 000/s, constant", LONG, |job| paced(job, Arrivals::Constant, 500_000.0)),
    load("500 000/s, Poisson", LONG, |job| paced(job, Arrivals::Poisson, 500_000.0)),
    load("highest valid, constant", SHORT, |job| highest(job, Arrivals::Constant)),
    load("highest valid, Poisson", SHORT, |job| highest(job, Arrivals::Poisson)),
];

/// What a load of this rate shows.
struct Paced {
    metrics: BTreeMap<String, Reading>,
    valid: bool,
}

fn try_at(folder: &Path, load: Load) -> Result<Paced, String> {
    let text = |error: anyhow::Error| format!("{error:#}");
    fs::create_dir(folder).map_err(|error| format!("no folder for a load: {error}"))?;
    null::run(Cx::create(load.clone(), folder).map_err(text)?).map_err(text)?;
    let (metrics, validity) = requests::of_log(folder, &load).map_err(text)?;
    fs::remove_dir_all(folder).map_err(|error| format!("the load's folder stays: {error}"))?;
    // A null target that cannot answer all in time is not the pacer's fault, and says nothing
    // against its schedule.
    Ok(Paced { metrics, valid: validity.verdict != ValidityVerdict::Invalid })
}

fn paced(job: &Job, arrivals: Arrivals, rate: f64) -> Result<Answer, String> {
    let Paced { metrics, valid } =
        try_at(&job.folder.join("load"), null::load(arrivals, rate, job.amount))?;
    let values = [
        (name::LAG_P50_US, "pacer_lag_p50_us", 1.0),
        (name::LAG_P99_US, "pacer_lag_p99_us", 1.0),
        (name::INJECT_NS, "pacer_inject_us_per_op", 1e3),
        (name::WAKE_NS, "pacer_wake_us_per_op", 1e3),
    ];
    let numbers = values.into_iter().filter_map(|(name, metric, unit)| {
        let reading = metrics.get(metric)?;
        Some((name.to_owned(), reading.value * unit))
    });
    Ok(numbers.chain([(name::VALID.to_owned(), f64::from(u8::from(valid)))]).collect())
}

/// Doubles the rate until it cannot be kept, and then halves the gap between what can and what
/// cannot.
fn highest(job: &Job, arrivals: Arrivals) -> Result<Answer, String> {
    const FIRST: f64 = 1_000_000.0;
    const MOST: f64 = 16_000_000.0;
    const STEPS: usize = 3;
    let valid = |rate: f64| {
        let paced = try_at(&job.folder.join("load"), null::load(arrivals, rate, job.amount));
        paced.map(|paced| paced.valid)
    };
    let (mut can, mut cannot) = (0.0, FIRST);
    while cannot <= MOST && valid(cannot)? {
        (can, cannot) = (cannot, 2.0 * cannot);
    }
    for _ in 0..STEPS {
        let between = f64::midpoint(can, cannot);
        if valid(between)? {
            can = between;
        } else {
            cannot = between;
        }
    }
    Ok([(name::HIGHEST.to_owned(), can)].into())
}
