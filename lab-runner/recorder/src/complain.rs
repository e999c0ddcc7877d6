//! What goes wrong beside a run, on the child's stderr: the parent keeps it in the recording.

/// Writes a line. If it cannot be written the run goes on.
pub(crate) fn complain(what: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "lab: {what}");
}
