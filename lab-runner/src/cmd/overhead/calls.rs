//! What single calls take: a look at a clock, a value into a histogram, an allocation that is
//! counted.

use hdrhistogram::Histogram;
use lab_analysis::stats::median;
use lab_kit::alloc::{Counting, timed};
use lab_kit::overhead::{Answer, Instrument, Job, NS};
use lab_kit::turns::in_turns;
use std::alloc::GlobalAlloc;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Calls of a block.
const BLOCK: u64 = 50_000;
/// The largest latency that a run's histograms take, in nanoseconds, and their digits.
const LONGEST_NS: u64 = 3_600_000_000_000;
const DIGITS: u8 = 3;

const fn calls(name: &'static str, measure: fn(&Job) -> Result<Answer, String>) -> Instrument {
    Instrument { name, amount: 2_000_000, measure }
}

pub(crate) const INSTRUMENTS: &[Instrument] = &[
    calls("Instant::now", |job| Ok(alone(job, || _ = black_box(Instant::now())))),
    calls("time-stamp counter", counter),
    calls("a value into a histogram", histogram),
    calls("an allocation, counted", counted),
];

/// Nanoseconds a call, the median of blocks.
fn alone(job: &Job, mut call: impl FnMut()) -> Answer {
    let ns = blocks(job).map(|_| per_call(timed_calls(&mut call))).collect();
    [(NS.to_owned(), median(ns))].into()
}

fn blocks(job: &Job) -> std::ops::Range<u64> {
    0..(job.amount / BLOCK).max(1)
}

fn timed_calls(call: &mut impl FnMut()) -> Duration {
    let begin = Instant::now();
    (0..BLOCK).for_each(|_| call());
    begin.elapsed()
}

fn per_call(took: Duration) -> f64 {
    took.as_secs_f64() * 1e9 / BLOCK as f64
}

fn counter(job: &Job) -> Result<Answer, String> {
    let clock = quanta::Clock::new();
    Ok(alone(job, || _ = black_box(clock.raw())))
}

/// Latencies as they come: most near each other, some far away.
fn histogram(job: &Job) -> Result<Answer, String> {
    let mut histogram: Histogram<u64> =
        Histogram::new_with_bounds(1, LONGEST_NS, DIGITS).map_err(|error| error.to_string())?;
    let mut random = 1_u64;
    let mut refused = 0;
    let answer = alone(job, || {
        random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let ns = 1 << (10 + (random >> 59) / 4) | random >> 54;
        refused += u64::from(histogram.record(ns).is_err());
    });
    if refused == 0 { Ok(answer) } else { Err(format!("{refused} values did not fit")) }
}

#[cfg(feature = "jemalloc")]
fn counted(job: &Job) -> Result<Answer, String> {
    over(job, &crate::Jemalloc, &Counting::over(crate::Jemalloc))
}

#[cfg(not(feature = "jemalloc"))]
fn counted(job: &Job) -> Result<Answer, String> {
    over(job, &std::alloc::System, &Counting::over(std::alloc::System))
}

/// An allocation and its end, without and with counting, block against block.
fn over(job: &Job, plain: &impl GlobalAlloc, with: &impl GlobalAlloc) -> Result<Answer, String> {
    let pairs = blocks(job).end;
    in_turns(pairs, || Ok(per_call(timed(plain, BLOCK))), || Ok(per_call(timed(with, BLOCK))))
}
