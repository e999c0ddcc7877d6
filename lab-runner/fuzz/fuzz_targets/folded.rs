//! Any bytes as folded stacks: what can be read of them is written and read again as the same.

#![no_main]

use lab_analysis::stacks::Folded;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let first = Folded::parse(bytes).folded;
    let again = Folded::parse(first.to_string().as_bytes()).folded;
    assert_eq!(first.len(), again.len());
});
