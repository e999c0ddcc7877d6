//! The verdict on a recording that was kept, in the words of `lab exercise check`: a test holds
//! them.

use crate::cmd::exercise::attempt::Attempt;
use crate::cmd::exercise::pack::{Pack, YOURS};
use crate::cmd::exercise::text::{self, VerdictView, joined};
use crate::engine::supervise::Interrupts;
use crate::report::Style;
use std::path::Path;

/// What `lab exercise check` says of a recording of the learner's file, in 80 columns without
/// colour.
///
/// # Errors
/// If the pack or the recording cannot be read.
pub fn verdict_on(pack: &Path, slug: &str, recording: &Path) -> anyhow::Result<String> {
    let pack = Pack::open(Some(pack))?;
    let exercise = pack.exercise(slug)?;
    let interrupts = Interrupts::catch()?;
    // Nothing is run: the folder of its programs is not looked into.
    let attempt = Attempt::new(exercise, YOURS, Path::new("."), recording.to_owned(), &interrupts);
    let known = attempt.known()?;
    let style = Style::new(false);
    let mut lines = text::goals(&known.reached);
    lines.extend(text::verdict(&VerdictView {
        exercise,
        variant: YOURS,
        outcome: &known.outcome,
        reached: &known.reached,
        results: &known.results,
        report: None,
        names_faults: true,
        counts_only: false,
        has_keys: false,
        lab: "cargo lab",
        style,
    }));
    Ok(anstream::adapter::strip_str(&joined(&lines, style)).to_string())
}
