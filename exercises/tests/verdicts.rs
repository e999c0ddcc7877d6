//! The wording of verdicts, on recordings that were kept: a starter, a trap, a solution and a
//! program that hangs. `LAB_BLESS=1 cargo test -p lab-exercises --test verdicts` writes the texts
//! anew; read the difference before it is committed.

use std::env;
use std::fs;
use std::path::Path;

const PACK: &str = env!("CARGO_MANIFEST_DIR");

/// The exercise, and the name of the recording and of its text.
const KEPT: [(&str, &str); 5] = [
    ("slow-quotes", "slow-quotes-starter"),
    ("slow-quotes", "slow-quotes-trap"),
    ("slow-quotes", "slow-quotes-solution"),
    ("never-stops", "never-stops-starter"),
    ("creeping", "creeping-starter"),
];

#[test]
fn a_verdict_is_worded_as_it_was() {
    let folder = Path::new(PACK).join("tests/verdicts");
    for (slug, name) in KEPT {
        let recording = folder.join(format!("{name}.lab"));
        let text = lab_runner::verdict_on(Path::new(PACK), slug, &recording).unwrap();
        // Where a file lies on this machine is no wording.
        let is_place = |line: &&str| line.starts_with("read ") || line.starts_with("recording ");
        let lines: Vec<&str> = text.lines().filter(|line| !is_place(line)).collect();
        let text = lines.join("\n") + "\n";
        let golden = folder.join(format!("{name}.txt"));
        if env::var_os("LAB_BLESS").is_some() {
            fs::write(&golden, &text).unwrap();
        }
        let expected = fs::read_to_string(&golden).unwrap_or_default();
        assert_eq!(text, expected, "{name}: LAB_BLESS=1 writes it anew");
    }
}
