//! The walls: which package may lean on which, and which module may know what. ARCHITECTURE.md says why.

use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What `cargo metadata` tells, as far as walls need it. A crate for this would switch on a feature of serde_json for every benchmark.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_default_members: Vec<String>,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    dependencies: Vec<Dependency>,
    features: BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    /// `dev` or `build`; none for what is simply needed.
    kind: Option<String>,
    optional: bool,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn metadata() -> Metadata {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["metadata", "--no-deps", "--offline", "--format-version", "1"]).current_dir(root());
    serde_json::from_slice(&cargo.output().unwrap().stdout).unwrap()
}

/// The packages that a package needs to be built, its tests' left out.
fn needs(package: &Package) -> BTreeSet<&str> {
    let built = package.dependencies.iter().filter(|dependency| dependency.kind.as_deref() != Some("dev"));
    built.map(|dependency| dependency.name.as_str()).collect()
}

/// Whether a file has unit tests alone, as those have that are too long for the file that they test.
fn is_unit_tests(path: &Path) -> bool {
    let mut inner = path.iter().skip_while(|part| *part != "src").map(Path::new);
    inner.any(|part| part.file_stem().is_some_and(|stem| stem == "tests"))
}

/// Every source file below a folder of the repository but unit tests, with its text up to those.
fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())) {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") && !is_unit_tests(&path) {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&root().join(folder), &mut found);
    assert!(!found.is_empty(), "there are sources in {folder}");
    let text = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap_or_default().to_owned();
        (path, code)
    };
    found.into_iter().map(text).collect()
}

/// Fails for each line of code, comments left out, that has one of these words.
fn assert_never(folder: &str, words: &[&str], because: &str) {
    for (path, text) in sources(folder) {
        let code = text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"));
        for (number, line) in code {
            let said = words.iter().find(|word| line.contains(*word));
            assert!(said.is_none(), "{}:{}: {} ({because})", path.display(), number + 1, line.trim());
        }
    }
}

#[test]
fn the_kit_leans_on_little() {
    let metadata = metadata();
    let kit = metadata.packages.iter().find(|package| package.name == "lab-kit").unwrap();
    let allowed: BTreeSet<&str> = [
        "anyhow",
        "atomic-waker",
        "memmap2",
        "pin-project-lite",
        "rand_core",
        "rand_pcg",
        "rustix",
        "serde",
        "tokio",
        "tracing",
    ]
    .into();
    let needed = needs(kit);
    assert!(needed.is_subset(&allowed), "the kit may not lean on {:?}", needed.difference(&allowed));
    assert_never("lab-runner/kit/src", &["tokio_unstable"], "the kit works on any tokio");
}

#[test]
fn a_scenario_knows_neither_the_runner_nor_another_scenario() {
    let metadata = metadata();
    let scenarios = metadata.packages.iter().filter(|package| package.name.starts_with("scenario-"));
    for package in scenarios {
        let mut others =
            needs(package).into_iter().filter(|name| *name == "lab-runner" || name.starts_with("scenario-"));
        assert_eq!(others.next(), None, "{}", package.name);
    }
    assert_never("scenarios", &["println!", "eprintln!", "print!(", "dbg!"], "the recording tells, not the scenario");
}

#[test]
fn the_harness_knows_no_scenario() {
    let metadata = metadata();
    let runner = metadata.packages.iter().find(|package| package.name == "lab-runner").unwrap();
    // Not for its tests either: whoever edits a scenario must not have to build the harness again.
    let mut scenarios = runner.dependencies.iter().filter(|dependency| dependency.name.starts_with("scenario-"));
    assert!(scenarios.next().is_none(), "the harness leans on a scenario");
    assert_never("lab-runner/src", &["scenario_"], "only the package `lab` lists the scenarios");
}

#[test]
fn what_is_compared_with_is_built_by_the_peers_alone() {
    let metadata = metadata();
    let (peers, others): (Vec<_>, Vec<_>) = metadata.packages.iter().partition(|p| p.name == "lab-peers");
    let compared = ["console-subscriber", "dial9", "tokio-metrics"];
    for package in others {
        let named = package.dependencies.iter().filter(|dependency| compared.contains(&dependency.name.as_str()));
        // The one that `lab run --console` needs is built by those alone who ask for its feature.
        let may = |named: &Dependency| named.name == "console-subscriber" && named.optional;
        assert!(named.into_iter().all(may), "{}: they switch on features of tokio", package.name);
        let console = |feature: &String| feature.contains("console");
        let default = package.features.get("default").into_iter().flatten();
        assert!(!default.into_iter().any(console), "{}: nobody gets the feature who does not ask", package.name);
        assert!(metadata.workspace_default_members.contains(&package.id), "{}: `cargo test` tests it", package.name);
    }
    assert!(peers.iter().all(|peers| !metadata.workspace_default_members.contains(&peers.id)));
}

#[test]
fn each_folder_of_scenarios_is_registered() {
    let folders =
        fs::read_dir(root().join("scenarios")).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
    let registered = lab::SCENARIOS.iter().map(|scenario| scenario.name.to_owned());
    assert_eq!(folders.collect::<BTreeSet<_>>(), registered.collect::<BTreeSet<_>>());
}

#[test]
fn variants_are_complete() {
    for scenario in lab::SCENARIOS {
        let names: BTreeSet<_> = scenario.variants.iter().map(|variant| variant.name).collect();
        assert_eq!(names.len(), scenario.variants.len(), "{}: names are unique", scenario.name);
        for kind in [lab_kit::Kind::Buggy, lab_kit::Kind::Fixed] {
            assert_eq!(scenario.variants.iter().filter(|v| v.kind == kind).count(), 1, "{}: one {kind}", scenario.name);
        }
        for variant in scenario.variants {
            use lab_kit::Kind::{Buggy, Fix, Trap};
            let faulty = matches!(variant.kind, Buggy | Trap);
            // A fix may have a price that a diagnosis must name.
            let may = faulty || variant.kind == Fix;
            let answered = variant.truth.is_some();
            assert!(answered >= faulty && answered <= may, "{}: the faulty ones carry the answer", variant.name);
            assert!(!variant.claims.is_empty(), "{} claims nothing", variant.name);
        }
        let traps = scenario.variants.iter().filter(|v| v.kind == lab_kit::Kind::Trap).map(|v| v.name);
        let controlled: BTreeSet<_> = scenario.controls.iter().map(|control| control.trap).collect();
        assert_eq!(controlled, traps.collect(), "{}: each trap has its control", scenario.name);
    }
}

#[test]
fn what_follows_a_run_is_pure() {
    let forbidden = ["Instant::now", "SystemTime::now", "Command::new", "now_ns", "tokio::", "thread::spawn", "signal"];
    for folder in ["analysis", "compare", "diagnose", "hang", "report", "sched", "score", "stacks", "overhead"]
        .map(|module| format!("lab-runner/src/{module}"))
    {
        assert_never(&folder, &forbidden, "analysis and report start nothing and read no clock");
    }
    for file in [
        "verdict.rs",
        "verdict/control.rs",
        "verdict/stacks.rs",
        "evidence.rs",
        "profile.rs",
        "doctor/noise.rs",
        "doctor/findings.rs",
    ] {
        let text = fs::read_to_string(root().join("lab-runner/src").join(file)).unwrap();
        assert!(forbidden.iter().all(|word| !text.contains(word)), "{file} is pure");
    }
}

#[test]
fn the_parent_has_no_async_runtime() {
    assert_never("lab-runner/src", &["async fn", ".await", "block_on("], "the only async is what is being studied");
    // Profilers put their callbacks into the runtime of the child, and nothing else of the runner knows tokio.
    let knowing = sources("lab-runner/src").into_iter().filter(|(_, text)| text.contains("use tokio"));
    for (path, _) in knowing {
        assert!(path.parent().unwrap().ends_with("profiler"), "{}: only profilers know tokio", path.display());
    }
}

#[test]
fn unstable_tokio_is_asked_for_in_one_file() {
    let asking = sources("lab-runner/src")
        .into_iter()
        .filter(|(_, text)| text.contains("cfg!(tokio_unstable)") || text.contains("cfg(tokio_unstable)"));
    let files: Vec<_> = asking.map(|(path, _)| path.file_name().unwrap().to_owned()).collect();
    assert_eq!(files, ["hooks.rs"]);
}

#[test]
fn unsafe_code_stays_where_the_kernel_demands_it() {
    let all = ["lab-runner/src", "lab-runner/kit/src", "lab-runner/lab/src", "scenarios"].into_iter().flat_map(sources);
    let unsafe_files: Vec<std::ffi::OsString> = all
        .filter(|(_, text)| text.contains("unsafe {"))
        .map(|(path, _)| path.file_name().unwrap().to_owned())
        .collect();
    assert_eq!(
        unsafe_files.into_iter().collect::<BTreeSet<_>>(),
        ["alloc.rs", "signal.rs", "walk.rs", "words.rs"].map(Into::into).into()
    );
}

/// The lines of the fix that the fault does not have, comments left out.
fn lesson(scenario: &str) -> Vec<String> {
    let text = |name: &str| fs::read_to_string(root().join("scenarios").join(scenario).join("src").join(name)).unwrap();
    let (buggy, fixed) = (text("buggy.rs"), text("fixed.rs"));
    let new = fixed.lines().filter(|line| !line.starts_with("//!") && !buggy.lines().any(|old| old == *line));
    new.map(|line| line.trim().to_owned()).collect()
}

#[test]
fn the_fix_differs_from_the_fault_by_the_lesson_alone() {
    assert_eq!(lesson("greedy"), ["if stored % 100 == 0 {", "tokio::task::yield_now().await;", "}"]);
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
            "let mut pending: JoinSet<_> = uploads.into_iter().map(|upload| process(upload, Arc::clone(&limiter))).collect();",
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
}

#[test]
fn the_faulty_code_knows_nothing_of_the_lab() {
    for folder in ["greedy", "blocking", "unordered", "shutdown"] {
        for file in ["buggy.rs", "fixed.rs"] {
            let text = fs::read_to_string(root().join("scenarios").join(folder).join("src").join(file)).unwrap();
            assert!(!text.contains("lab_kit"), "{folder}/{file} must look like anybody's code");
        }
    }
}
