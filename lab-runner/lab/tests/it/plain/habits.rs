//! The habits of a command line, through the real binary: help, units, exit codes, and where files
//! go.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// A finished lab.
struct Done {
    code: i32,
    stdout: String,
    stderr: String,
}

/// A lab in an empty folder of its own, on a machine without a display.
struct Lab {
    folder: TempDir,
}

impl Lab {
    fn new() -> Lab {
        Lab { folder: tempfile::tempdir().unwrap() }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lab"));
        command
            .args(args)
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .env("NO_COLOR", "1");
        command.env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY");
        command
    }

    fn done(&self, args: &[&str]) -> Done {
        let output = self.command(args).output().unwrap();
        Done {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// A finished recording of no running lab, as `lab run` names it.
    fn recorded(&self, name: &str) -> PathBuf {
        let folder = self.folder.path().join("lab-runs").join(name);
        fs::create_dir_all(folder.join("01-buggy")).unwrap();
        copy_of_a_run(&folder.join("01-buggy"));
        folder
    }

    /// A recording that no lab made below `lab-runs`: somebody else's, or one under version
    /// control.
    fn foreign(&self) -> PathBuf {
        let run = self.folder.path().join("data/greedy/01-buggy");
        fs::create_dir_all(&run).unwrap();
        copy_of_a_run(&run);
        run
    }
}

/// Copies a run that documents quote into an empty folder.
fn copy_of_a_run(into: &Path) {
    let packed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../book/data/greedy.lab");
    let opened = lab_recording::pack::open(&packed).unwrap();
    for (file, _) in files(&opened.folder().join("01-buggy")) {
        fs::copy(&file, into.join(file.file_name().unwrap())).unwrap();
    }
}

/// Records that a run was killed at its deadline: then its claim to end is broken.
fn hang(recording: &Path) {
    let outcome = recording.join("01-buggy/outcome.json");
    let text = fs::read_to_string(&outcome).unwrap();
    assert!(text.contains("\"finished\""), "{text}");
    fs::write(&outcome, text.replace("\"finished\"", "\"hung\"")).unwrap();
}

/// All files below a folder with their lengths.
fn files(folder: &Path) -> BTreeMap<PathBuf, u64> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        match entry.file_type().unwrap().is_dir() {
            true => all.extend(files(&entry.path())),
            false => drop(all.insert(entry.path(), entry.metadata().unwrap().len())),
        }
    }
    all
}

#[test]
fn help_and_version_are_commands_and_options() {
    let lab = Lab::new();
    let help = lab.done(&["help"]);
    assert_eq!((help.code, help.stderr.as_str()), (0, ""));
    assert_eq!(help.stdout, lab.done(&["--help"]).stdout);
    assert_eq!(lab.done(&["help", "run"]).stdout, lab.done(&["run", "--help"]).stdout);
    let versions = ["version", "--version", "-V"].map(|word| lab.done(&[word]).stdout);
    assert!(
        versions[0].starts_with("lab ") && versions.iter().all(|v| *v == versions[0]),
        "{versions:?}"
    );
    for command in ["run", "compare", "sweep", "verify", "score", "doctor", "overhead", "clean"] {
        assert!(help.stdout.contains(&format!("\n  {command} ")), "{command}: {}", help.stdout);
        let text = lab.done(&["help", command]).stdout;
        assert!(text.contains("Takes "), "{command} says how long it takes: {text}");
    }
}

#[test]
fn a_variant_without_its_option_brings_the_option() {
    let done = Lab::new().done(&["run", "greedy", "fixed"]);
    assert_eq!((done.code, done.stdout.as_str()), (2, ""));
    assert!(done.stderr.contains("try --variant fixed"), "{}", done.stderr);
}

#[test]
fn sizes_rates_and_times_take_units_of_any_case() {
    let lab = Lab::new();
    for [size, bytes] in [["1.5MB", "1500000"], ["16kb", "16000"], ["64KIB", "65536"]] {
        let args = ["run", "greedy", "--dry-run", "--rate", "1K", "--size", size];
        let done = lab.done(&[&args[..], &["--duration", "1.5s", "--format", "json"]].concat());
        assert_eq!(done.code, 0, "{}", done.stderr);
        for part in [
            format!("\"size\": {bytes}"),
            "\"rate\": 1000.0".into(),
            "\"duration_ms\": 1500".into(),
        ] {
            assert!(done.stdout.contains(&part), "{part}: {}", done.stdout);
        }
    }
    assert_eq!(fs::read_dir(lab.folder.path()).unwrap().count(), 0, "a dry run makes nothing");
}

#[test]
fn metrics_are_listed_under_the_names_that_compare_takes() {
    let lab = Lab::new();
    let listed = lab.done(&["list", "--metrics"]);
    assert_eq!(listed.code, 0, "{}", listed.stderr);
    let lines = listed.stdout.lines().skip(1).take_while(|line| !line.is_empty());
    let (own, of_every_run): (Vec<&str>, Vec<&str>) =
        lines.partition(|line| line.ends_with(" alone)"));
    assert!(own.len() + of_every_run.len() >= 20, "{}", listed.stdout);
    let names = of_every_run.iter().filter_map(|line| line.split(' ').next());
    let all = names.collect::<Vec<_>>().join(",");
    let compared = lab.done(&["compare", "greedy", "--metric", &all, "--dry-run"]);
    assert_eq!(compared.code, 0, "{}", compared.stderr);
}

#[test]
fn a_closed_stdout_changes_no_exit_code() {
    let lab = Lab::new();
    let good = lab.recorded("greedy-20200101T000000Z-4194305");
    let broken = lab.recorded("greedy-20200102T000000Z-4194306");
    hang(&broken);
    for (recording, code) in [(&good, 0), (&broken, 3)] {
        for format in ["text", "json"] {
            let args = ["report", recording.to_str().unwrap(), "--format", format];
            let (reader, writer) = std::io::pipe().unwrap();
            drop(reader);
            let closed = lab.command(&args).stdout(writer).output().unwrap();
            let whole = lab.done(&args);
            assert_eq!(
                (whole.code, whole.stderr.as_str()),
                (code, ""),
                "{format}: {}",
                whole.stdout
            );
            assert_eq!(closed.status.code(), Some(code), "{format}");
            assert_eq!(String::from_utf8_lossy(&closed.stderr), "", "{format}");
        }
    }
}

#[test]
fn a_report_has_the_exit_code_of_its_run() {
    let lab = Lab::new();
    let done = lab.done(&["run", "greedy", "--duration", "300ms", "--profile", "none"]);
    assert!(done.stdout.contains("lab-runs/greedy-"), "{}{}", done.stdout, done.stderr);
    let report = lab.done(&["report"]);
    assert_eq!(report.code, done.code, "{}{}", done.stdout, report.stderr);
}

#[test]
fn a_page_of_a_foreign_recording_is_written_elsewhere() {
    let lab = Lab::new();
    let recording = lab.foreign();
    let before = files(&recording);
    let path = recording.display().to_string();
    let asked = lab.done(&["report", &path, "--html"]);
    assert_eq!(asked.code, lab.done(&["report", &path]).code, "{}", asked.stderr);
    let page = lab.folder.path().join("lab-runs/greedy-01-buggy-report.html");
    assert!(
        fs::read_to_string(&page).unwrap().trim_end().ends_with("</html>"),
        "{}",
        page.display()
    );
    let logs = lab.done(&["export", &path, "--to", "hlog"]);
    assert_eq!(logs.code, 0, "{}", logs.stderr);
    assert!(logs.stdout.starts_with("lab-runs/greedy-01-buggy-export/"), "{}", logs.stdout);
    assert_eq!(files(&recording), before, "the recording is as it was");
}

#[test]
fn a_page_that_cannot_be_written_is_a_failure_and_the_report_stands() {
    let lab = Lab::new();
    let path = lab.foreign().display().to_string();
    let plain = lab.done(&["report", &path]);
    let failed = lab.done(&["report", &path, "--html", "/proc/nowhere/page.html"]);
    assert_eq!((failed.code, &failed.stdout), (1, &plain.stdout), "{}", failed.stderr);
    assert_eq!(failed.stderr.lines().count(), 1, "{}", failed.stderr);
    assert!(
        failed.stderr.contains("cannot write the page") && failed.stderr.contains("--html FILE")
    );
}

#[test]
fn without_a_display_the_address_of_the_page_is_printed() {
    let lab = Lab::new();
    let path = lab.foreign().display().to_string();
    let done = lab.done(&["report", &path, "--html", "a page.html", "--open"]);
    let address = done.stderr.split_whitespace().find(|word| word.starts_with("file://"));
    let address = address.unwrap_or_else(|| panic!("{}", done.stderr));
    assert!(address.starts_with("file:///") && address.ends_with("/a%20page.html"), "{address}");
    assert_eq!(done.code, lab.done(&["report", &path]).code, "{}", done.stderr);
}

#[test]
fn clean_removes_old_recordings_and_nothing_else() {
    let lab = Lab::new();
    // No process has the number 4194304 or above.
    let old = lab.recorded("greedy-20200101T000000Z-4194305");
    std::thread::sleep(std::time::Duration::from_millis(20));
    let new = lab.recorded("greedy-20200102T000000Z-4194306");
    let other = lab.folder.path().join("lab-runs/my-notes");
    fs::create_dir(&other).unwrap();
    let young = lab.done(&["clean", "--keep", "0", "--older-than", "7d"]);
    assert!(young.stdout.starts_with("0 recordings removed"), "{}", young.stdout);
    let planned = lab.done(&["clean", "--keep", "1", "--dry-run"]);
    assert!(planned.stdout.contains("1 recording would be removed"), "{}", planned.stdout);
    assert!(old.exists() && new.exists(), "a dry run removes nothing");
    let done = lab.done(&["clean", "--keep", "1"]);
    assert_eq!((done.code, done.stderr.as_str()), (0, ""));
    assert!(done.stdout.contains("greedy-20200101T000000Z-4194305"), "{}", done.stdout);
    assert_eq!([old.exists(), new.exists(), other.exists()], [false, true, true]);
    assert_eq!(lab.done(&["clean", "--out", "nowhere"]).code, 0, "nothing to remove");
}
