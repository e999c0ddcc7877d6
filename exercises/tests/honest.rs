//! The exercises prove themselves, on real runs: starters and traps miss their goals for the stated
//! reasons, solutions meet them, and the shipped file of the learner is judged as the starter is; at
//! one and two workers. It takes minutes of real load: `cargo test --package lab-exercises --test
//! honest -- --ignored --test-threads 1`.

use std::fs;
use std::path::Path;

/// The folder of the pack.
const PACK: &str = env!("CARGO_MANIFEST_DIR");

#[test]
#[ignore = "minutes of real load"]
fn every_exercise_is_what_it_says() {
    let programs = Path::new(env!("CARGO_BIN_EXE_slow-quotes")).parent().unwrap();
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("honest");
    let _ = fs::remove_dir_all(&out);
    let proved = lab_runner::prove_pack(Path::new(PACK), programs, &out).unwrap();
    assert!(proved, "the lines above say which variant is not what it says");
}

#[test]
#[ignore = "a minute of real load"]
fn no_cheap_pass_passes() {
    let programs = Path::new(env!("CARGO_BIN_EXE_slow-quotes")).parent().unwrap();
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cheats");
    let _ = fs::remove_dir_all(&out);
    let mut seen = Vec::new();
    for (cheat, expected) in [
        ("answers-by-heart", "not yet"),
        ("works-afterwards", "not yet"),
        ("exits", "not yet"),
        ("lighter-load", "not yet"),
        ("edits-the-spec", "not yet"),
        ("same-order-always", "not yet"),
        ("panics", "not yet"),
        ("never-returns", "hangs"),
        ("prints-megabytes", "not yet"),
    ] {
        let program = programs.join(format!("cheat-{cheat}"));
        let verdict = lab_runner::verdict_of(Path::new(PACK), "slow-quotes", &program, &out);
        let verdict = verdict.unwrap_or_else(|error| format!("refused: {error:#}"));
        // A host that is too busy leaves it open, and a recording that was edited is refused.
        let allowed = [expected, "inconclusive"].contains(&verdict.as_str());
        seen.push((cheat, verdict.clone(), allowed || verdict.starts_with("refused")));
    }
    assert!(seen.iter().all(|(.., fails)| *fails), "{seen:#?}");
    let decided = seen.iter().filter(|(_, verdict, _)| verdict != "inconclusive").count();
    assert!(decided * 2 > seen.len(), "most are decided on any host: {seen:#?}");
}

#[test]
fn the_learners_file_is_shipped_as_the_starter() {
    let starters = fs::read_dir(Path::new(PACK).join("starters")).unwrap();
    for starter in starters {
        let starter = starter.unwrap().path();
        let name = starter.file_name().unwrap();
        let learners = Path::new(PACK).join("src/bin").join(name);
        // A mystery is put together from parts: the lab compares it.
        if name != "mystery.rs" {
            assert_eq!(fs::read(&starter).unwrap(), fs::read(&learners).unwrap(), "{name:?}");
        }
    }
}

#[test]
fn no_task_names_the_technique() {
    const TECHNIQUES: [&str; 8] = [
        "spawn_blocking",
        "yield_now",
        "JoinSet",
        "FuturesUnordered",
        "Semaphore",
        "TaskTracker",
        "CancellationToken",
        "buffer_unordered",
    ];
    for starter in fs::read_dir(Path::new(PACK).join("starters")).unwrap() {
        let text = fs::read_to_string(starter.unwrap().path()).unwrap();
        let head: Vec<&str> = text.lines().take_while(|line| line.starts_with("//!")).collect();
        assert!(head.len() > 5 || text.contains("mystery::shipped"), "{head:?}");
        for technique in TECHNIQUES {
            assert!(head.iter().all(|line| !line.contains(technique)), "{technique}: {head:?}");
        }
    }
}
