//! Made-up timelines with known answers, and what holds of any.

pub mod made;
mod oracle;
pub mod properties;
mod summaries;
mod timelines;
