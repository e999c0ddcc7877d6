//! Any bytes as the spec of a run, in both formats: an error, or a spec that is written and read
//! again as the same.

#![no_main]

use lab_recording::folder::parse_spec;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(spec) = parse_spec(bytes) {
        let text = serde_json::to_vec(&spec).unwrap();
        assert_eq!(parse_spec(&text).unwrap(), spec);
    }
});
