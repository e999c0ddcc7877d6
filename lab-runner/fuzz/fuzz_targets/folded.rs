//! Any bytes as folded stacks: what can be read of them is written and read again as the same.

#![no_main]

use lab_analysis::stacks::{Folded, MAX_LINE};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let first = Folded::parse(bytes).folded;
    let text = first.to_string();
    // A name that is empty gets one, so a line may become longer than any that is read.
    if text.lines().all(|line| line.len() <= MAX_LINE) {
        assert_eq!(first.len(), Folded::parse(text.as_bytes()).folded.len());
    }
});
