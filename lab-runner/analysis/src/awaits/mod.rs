//! What requests wait for: where their futures await, what ends each wait, and where they stood
//! when the request log was closed. Pure.

mod open;
mod outside;
mod place;
mod split;
mod starved;
mod timeline;
mod wakes;

pub use open::{FollowedGroup, Holder, Kept, OpenGroup, followed_groups, open_groups};
pub use outside::Outside;
pub use place::{Place, Places};
pub use split::{Parts, RequestWaits, Split, split};
pub use starved::{Starved, starved};
pub use timeline::{Doing, Step, Timeline, timelines};
pub use wakes::{WakerNames, Wakes, WokenBy, wakes};

use crate::stacks::runtime_frames::Awaited;
use lab_recording::awaits::{Crowds, Future, Record, Recording};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The records of each future, in the order of their begins.
fn by_future(recording: &Recording) -> BTreeMap<Future, Vec<&Record>> {
    let mut records: BTreeMap<Future, Vec<&Record>> = BTreeMap::new();
    for record in &recording.records {
        records.entry(record.future).or_default().push(record);
    }
    records.values_mut().for_each(|records| records.sort_by_key(|record| record.begin_ns));
    records
}

/// The file of all that is known of waits, in the folder of a run.
pub const AWAITS: &str = "awaits.json";

/// What is known of the waits of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Awaits {
    /// The response of the requests, by what they did meanwhile.
    pub split: Split,
    /// The places at which requests awaited, the longest waiting first.
    pub places: Vec<AwaitPlace>,
    /// Who woke whom, the most frequent first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wakes: Vec<Wakes>,
    /// The slowest requests, step by step, the slowest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub timelines: Vec<Timeline>,
    /// Requests without an answer when the request log was closed, by the place at which they
    /// awaited; the group of the oldest wait first.
    pub open: Vec<OpenGroup>,
    /// Futures that the program named, by the place at which they awaited at the same time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub followed: Vec<FollowedGroup>,
    /// Parts of a future that were woken while the future awaited something else.
    pub starved: Vec<Starved>,
    /// Polls of followed futures that each polled a crowd of leaves.
    #[serde(default)]
    pub crowds: Crowds,
    /// What limits all this.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

impl Awaits {
    /// The requests whose waits are in the view: the answered ones, and those that still waited.
    pub fn requests(&self) -> u64 {
        self.split.requests + self.open.iter().map(|group| group.requests).sum::<u64>()
    }
}

/// A place at which requests awaited.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AwaitPlace {
    /// The place.
    #[serde(flatten)]
    pub site: Site,
    /// Waits that ended.
    pub waits: u64,
    /// Their time, up to the call of the waker, in milliseconds.
    pub ms: f64,
    /// The longest of them, in milliseconds.
    pub longest_ms: f64,
    /// The part of it in which the program itself waited for what is outside of it, as [`Outside`]
    /// has it, in milliseconds.
    #[serde(default)]
    pub outside_ms: f64,
    /// What ended them, the most frequent first.
    pub ended_by: Vec<EndedBy>,
}

/// Code that ended waits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EndedBy {
    /// What was called, and where. Of a timer or a socket there is no user code.
    #[serde(flatten)]
    pub site: Site,
    /// How many waits it ended.
    pub waits: u64,
}

/// A place in the user's code that calls something which waits or wakes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Site {
    /// What is awaited.
    pub awaits: Awaited,
    /// The function that is called: `RwLock::write`.
    pub call: String,
    /// The user's function, without closures; none if there is no user code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// Its file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line of the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
}

impl Site {
    /// `RwLock::write in shop::settings (settings.rs:24)`.
    pub fn in_words(&self) -> String {
        let Some(function) = &self.function else { return self.call.clone() };
        let file = self.file.as_deref().and_then(|file| file.rsplit('/').next());
        let at = match (file, self.line) {
            (Some(file), Some(line)) => format!(" ({file}:{line})"),
            _ => String::new(),
        };
        format!("{} in {function}{at}", self.call)
    }
}
