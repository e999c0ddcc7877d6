//! The floors: which package uses which, and in which order the modules of a package stand.
//! ARCHITECTURE.md draws them.
//!
//! Most of it the compiler keeps: a package cannot use what its manifest does not name. These tests
//! keep the manifests, and the order of modules inside each package, which no compiler looks at.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The packages of the harness from the ground up, with their folders. Each uses only those before
/// it.
const FLOORS: [(&str, &str); 6] = [
    ("lab-recording", "lab-runner/recording"),
    ("lab-kit", "lab-runner/kit"),
    ("lab-recorder", "lab-runner/recorder"),
    ("lab-analysis", "lab-runner/analysis"),
    ("lab-runner", "lab-runner"),
    ("lab", "lab-runner/lab"),
];

/// What a package must not need, beyond those above it: what it does not know.
const UNKNOWN: [(&str, &[&str]); 5] = [
    ("lab-recording", &["tokio", "clap", "tracing", "signal-hook"]),
    ("lab-kit", &["clap", "pprof", "signal-hook"]),
    ("lab-recorder", &["lab-analysis", "clap", "anstream", "addr2line"]),
    (
        "lab-analysis",
        &["lab-recorder", "tokio", "clap", "anstream", "signal-hook", "rustix", "nix"],
    ),
    // The parent has no runtime: the only async is what is studied, in a child.
    ("lab-runner", &["tokio", "futures", "console-subscriber"]),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// The packages that a manifest needs for its build: the names in its `[dependencies]`.
fn dependencies(folder: &str) -> BTreeSet<String> {
    let manifest = fs::read_to_string(root().join(folder).join("Cargo.toml")).unwrap();
    let section = manifest.split("\n[dependencies]\n").nth(1).unwrap_or_default();
    let lines = section.lines().take_while(|line| !line.starts_with('['));
    let names = lines.filter_map(|line| line.split(['.', ' ', '=']).next());
    names.filter(|name| !name.is_empty() && !name.starts_with('#')).map(str::to_owned).collect()
}

#[test]
fn each_package_uses_only_those_below_it() {
    for (floor, (package, folder)) in FLOORS.iter().enumerate() {
        let above: Vec<&str> = FLOORS[floor..].iter().map(|(name, _)| *name).collect();
        let needed = dependencies(folder);
        assert!(!needed.is_empty(), "the manifest of {package} was understood");
        let wrong: Vec<_> = needed.iter().filter(|name| above.contains(&name.as_str())).collect();
        assert!(wrong.is_empty(), "{package} uses {wrong:?}, which stand above it");
    }
    for (package, unknown) in UNKNOWN {
        let folder = FLOORS.iter().find(|(name, _)| *name == package).unwrap().1;
        let needed = dependencies(folder);
        let wrong: Vec<_> = unknown.iter().filter(|name| needed.contains(**name)).collect();
        assert!(wrong.is_empty(), "{package} must not know {wrong:?}");
    }
}

#[test]
fn a_scenario_uses_the_kit_and_no_other_package_of_the_lab() {
    for entry in fs::read_dir(root().join("scenarios")).unwrap() {
        let folder = format!("scenarios/{}", entry.unwrap().file_name().to_string_lossy());
        let needed = dependencies(&folder);
        let of_the_lab = |name: &&String| name.starts_with("lab") || name.starts_with("scenario-");
        assert_eq!(needed.iter().filter(of_the_lab).collect::<Vec<_>>(), ["lab-kit"], "{folder}");
    }
}

#[test]
fn the_harness_knows_no_scenario() {
    for (package, folder) in &FLOORS[..5] {
        let scenarios =
            dependencies(folder).into_iter().filter(|name| name.starts_with("scenario-"));
        assert_eq!(
            scenarios.count(),
            0,
            "{package}: whoever edits a scenario must not have to build it again"
        );
    }
}

/// The manifests of all packages, as text.
fn manifests() -> Vec<String> {
    let folders = FLOORS.iter().map(|(_, folder)| (*folder).to_owned());
    let scenarios = fs::read_dir(root().join("scenarios")).unwrap();
    let scenarios = scenarios
        .map(|entry| format!("scenarios/{}", entry.unwrap().file_name().to_string_lossy()));
    let all =
        folders.chain(scenarios).chain(["benches", "benches/scanners/dial9"].map(str::to_owned));
    all.map(|folder| fs::read_to_string(root().join(folder).join("Cargo.toml")).unwrap()).collect()
}

#[test]
fn what_is_compared_with_is_built_by_the_peers_alone() {
    // Cargo unites features: with these in the build, everything would run on the tokio that they
    // ask for.
    for manifest in manifests() {
        for line in manifest.lines() {
            let compared = ["console-subscriber", "dial9", "tokio-metrics"]
                .iter()
                .any(|name| line.starts_with(name));
            assert!(
                !compared || line.contains("optional = true"),
                "only lab-peers may need it: {line}"
            );
            let default = line.starts_with("default =");
            assert!(
                !default || !line.contains("console"),
                "nobody gets the feature who does not ask: {line}"
            );
        }
    }
    let workspace = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let default = workspace.lines().find(|line| line.starts_with("default-members")).unwrap();
    assert!(!default.contains("benches/peers"), "`cargo test` must not build the peers");
}

/// The modules of a package: its groups in the order of `lib.rs`, and which modules each of them
/// uses.
struct Modules {
    groups: Vec<Vec<String>>,
    uses: BTreeMap<String, BTreeSet<String>>,
}

impl Modules {
    fn read(folder: &str) -> Modules {
        let src = root().join(folder).join("src");
        let lib = code(&src.join("lib.rs"));
        let groups = groups(&lib);
        // What `lib.rs` hands out from a module: `crate::Probe` is a use of the module `probe`.
        let handed_out = handed_out(&lib);
        let modules: BTreeSet<String> = groups.iter().flatten().cloned().collect();
        let mut uses = BTreeMap::new();
        for module in &modules {
            let texts = sources(&src, module);
            assert!(!texts.is_empty(), "{folder}: the module {module} has sources");
            let named = texts.iter().flat_map(|text| names_after_crate(text));
            let used = named.map(|name| handed_out.get(&name).cloned().unwrap_or(name));
            let others = used.filter(|name| modules.contains(name) && name != module);
            uses.insert(module.clone(), others.collect());
        }
        Modules { groups, uses }
    }

    /// The group of a module, from the top of `lib.rs`.
    fn group(&self, module: &str) -> usize {
        self.groups.iter().position(|group| group.iter().any(|name| name == module)).unwrap()
    }

    /// Everything that a module uses, and what those use.
    fn reached_from(&self, module: &str) -> BTreeSet<String> {
        let mut reached = BTreeSet::new();
        let mut open = vec![module.to_owned()];
        while let Some(next) = open.pop() {
            for used in &self.uses[&next] {
                if reached.insert(used.clone()) {
                    open.push(used.clone());
                }
            }
        }
        reached
    }
}

/// The text of a file without comments, and without its unit tests.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let code = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
    code.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .map(|line| format!("{line}\n"))
        .collect()
}

/// The `mod` lines of a `lib.rs`, in groups that blank lines part.
fn groups(lib: &str) -> Vec<Vec<String>> {
    let mut groups = vec![Vec::new()];
    for line in lib.lines() {
        let item = line.trim_start_matches("pub(crate) ").trim_start_matches("pub ");
        match item.strip_prefix("mod ").and_then(|rest| rest.strip_suffix(';')) {
            Some(module) => groups.last_mut().unwrap().push(module.to_owned()),
            None if line.is_empty() => groups.push(Vec::new()),
            None => {}
        }
    }
    groups.retain(|group| !group.is_empty());
    groups
}

/// Item → module, for the lines `pub use module::…` of a `lib.rs`.
fn handed_out(lib: &str) -> BTreeMap<String, String> {
    let mut items = BTreeMap::new();
    for statement in lib.split(';') {
        let Some(path) = statement.trim().strip_prefix("pub use ") else { continue };
        let Some((module, names)) = path.split_once("::") else { continue };
        let names = names.split(|c: char| !c.is_alphanumeric() && c != '_');
        items.extend(
            names.filter(|name| !name.is_empty()).map(|name| (name.to_owned(), module.to_owned())),
        );
    }
    items
}

/// The code of every file of a module, unit tests left out.
fn sources(src: &Path, module: &str) -> Vec<String> {
    let mut open = vec![src.join(module), src.join(format!("{module}.rs"))];
    open.retain(|path| path.exists());
    let mut texts = Vec::new();
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|end| end == "rs") && !is_unit_tests(&path) {
            texts.push(code(&path));
        }
    }
    texts
}

fn is_unit_tests(path: &Path) -> bool {
    let mut inside = path.iter().skip_while(|part| *part != "src");
    inside.any(|part| part == "tests" || part == "tests.rs")
}

/// The names that follow `crate::` in a text, also within braces: `crate::{a, b::c}` gives `a` and
/// `b`.
fn names_after_crate(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    for rest in text.split("crate::").skip(1) {
        let Some(list) = rest.strip_prefix('{') else {
            names.extend(first_word(rest));
            continue;
        };
        let mut depth = 0;
        let mut begins = true;
        for (at, c) in list.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => begins = true,
                c if begins && !c.is_whitespace() => {
                    names.extend(first_word(&list[at..]));
                    begins = false;
                }
                _ => {}
            }
        }
    }
    names
}

fn first_word(text: &str) -> Option<String> {
    let word = text.split(|c: char| !c.is_alphanumeric() && c != '_').next()?;
    (!word.is_empty()).then(|| word.to_owned())
}

#[test]
fn no_two_modules_use_each_other() {
    for (package, folder) in &FLOORS[..5] {
        let modules = Modules::read(folder);
        for module in modules.uses.keys() {
            let reached = modules.reached_from(module);
            assert!(
                !reached.contains(module),
                "{package}: {module} uses itself by way of {reached:?}"
            );
        }
    }
}

#[test]
fn a_module_uses_those_of_its_own_group_and_of_groups_above_it() {
    for (package, folder) in &FLOORS[..5] {
        let modules = Modules::read(folder);
        for (module, uses) in &modules.uses {
            for used in uses {
                let in_order = modules.group(used) <= modules.group(module);
                assert!(in_order, "{package}: {module} uses {used}, which lib.rs lists below it");
            }
        }
    }
}

#[test]
fn names_are_found_in_every_form_of_a_path() {
    let text = "use crate::alone::Item;\nuse crate::{one, two::{Deep, deeper::X}, three};\nlet x = crate::called::f();";
    assert_eq!(names_after_crate(text), ["alone", "one", "two", "three", "called"]);
    assert_eq!(groups("mod a;\npub mod b;\n\npub(crate) mod c;\n"), [vec!["a", "b"], vec!["c"]]);
    let items = handed_out("pub use probe::{Counter, Probe};\npub use cx::Cx;\n");
    assert_eq!((items["Probe"].as_str(), items["Cx"].as_str()), ("probe", "cx"));
}
