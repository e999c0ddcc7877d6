//! What goes wrong beside a run, on the child's stderr: the parent keeps it in the recording.

/// Writes a line. That it cannot be written is nobody's concern: the run goes on.
pub(crate) fn complain(what: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "lab: {what}");
}
