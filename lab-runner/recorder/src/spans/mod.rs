//! The profiler `spans`: how long a run is inside the steps that its code names with `tracing`
//! spans, and the slowest request poll by poll.
//!
//! tracing-flame notes each time that a span is entered or left, and gives the time since the
//! thread's last note to the spans that it was in. That is wall time while something is polled: a
//! future that waits has left its spans. What it writes, a line for each note, is added up as it
//! comes, so that memory stays bounded by how many different stacks there are. A layer of our own
//! beside it follows the spans that have a field `id`: when each was polled, for how long, and in
//! which step a poll ended. Of those that have ended it keeps the slowest.
//!
//! The subscriber is there from before the first runtime is built, for a span that was made without
//! one stays off; it counts when the warm-up is over. In a run without this profiler there is none,
//! and a span costs a reading of one static number.
//!
//! What it cannot see: what is in no span, the time between polls, and whether a thread computed or
//! waited. A task that is spawned without its spawner's span begins a stack of its own.

pub(crate) mod fold;
pub(crate) mod follow;
