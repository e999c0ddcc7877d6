//! Any bytes as a recording of a scheduler: an error or a partial result, and nothing else.

#![no_main]

use lab_analysis::scheduler::{analyse, stacks};
use lab_recording::scheduler::parse;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(recording) = parse(bytes.to_vec()) {
        let mut analysed = analyse(&recording, &recording.known, &|_| None);
        stacks(&mut analysed, None);
    }
});
