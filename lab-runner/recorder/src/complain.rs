//! Warnings of the lab on the child's stderr, which the parent keeps in the recording.

/// Writes a line to stderr. Errors are ignored, and the run continues.
pub(crate) fn warn(text: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "lab: {text}");
}
