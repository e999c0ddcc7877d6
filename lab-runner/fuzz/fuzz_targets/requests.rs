//! Any bytes as a request log: an error, or metrics of what can be read.

#![no_main]

use lab_analysis::requests::of_bytes;
use lab_recording::Load;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = of_bytes(bytes, &Load::DEFAULT);
});
