//! The lens `sched`: every poll of every task, with its place of spawn, its worker, its length, and how long the task had
//! been waiting for it.

mod event;

pub use event::{Blocks, CoreWait, Counters, Dropped, Event, Known, Place, Probe, What};
