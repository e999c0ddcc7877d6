//! From the recordings of runs to results: pure but for reading files.
//!
//! Names for addresses, measures with the range in which the truth lies, claims, comparisons with
//! intervals, who waited for whom, and the diagnosis. Nothing here starts a process, reads a clock,
//! knows a runtime or prints. A module uses those of its own group and of groups above it.

pub mod protobuf;
pub mod stats;
pub mod units;

pub mod stacks;

pub mod requests;
pub mod scheduler;

pub mod host;

pub mod awaits;
pub mod growth;
pub mod hang;
pub mod overhead;
pub mod resolve;

pub mod profile;

pub mod claims;
pub mod comparison;
pub mod diagnosis;
pub mod evidence;

pub mod results;
pub mod score;
