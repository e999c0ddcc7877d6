//! What a machine can measure. `machine` and `timers` look at it from outside any runtime; `noise`
//! and `findings` only decide, and `text` prints.

pub(crate) mod command;
mod findings;
mod machine;
mod noise;
mod text;
mod timers;

pub(crate) use findings::{DefaultLoad, Unavailable, unavailable};
pub(crate) use machine::{Facts, IoUring, Quota, busiest};
pub(crate) use noise::{Judgement, MetricNoise, Noise};

use lab_recording::Load;
use serde::Serialize;
use std::path::PathBuf;

/// Everything that `lab doctor` found, `lab.doctor.v2` as JSON: keys may be added, never renamed.
/// What is unknown is null.
#[derive(Debug, Serialize)]
pub(crate) struct Examination {
    pub schema: &'static str,
    /// What was compared with itself.
    pub scenario: &'static str,
    pub variant: &'static str,
    pub load: Load,
    pub facts: Facts,
    pub noise: Noise,
    /// What cannot be measured here, and the remedy.
    pub unavailable: Vec<Unavailable>,
    /// The folder of the A/A comparison, which `lab report` reads.
    pub recording: PathBuf,
}

impl Examination {
    /// The format of the document.
    pub const SCHEMA: &'static str = "lab.doctor.v2";
}
