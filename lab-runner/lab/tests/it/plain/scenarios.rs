//! The scenarios of this repository: each is registered and complete, its faulty code looks like
//! anybody's, and its fix differs by the lesson alone.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

#[test]
fn each_folder_of_scenarios_is_registered() {
    let folders = fs::read_dir(root().join("scenarios"))
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap());
    let registered = lab::SCENARIOS.iter().map(|scenario| scenario.name.to_owned());
    assert_eq!(folders.collect::<BTreeSet<_>>(), registered.collect::<BTreeSet<_>>());
}

#[test]
fn variants_are_complete() {
    for scenario in lab::SCENARIOS {
        let names: BTreeSet<_> = scenario.variants.iter().map(|variant| variant.name).collect();
        assert_eq!(names.len(), scenario.variants.len(), "{}: names are unique", scenario.name);
        for kind in [lab_kit::Kind::Buggy, lab_kit::Kind::Fixed] {
            assert_eq!(
                scenario.variants.iter().filter(|v| v.kind == kind).count(),
                1,
                "{}: one {kind}",
                scenario.name
            );
        }
        for variant in scenario.variants {
            use lab_kit::Kind::{Buggy, Fix, Trap};
            let faulty = matches!(variant.kind, Buggy | Trap);
            // A fix may have a price that a diagnosis must name.
            let may = faulty || variant.kind == Fix;
            let answered = variant.truth.is_some();
            assert!(
                answered >= faulty && answered <= may,
                "{}: the faulty ones carry the answer",
                variant.name
            );
            assert!(!variant.claims.is_empty(), "{} claims nothing", variant.name);
        }
        let traps =
            scenario.variants.iter().filter(|v| v.kind == lab_kit::Kind::Trap).map(|v| v.name);
        let controlled: BTreeSet<_> =
            scenario.controls.iter().map(|control| control.trap).collect();
        assert_eq!(controlled, traps.collect(), "{}: each trap has its control", scenario.name);
    }
}

/// The lines of the fix that the fault does not have, comments left out.
fn lesson(scenario: &str) -> Vec<String> {
    let text = |name: &str| {
        fs::read_to_string(root().join("scenarios").join(scenario).join("src").join(name)).unwrap()
    };
    let (buggy, fixed) = (text("buggy.rs"), text("fixed.rs"));
    let new = fixed
        .lines()
        .filter(|line| !line.starts_with("//!") && !buggy.lines().any(|old| old == *line));
    new.map(|line| line.trim().to_owned()).collect()
}

#[test]
fn the_fix_differs_from_the_fault_by_the_lesson_alone() {
    assert_eq!(
        lesson("greedy"),
        ["if stored % 100 == 0 {", "tokio::task::yield_now().await;", "}"]
    );
    assert_eq!(
        lesson("blocking"),
        [
            "let text = tokio::fs::read_to_string(path).await?;",
            "Ok(tokio::task::spawn_blocking(move || Index::of(&text)).await?)"
        ]
    );
    assert_eq!(
        lesson("unordered"),
        [
            "use tokio::task::JoinSet;",
            "let mut pending: JoinSet<_> =",
            "while let Some(digest) = pending.join_next().await {",
            "digests.push(digest?);"
        ]
    );
    assert_eq!(
        lesson("shutdown"),
        [
            "use crate::service::{SHUTDOWN_DEADLINE, Service};",
            "service.runtime.block_on(async {",
            "anyhow::Ok(())",
            "})?;",
            "service.runtime.shutdown_timeout(SHUTDOWN_DEADLINE);",
            "Ok(())"
        ]
    );
    assert_eq!(lesson("leak"), ["hub.leave(client.id());"]);
    assert_eq!(
        lesson("await"),
        [
            "let writer = Arc::clone(&journal);",
            "let mut placed = tokio::spawn(async move { writer.append(order.placed()).await });",
            "result = &mut placed => return Ok(result?),",
            "placed.await?;"
        ]
    );
    assert_eq!(
        lesson("driver"),
        [
            "use tokio::task::spawn_blocking;",
            "let of_today = Arc::clone(&portfolio);",
            "let valuation = spawn_blocking(move || of_today.simulate()).await?;"
        ]
    );
}

#[test]
fn the_faulty_code_knows_nothing_of_the_lab() {
    for folder in ["greedy", "blocking", "unordered", "shutdown", "leak", "await", "driver"] {
        for file in ["buggy.rs", "fixed.rs"] {
            let text =
                fs::read_to_string(root().join("scenarios").join(folder).join("src").join(file))
                    .unwrap();
            assert!(!text.contains("lab_kit"), "{folder}/{file} must look like anybody's code");
        }
    }
}
