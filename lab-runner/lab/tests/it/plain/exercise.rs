//! `lab exercise` without load: refusals, progress, hints, tries, watch mode by lines and in a
//! terminal. A script stands in for cargo, so that nothing is built.

use crate::support::{Done, Lab, until};
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// A pack with one exercise.
const MANIFEST: &str = r#"
format_version = 1
welcome = "Welcome."

[[exercise]]
slug = "slow-quotes"
title = "Slow quotes"
minutes = 10
symptom = "quotes are slow"
load = { rate = 100, duration_ms = 100 }
cause = "long-poll"
function = "slow_quotes::import"
profilers = ["cpu"]
starter_breaks = "the service ends"
hints = ["where to look", "which signal", "which mechanism", "what to change"]

[exercise.predict]
question = "How long?"
metric = "wait_max_us"
unit = "ms"

[[exercise.goal]]
claim = "the service ends"
rung = "liveness"
ending = "finished"

[[exercise.trap]]
name = "spawn-it"
breaks = "the service ends"
says = "It is the same loop."
"#;

struct Workshop {
    folder: TempDir,
}

impl Workshop {
    fn new() -> Workshop {
        let folder = tempfile::tempdir().unwrap();
        let workshop = Workshop { folder };
        workshop.put("exercises/info.toml", MANIFEST);
        workshop.put("exercises/src/bin/slow-quotes.rs", "// shipped\n");
        workshop.put("exercises/starters/slow-quotes.rs", "// shipped\n");
        workshop.put("exercises/solutions/slow-quotes.rs", "// solved\n");
        workshop.put("exercises/traps/slow-quotes/spawn-it.rs", "tokio::spawn(all());\n");
        workshop.cargo("echo 'error: expected expression' >&2; exit 101");
        workshop
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn put(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// What stands in for cargo.
    fn cargo(&self, script: &str) {
        self.put("cargo", &format!("#!/bin/sh\n{script}\n"));
        fs::set_permissions(self.path("cargo"), fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn command(&self, args: &[&str]) -> Command {
        let lab = Lab::builtin();
        let mut command = Command::new(lab.binary());
        command.arg("exercise").args(args).current_dir(self.folder.path());
        command.env("CARGO", self.path("cargo")).stdin(Stdio::null());
        command
    }

    fn done(&self, args: &[&str]) -> Done {
        self.command(args).output().unwrap().into()
    }

    fn refused(&self, args: &[&str], says: &str) {
        let done = self.done(args);
        assert_eq!(done.code, 2, "{args:?}: {} {}", done.stdout, done.stderr);
        assert!(done.stderr.contains(says), "{args:?} should say '{says}': {}", done.stderr);
        assert_eq!(done.stderr.lines().count(), 1, "{args:?}: {}", done.stderr);
    }

    fn watch(&self) -> Child {
        let mut command = self.command(&["watch"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    }
}

#[test]
fn what_cannot_be_meant_is_refused_in_one_sentence() {
    let workshop = Workshop::new();
    workshop.refused(&["check", "slow-quote"], "try slow-quotes");
    workshop.refused(&["hint", "zzz"], "lab exercise list shows all");
    workshop.refused(&["list", "--pack", "nowhere"], "cannot read nowhere/info.toml");
    workshop.refused(&["solution"], "--give-up");
    workshop.refused(&["diff"], "0 of the two tries");
    workshop.refused(&["predict"], "--value NUMBER");
    workshop.refused(&["predict", "--value", "-1"], "a number from 0 on");
    workshop.refused(&["predict", "--value", "1", "--confidence", "101"], "from 0 to 100");
    workshop.refused(&["check", "--seed", "3"], "only a mystery has one");
    workshop.refused(&["diagnose"], "is no mystery");
    workshop.refused(&["new", "Slow Login"], "is no slug");
    fs::remove_file(workshop.path("exercises/info.toml")).unwrap();
    workshop.refused(&["list"], "no folder 'exercises' here or above");
}

#[test]
fn a_changed_checker_is_refused() {
    let workshop = Workshop::new();
    assert_eq!(workshop.done(&["seal"]).code, 0);
    workshop.put("exercises/info.toml", &MANIFEST.replace("finished", "hung"));
    workshop.refused(&["check"], "info.toml is not as it was shipped");
    workshop.put("exercises/info.toml", MANIFEST);
    workshop.put("exercises/starters/slow-quotes.rs", "// easier\n");
    workshop.refused(&["check"], "starters/slow-quotes.rs is not as it was shipped");
}

#[test]
fn a_file_that_does_not_build_is_said_with_the_compilers_words_and_kept() {
    let workshop = Workshop::new();
    let done = workshop.done(&["check"]);
    assert_eq!(done.code, 5, "{}", done.stderr);
    assert!(done.stderr.contains("error: expected expression"), "{}", done.stderr);
    assert!(done.stdout.contains("DOES NOT BUILD"), "{}", done.stdout);
    let kept = workshop.path("exercises/.lab-tries/slow-quotes/0001/code.rs");
    assert_eq!(fs::read_to_string(kept).unwrap(), "// shipped\n");
    assert!(!workshop.path("lab-runs").exists(), "nothing was measured");
    workshop.cargo("exec /nowhere/cargo");
    assert_eq!(workshop.done(&["check"]).code, 5);
}

#[test]
fn a_program_that_fails_is_not_yet_and_shows_why() {
    let workshop = Workshop::new();
    // Another program than an exercise: it does not know what to run.
    let lab = Lab::endings();
    let built = workshop.path("built");
    fs::create_dir(&built).unwrap();
    for name in ["slow-quotes", "slow-quotes-starter"] {
        fs::copy(lab.binary(), built.join(name)).unwrap();
    }
    let message = format!("{{\"executable\":\"{}/slow-quotes\"}}", built.display());
    workshop.cargo(&format!("echo '{message}'"));
    let done = workshop.done(&["check", "--counts"]);
    assert_eq!(done.code, 3, "{} {}", done.stdout, done.stderr);
    for part in ["NOT YET: the service ends", "ended ", "no variant", "lab-runs/slow-quotes-"] {
        assert!(done.stdout.contains(part), "{part}: {}", done.stdout);
    }
    let list = workshop.done(&["list"]);
    assert!(list.stdout.contains("1 try") && list.stdout.contains("0 of 1 solved"));
}

#[test]
fn hints_open_one_after_another_and_a_reset_keeps_what_was_written() {
    let workshop = Workshop::new();
    let hint = || workshop.done(&["hint"]).stdout;
    assert!(hint().contains("where to look"));
    let second = hint();
    assert!(!second.contains("which signal") && second.contains("after another check"), "{second}");
    // A try that was measured, as `check` notes it.
    let progress = workshop.path("exercises/.lab-progress");
    let noted = fs::read_to_string(&progress).unwrap() + "tries slow-quotes 1\n";
    fs::write(&progress, noted).unwrap();
    assert!(hint().contains("which signal"));
    let solution = workshop.done(&["solution", "--give-up"]);
    assert!(solution.stdout.contains("+// solved"), "{}", solution.stdout);
    workshop.put("exercises/src/bin/slow-quotes.rs", "// mine\n");
    assert_eq!(workshop.done(&["reset"]).code, 0);
    let file = |name: &str| fs::read_to_string(workshop.path(name)).unwrap();
    assert_eq!(file("exercises/src/bin/slow-quotes.rs"), "// shipped\n");
    assert_eq!(file("exercises/.lab-tries/slow-quotes/0001/code.rs"), "// mine\n");
    fs::remove_file(workshop.path("exercises/src/bin/slow-quotes.rs")).unwrap();
    let gone = workshop.done(&["check"]);
    assert!(gone.stderr.contains("lab exercise reset slow-quotes puts it back"), "{}", gone.stderr);
    assert_eq!(workshop.done(&["reset"]).code, 0);
    assert_eq!(file("exercises/src/bin/slow-quotes.rs"), "// shipped\n");
}

#[test]
fn a_damaged_progress_file_stops_nothing() {
    let workshop = Workshop::new();
    for damaged in [&b"\xFF\xFE\0"[..], b"solved", b"tries slow-quotes x\nhints slow-quotes", b""] {
        fs::write(workshop.path("exercises/.lab-progress"), damaged).unwrap();
        assert_eq!(workshop.done(&["list"]).code, 0, "{damaged:?}");
        assert_eq!(workshop.done(&["hint"]).code, 0, "{damaged:?}");
        assert_eq!(workshop.done(&[]).code, 0, "{damaged:?}");
    }
}

#[test]
fn an_interrupted_build_ends_the_lab_and_cargo() {
    let workshop = Workshop::new();
    workshop.cargo("echo $$ > started; exec sleep 100");
    let mut command = workshop.command(&["check"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let started = workshop.path("exercises/started");
    until("cargo starts", || fs::read_to_string(&started).is_ok_and(|pid| pid.ends_with('\n')));
    crate::support::signal("INT", child.id());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let cargo = fs::read_to_string(started).unwrap();
    until("cargo ends", || !Path::new(&format!("/proc/{}", cargo.trim())).exists());
}

#[test]
fn watch_takes_keys_as_lines_where_there_is_no_terminal() {
    let workshop = Workshop::new();
    let mut child = workshop.watch();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"r\nh\nl\nz\nx\nx\nq\n").unwrap();
    let done: Done = child.wait_with_output().unwrap().into();
    assert_eq!(done.code, 0, "{}", done.stderr);
    for part in
        ["How long?", "where to look", "0 of 1 solved", "is as it was shipped", "check with timed"]
    {
        assert!(done.stdout.contains(part), "{part}: {}", done.stdout);
    }
}

#[test]
fn watch_checks_a_file_that_is_saved_and_says_when_it_is_gone() {
    let workshop = Workshop::new();
    let mut child = workshop.watch();
    let _stdin = child.stdin.take().unwrap();
    let tries = workshop.path("exercises/.lab-tries/slow-quotes");
    let kept = || fs::read_dir(&tries).map_or(0, Iterator::count);
    // The first look at the file comes before the first change of it.
    std::thread::sleep(std::time::Duration::from_millis(800));
    workshop.put("exercises/src/bin/slow-quotes.rs", "// saved\n");
    until("a try is kept", || kept() > 0);
    fs::remove_file(workshop.path("exercises/src/bin/slow-quotes.rs")).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(1_500));
    crate::support::signal("TERM", child.id());
    let done: Done = child.wait_with_output().unwrap().into();
    assert_eq!(done.code, 143, "{}", done.stderr);
    assert!(done.stdout.contains("DOES NOT BUILD"), "{}", done.stdout);
    assert!(done.stdout.contains("was moved away: x puts it back"), "{}", done.stdout);
}

#[test]
fn watch_has_a_screen_in_a_terminal_and_gives_the_terminal_back() {
    let workshop = Workshop::new();
    let lab = Lab::builtin();
    // `script` gives its command a terminal of its own; after the lab, its settings are printed.
    let typed = format!("{} exercise; echo ended $?; stty -a", lab.binary().display());
    let mut command = Command::new("script");
    command.args(["-qfec", &typed, "/dev/null"]).current_dir(workshop.folder.path());
    command.env("CARGO", workshop.path("cargo")).env("TERM", "xterm").env_remove("NO_COLOR");
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let pause = || std::thread::sleep(std::time::Duration::from_millis(700));
    for key in ["h", "l", "r", "q"] {
        pause();
        stdin.write_all(key.as_bytes()).unwrap();
    }
    let mut shown = String::new();
    pause();
    drop(stdin);
    let mut bytes = Vec::new();
    stdout.read_to_end(&mut bytes).unwrap();
    shown.push_str(&String::from_utf8_lossy(&bytes));
    child.wait().unwrap();
    for part in ["\x1b[2J", "where to look", "0 of 1 solved", "DOES NOT BUILD", "ended 0"] {
        assert!(shown.contains(part), "{part:?}: {shown}");
    }
    let settings = shown.split("ended 0").nth(1).unwrap();
    assert!(settings.contains(" icanon") && settings.contains(" echo"), "{settings}");
}
