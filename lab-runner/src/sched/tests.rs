//! Made-up timelines with known answers, and what holds of any.

pub(in crate::sched) mod made;
mod oracle;
pub(in crate::sched) mod properties;
mod timelines;
mod told;
