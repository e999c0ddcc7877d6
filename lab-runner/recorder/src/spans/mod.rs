//! The profiler `spans`: the time in the steps that the code names with `tracing` spans, and the
//! slowest request poll by poll.
//!
//! At each entry and exit of a span, tracing-flame writes a line with the time since the thread's
//! last line and the spans that it was in. That is wall time inside polls: a future that waits has
//! left its spans. The lines are added up at once, so that memory is bounded by the number of
//! different stacks. A second layer follows the spans with a field `id`: the start and length of
//! each poll, and the step in which it ended. It keeps the slowest of these spans.
//!
//! The subscriber is installed before the first runtime is built, because a span that was created
//! without one stays disabled. It records from the end of the warm-up on. In a run without this
//! profiler there is no subscriber, and a span costs a read of one static.
//!
//! Limits: time outside of spans and between polls is not recorded, nor whether a thread computed
//! or waited. A task that is spawned outside of its spawner's span begins a stack of its own.

pub(crate) mod fold;
pub(crate) mod follow;
