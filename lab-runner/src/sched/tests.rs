//! Made-up timelines with known answers, and what holds of any.

mod made;
mod oracle;
mod properties;
mod timelines;
mod told;
