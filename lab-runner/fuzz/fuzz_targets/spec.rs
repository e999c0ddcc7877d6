//! Any bytes as the spec of a run, in both formats: an error, or a spec that is written and read
//! again as the same.

#![no_main]

use lab_recording::folder::parse_spec;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(spec) = parse_spec(bytes) {
        let text = serde_json::to_vec(&spec).unwrap();
        let mut again = parse_spec(&text).unwrap();
        // Numbers with a fraction are read to the last digit but one.
        let is_near = (again.load.rate - spec.load.rate).abs() <= 1e-15 * spec.load.rate;
        assert!(is_near, "{} and {}", again.load.rate, spec.load.rate);
        (again.load.rate, again.load.arrivals) = (spec.load.rate, spec.load.arrivals);
        assert_eq!(again, spec);
    }
});
