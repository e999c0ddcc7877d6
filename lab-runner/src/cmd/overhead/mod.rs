//! What the lab's instruments cost on this machine: a list of them, each measured in a process of
//! its own, round by round.
//!
//! `lab overhead` prints it. The benches measure the same list for longer, and put the instruments
//! of others beside it.

mod calls;
mod child;
pub(crate) mod command;
mod null;
mod pacer;
mod page;
mod polls;
mod readings;
mod recording;
pub mod text;

pub use child::{Measurement, Row, measure};
pub use readings::{Estimate, Reading, Table};

use lab_kit::Scenario;
use lab_kit::overhead::Instrument;
use serde::{Deserialize, Serialize};

/// What a table is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Group {
    /// What is added to a poll.
    Polls,
    /// What a single call takes.
    Calls,
    /// How well a load is paced, and what a request costs.
    Pacer,
    /// What it takes to read a recording again.
    Reading,
}

/// The lab's own instruments by the tables that they stand in.
const GROUPS: [(Group, &[Instrument]); 5] = [
    (Group::Polls, polls::INSTRUMENTS),
    (Group::Calls, calls::INSTRUMENTS),
    (Group::Pacer, pacer::INSTRUMENTS),
    (Group::Reading, recording::INSTRUMENTS),
    (Group::Reading, page::INSTRUMENTS),
];

/// The lab's own instruments, in the order of the tables.
pub fn instruments() -> Vec<Instrument> {
    GROUPS.iter().flat_map(|(_, instruments)| instruments.iter().copied()).collect()
}

/// The measurements of the lab's own instruments, by this binary.
///
/// # Errors
/// If the system does not report the path of this binary.
pub fn own() -> std::io::Result<Vec<Measurement>> {
    let program = std::env::current_exe()?;
    let mut measurements = Vec::new();
    for (group, instruments) in GROUPS {
        measurements.extend(instruments.iter().map(|instrument| Measurement {
            name: instrument.name.into(),
            group,
            amount: instrument.amount,
            program: program.clone(),
        }));
    }
    Ok(measurements)
}

/// Scenarios that only serve to measure the lab, which every child knows.
pub(crate) fn scenarios() -> [&'static Scenario; 1] {
    [&null::SCENARIO]
}
