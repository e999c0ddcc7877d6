use crate::cmd::new::*;
use std::collections::BTreeSet;
use std::os::unix::fs::{MetadataExt, symlink};

/// Everything below a folder, by its path in it.
fn tree(folder: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(inner) = folders.pop() {
        for entry in fs::read_dir(inner).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => {
                    found.insert(path.strip_prefix(folder).unwrap().display().to_string());
                }
            }
        }
    }
    found
}

fn crate_files() -> BTreeSet<String> {
    TEMPLATE.iter().map(|(file, _)| (*file).to_owned()).chain(["Cargo.lock".to_owned()]).collect()
}

fn entries(folder: &Path) -> usize {
    fs::read_dir(folder).unwrap().count()
}

#[test]
fn a_crate_is_written_whole_under_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("pool-2");
    write("pool-2", Path::new(LAB), &place).unwrap();
    assert_eq!(tree(&place), crate_files());
    assert_eq!(entries(folder.path()), 1, "nothing is left beside it");
    for file in tree(&place) {
        let text = fs::read_to_string(place.join(&file)).unwrap();
        let left = ["my-scenario", "my_scenario", "{{", "}}"];
        assert!(left.iter().all(|placeholder| !text.contains(placeholder)), "{file}: {text}");
    }
    let text = |file: &str| fs::read_to_string(place.join(file)).unwrap();
    assert!(text("Cargo.toml").contains("name = \"pool-2\"\n"));
    assert!(text("Cargo.toml").contains(&format!("lab-kit = {{ path = \"{LAB}/kit\" }}\n")));
    assert!(text("Cargo.toml").contains(&format!("lab-runner = {{ path = \"{LAB}\" }}\n")));
    let main = text("src/main.rs");
    assert!(main.contains("\"pool-2\",\n"), "the scenario has the name of the crate");
    assert!(main.contains("\"pool_2::buggy::handle\""), "its answer has the path of the code");
    assert!(text("README.md").contains("$ cargo lab compare pool-2"));
    let ordinary = folder.path().join("ordinary");
    fs::create_dir(&ordinary).unwrap();
    let mode = |folder: &Path| fs::metadata(folder).unwrap().mode();
    assert_eq!(mode(&place), mode(&ordinary), "others may read it as any new folder");
}

#[test]
fn an_empty_folder_is_filled_and_stays_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let number = |folder: &Path| fs::metadata(folder).unwrap().ino();
    let before = number(folder.path());
    write("a", Path::new(LAB), folder.path()).unwrap();
    assert_eq!((tree(folder.path()), number(folder.path())), (crate_files(), before));
}

#[test]
fn a_place_that_will_not_do_is_refused_and_left_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("full")).unwrap();
    fs::write(at("full/notes"), "mine").unwrap();
    fs::write(at("file"), "mine too").unwrap();
    symlink(at("nothing"), at("link")).unwrap();
    let before = tree(folder.path());
    for (place, says) in [
        ("full", "is not empty: try another --path"),
        ("file", "as a folder: Not a directory (os error 20): try another --path"),
        ("file/inner", "as a folder: Not a directory (os error 20): try another --path"),
        ("link", "as a folder: No such file or directory (os error 2): try another --path"),
        ("none/inner", "does not exist: create it first, or try another --path"),
    ] {
        let error = write("a", Path::new(LAB), &at(place)).expect_err(place);
        assert!(error.is::<UsageError>() && error.to_string().contains(says), "{place}: {error}");
    }
    assert!(write("a", Path::new(LAB), Path::new("")).unwrap_err().to_string().contains("--path"));
    assert_eq!(tree(folder.path()), before);
    // Root may write into any other folder.
    let error = write("a", Path::new(LAB), Path::new("/proc/a")).unwrap_err();
    let says = "cannot write into '/proc': entity not found: try another --path";
    assert_eq!((error.is::<UsageError>(), error.to_string()), (true, says.to_owned()));
}

#[test]
fn a_lab_whose_source_is_gone_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let error = write("a", &folder.path().join("moved"), &folder.path().join("a")).unwrap_err();
    assert!(!error.is::<UsageError>(), "no other argument would help");
    assert!(error.to_string().ends_with("rebuild the lab in its current folder"), "{error}");
    assert_eq!(entries(folder.path()), 0);
}

#[test]
fn a_path_is_a_string_of_toml_whatever_is_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let lab = folder.path().join(r#"my-scenario "{{lab}}" \n"#);
    fs::create_dir_all(lab.join("kit")).unwrap();
    fs::write(lab.join("kit/Cargo.toml"), "").unwrap();
    let files = files("other", &lab).unwrap();
    let manifest = &files.iter().find(|(file, _)| *file == "Cargo.toml").unwrap().1;
    let line = manifest.lines().find(|line| line.starts_with("lab-runner =")).unwrap();
    assert!(line.ends_with(r#"/my-scenario \"{{lab}}\" \\n" }"#), "{line}");
}

/// A new crate is measured as the scenarios of this repository are.
#[test]
fn flags_and_versions_are_those_of_the_lab() {
    let root = |file: &str| fs::read_to_string(Path::new(LAB).join("..").join(file)).unwrap();
    let template = |name: &str| TEMPLATE.iter().find(|(file, _)| *file == name).unwrap().1;
    let flags = |text: &str| -> Vec<String> {
        let flags = text.lines().filter(|line| line.trim_start().starts_with('"'));
        flags.map(|line| line.split('#').next().unwrap().trim().to_owned()).collect()
    };
    let config = template(".cargo/config.toml");
    assert_eq!((flags(config).len(), flags(config)), (2, flags(&root(".cargo/config.toml"))));
    let tokio = |text: &str| {
        let line = text.lines().find(|line| line.starts_with("tokio = { version"));
        line.unwrap().split('"').nth(1).unwrap().to_owned()
    };
    assert_eq!(tokio(template("Cargo.toml")), tokio(&root("Cargo.toml")));
}
