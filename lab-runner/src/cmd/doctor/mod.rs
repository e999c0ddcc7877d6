//! `lab doctor`: what a machine can measure. `machine` and `timers` examine it outside of any
//! runtime, `noise` and `findings` judge the facts, and `text` prints.

pub(crate) mod command;
mod findings;
mod machine;
mod noise;
mod text;
mod timers;

pub(crate) use findings::{DefaultLoad, Limitation, limitations};
pub(crate) use machine::{Facts, IoUring, Quota, busiest};
pub(crate) use noise::{Judgement, MetricNoise, Noise};

use lab_recording::Load;
use serde::Serialize;
use std::path::PathBuf;

/// The result of `lab doctor`, `lab.doctor.v2` as JSON: keys may be added, never renamed.
/// What is unknown is null.
#[derive(Debug, Serialize)]
pub(crate) struct Examination {
    pub schema: &'static str,
    /// The scenario and the variant of the A/A comparison.
    pub scenario: &'static str,
    pub variant: &'static str,
    pub load: Load,
    pub facts: Facts,
    pub noise: Noise,
    /// Limitations of this machine, with remedies.
    pub limitations: Vec<Limitation>,
    /// The folder of the A/A comparison, which `lab report` reads.
    pub recording: PathBuf,
}

impl Examination {
    /// The format of the document.
    pub const SCHEMA: &'static str = "lab.doctor.v2";
}
