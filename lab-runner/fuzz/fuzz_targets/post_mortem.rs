//! Any bytes as the thread dump of a hang: an error, or a diagnosis.

#![no_main]

use lab_analysis::diagnosis::{Case, diagnose};
use lab_recording::post_mortem::PostMortem;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(dump) = serde_json::from_slice::<PostMortem>(bytes) {
        diagnose(&Case {
            measured: None,
            profiles: &[],
            post_mortem: Some(&dump),
            panics: &[],
            own_crate: None,
        });
    }
});
