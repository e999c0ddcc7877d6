//! Signals to the lab, and its death: whatever comes, at whatever moment, nothing survives, and what
//! was recorded can be read.

use crate::support::{Done, Lab, in_parallel, processes_with, signal, until};
use lab_recording::folder::SCRATCH;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::time::Duration;

#[test]
fn a_signal_at_any_moment_ends_the_lab_and_its_child() {
    let interrupt_after = |ms: u64| {
        let lab = Lab::endings();
        let parent =
            lab.foreground(&["run", "endings", "--variant", "stubborn", "--timeout", "2s"]);
        std::thread::sleep(Duration::from_millis(ms));
        signal("INT", parent.id());
        let output = parent.wait_with_output().unwrap();
        // Before the lab began to listen, the signal ends it as it ends any process.
        let ended = output.status.code() == Some(130) || output.status.signal() == Some(2);
        assert!(
            ended,
            "after {ms} ms: {:?} {}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        until("the child is gone", || {
            processes_with(&lab.out.path().display().to_string()).is_empty()
        });
        for run in lab.runs() {
            let (_, result) = lab.json(&["report", &run.display().to_string()]);
            let ending = result["runs"][0]["ending"].as_str().unwrap().to_owned();
            assert!(["unfinished", "hung"].contains(&ending.as_str()), "after {ms} ms: {ending}");
        }
    };
    // At once, while it starts, under load, and in the grace that follows the deadline.
    std::thread::scope(|scope| {
        for ms in [0, 20, 700, 2_300] {
            let builder = std::thread::Builder::new();
            builder.spawn_scoped(scope, move || interrupt_after(ms)).unwrap();
        }
    });
}

#[test]
fn a_closed_terminal_and_a_quit_end_the_lab_and_its_child_as_ctrl_c_does() {
    for (name, code) in [("HUP", 129), ("QUIT", 131), ("TERM", 143)] {
        let lab = Lab::endings();
        let parent = lab.foreground(&["run", "endings", "--variant", "stubborn"]);
        until("a run has begun", || !lab.runs().is_empty());
        signal(name, parent.id());
        let output = parent.wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{name}: {stderr}");
        assert!(processes_with(&lab.out.path().display().to_string()).is_empty(), "{name}");
        assert!(!lab.runs()[0].join(SCRATCH).exists(), "{name}: nothing of the run is left");
    }
}

#[test]
fn a_run_that_ended_in_time_did_not_hang_though_the_lab_was_stopped_meanwhile() {
    for _ in 0..4 {
        let lab = Lab::endings();
        let args = ["run", "endings", "--variant", "quick", "--timeout", "1500ms"];
        let mut command = lab.command(&[&args[..], &["--format", "json"]].concat());
        let parent = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // The parent's command line names the folder, too.
        until("the child has begun", || {
            processes_with(&lab.out.path().display().to_string()).len() > 1
        });
        signal("STOP", parent.id());
        until("the child has exited", || lab_recording::folder::read_end(&lab.runs()[0]).is_some());
        // Longer than the deadline, which is then the first thing that the lab finds.
        std::thread::sleep(Duration::from_millis(1_700));
        signal("CONT", parent.id());
        let done = Done::from(parent.wait_with_output().unwrap());
        assert_eq!(done.json()["runs"][0]["ending"], "finished", "{}", done.stderr);
    }
}

#[test]
fn whoever_ignores_sigchld_can_run_the_lab_all_the_same() {
    let lab = Lab::endings();
    let command = lab.command(&["run", "endings", "--variant", "quick"]);
    let script = "trap '' CHLD; exec \"$0\" \"$@\"";
    let output = Command::new("sh")
        .args(["-c", script])
        .arg(command.get_program())
        .args(command.get_args())
        .output()
        .unwrap();
    let done = Done::from(output);
    assert_eq!(done.code, 0, "{}{}", done.stdout, done.stderr);
}

/// The state of a process, as `ps` calls it: `T` for one that is stopped.
fn state(process: u32) -> char {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next()).unwrap_or('?')
}

#[test]
fn ctrl_z_stops_the_run_too_and_its_time_does_not_count() {
    let lab = Lab::endings();
    let args = ["run", "endings", "--variant", "quick", "--timeout", "2s", "--format", "json"];
    let parent = lab.foreground(&args);
    let out = lab.out.path().display().to_string();
    until("the child has begun", || processes_with(&out).len() > 1);
    signal("TSTP", parent.id());
    until("both are stopped", || processes_with(&out).iter().all(|process| state(*process) == 'T'));
    // Longer than the deadline, had it gone on.
    std::thread::sleep(Duration::from_millis(2_500));
    signal("CONT", parent.id());
    let done = Done::from(parent.wait_with_output().unwrap());
    let run = done.json()["runs"][0].clone();
    assert_eq!(
        (run["ending"].as_str(), run["validity"].as_str()),
        (Some("finished"), Some("invalid"))
    );
    let reasons = run["reasons"].to_string();
    assert!(reasons.contains("stopped for") && reasons.contains("and continued"), "{reasons}");
    assert!([0, 4].contains(&done.code), "{}: {}", done.code, done.stderr);
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn whatever_signal_comes_nothing_survives_and_the_recording_can_be_read() {
    // All but those that are never delivered, that stop a process for good, or that any program in
    // Rust ignores: SIGPIPE, and SIGBUS and SIGSEGV where there was no wrong access.
    let ends_it = |number: &i32| ![7, 9, 11, 13, 17, 18, 19, 20, 21, 22, 23, 28].contains(number);
    let numbers: Vec<i32> = (1..32).filter(ends_it).collect();
    in_parallel(numbers.len(), |at| {
        let lab = Lab::endings();
        let parent = lab.foreground(&["run", "endings", "--variant", "stubborn"]);
        until("a run has begun", || !lab.runs().is_empty());
        signal(&numbers[at].to_string(), parent.id());
        let output = parent.wait_with_output().unwrap();
        let code = output.status.code().map(|code| code - 128);
        let by_signal = output.status.signal().or(code);
        assert_eq!(by_signal, Some(numbers[at]), "{:?}", output.status);
        assert_nothing_survives(&lab, &format!("signal {}", numbers[at]));
    });
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn a_lab_that_is_killed_at_any_instant_leaves_no_process_and_readable_recordings() {
    const INSTANTS: usize = 60;
    in_parallel(INSTANTS, |at| {
        let lab = Lab::endings();
        let args = ["run", "endings", "--variant", "quick", "--trials", "2"];
        let mut parent =
            lab.command(&args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // Two runs of about 0.8 s each: the instants are spread over all of them.
        std::thread::sleep(Duration::from_millis(30 * at as u64));
        let _ = parent.kill();
        parent.wait().unwrap();
        assert_nothing_survives(&lab, &format!("killed after {} ms", 30 * at));
    });
}

/// Fails if a process of this lab is left, or a recording that cannot be read or is judged although
/// it did not end.
#[track_caller]
fn assert_nothing_survives(lab: &Lab, when: &str) {
    let out = lab.out.path().display().to_string();
    until("no process is left", || processes_with(&out).is_empty());
    for run in lab.runs() {
        let done = lab.done(&["report", &run.display().to_string(), "--format", "json"]);
        if !run.join("spec.json").exists() {
            continue; // Killed while the folder was made: there is no recording in it yet.
        }
        let result = done.json();
        let ending = result["runs"][0]["ending"].as_str().unwrap().to_owned();
        let is_judged = result["runs"][0]["claims"].to_string().contains("broken");
        assert!(ending == "finished" || !is_judged, "{when}: {result:#}");
        assert!([0, 4].contains(&done.code), "{when}: {}", done.code);
    }
}
