//! A host that refuses something: room on the disk, an open file, a thread, memory. The lab says
//! which limit was met, judges no claim by such a run, and keeps what was recorded.

use crate::load::child::assert_all_was_measured;
use crate::support::{Done, Lab};
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

/// Runs the lab on a file system of its own that is as small as `room`. Needs a kernel that lets
/// the user have a mount namespace; where it does not, nothing is checked, unless
/// `LAB_NEEDS_UNSHARE` says that it must.
fn on_a_small_disk(room: &str, args: &str) -> Option<Done> {
    let lab = Lab::endings();
    let small = lab.out.path().display();
    let lab_with_args = format!("{} {args} --out {small}", lab.binary().display());
    let mount = format!("mount -t tmpfs -o size={room} none {small}");
    let script = format!(
        "{mount} || exit 99; {lab_with_args}; code=$?; echo left: $(ls {small}) >&2; exit $code"
    );
    let mut unshare = Command::new("unshare");
    unshare.args(["--user", "--map-root-user", "--mount"]);
    if !unshare
        .args(["sh", "-c", "true"])
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
    {
        assert!(
            std::env::var_os("LAB_NEEDS_UNSHARE").is_none(),
            "this kernel gives users no mount namespace"
        );
        return None;
    }
    let mut unshare = Command::new("unshare");
    Some(
        unshare
            .args(["--user", "--map-root-user", "--mount", "sh", "-c", &script])
            .output()
            .unwrap()
            .into(),
    )
}

#[test]
fn a_disk_that_fills_up_during_the_run_is_told_as_its_ending() {
    let Some(done) = on_a_small_disk("300k", "run endings --variant print --format json") else {
        return;
    };
    let result: Value =
        serde_json::from_str(&done.stdout).unwrap_or_else(|e| panic!("{e}: {}", done.stderr));
    let run = &result["runs"][0];
    assert_eq!(run["ending"], "failed");
    assert!(run["text"].as_str().unwrap().contains("No space left on device"), "{run:#}");
    assert_all_was_measured(run);
}

#[test]
fn a_disk_without_room_for_the_requests_is_told_as_the_ending_of_the_run() {
    let Some(done) =
        on_a_small_disk("200k", "run endings --variant quick --rate 100000 --format json")
    else {
        return;
    };
    let result: Value =
        serde_json::from_str(&done.stdout).unwrap_or_else(|e| panic!("{e}: {}", done.stderr));
    let run = &result["runs"][0];
    assert_eq!((done.code, run["ending"].as_str()), (4, Some("failed")), "{run:#}");
    assert_eq!(run["refused"], "the disk is full");
    assert!(run["text"].as_str().unwrap().contains("request log"), "{run:#}");
}

#[test]
fn a_disk_without_room_for_a_recording_is_refused_and_nothing_is_left() {
    let Some(done) = on_a_small_disk("8k", "run endings --variant quick") else { return };
    assert_eq!(done.code, 1, "{}", done.stderr);
    assert!(done.stderr.contains("left:\n"), "{}", done.stderr);
    assert!(
        done.stderr.contains("the disk is full") && done.stderr.contains("--out"),
        "{}",
        done.stderr
    );
}

const QUICK: [&str; 4] = ["run", "endings", "--variant", "quick"];

/// Runs a command below a limit, which a shell sets.
fn below(limit: &str, lab: &Lab, args: &[&str]) -> Done {
    let command = lab.command(&[args, &["--format", "json"]].concat());
    let script = format!("{limit} && exec \"$0\" \"$@\"");
    let output = Command::new("sh")
        .args(["-c", &script])
        .arg(command.get_program())
        .args(command.get_args())
        .output()
        .unwrap();
    // A process that gets no memory at all aborts, which is no exit code.
    let code = output.status.code().unwrap_or(-1);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Done { code, stdout: text(&output.stdout), stderr: text(&output.stderr) }
}

/// Fails unless the limit is named in a sentence, and neither a claim is broken nor the number of
/// an error shown as the reason.
#[track_caller]
fn assert_names(done: &Done, limit: &str) {
    let (code, reason) = match done.code {
        1 => (1, done.stderr.clone()),
        code => (code, done.json()["runs"][0]["refused"].as_str().unwrap_or_default().to_owned()),
    };
    assert!(code == 1 || code == 4, "exit code {code}: {}{}", done.stdout, done.stderr);
    assert!(reason.contains(limit) && !reason.contains("os error"), "{reason}: {}", done.stdout);
}

#[test]
fn too_few_open_files_are_named_with_their_limit_at_every_step() {
    // The lab, its child, and the runtime in it fail one after the other.
    for count in [4, 8, 12, 16, 20] {
        let done = below(&format!("ulimit -n {count}"), &Lab::endings(), &QUICK);
        if done.code != 0 {
            assert_names(&done, &format!("the limit of open files is {count}"));
        }
    }
    let done = below("ulimit -n 8", &Lab::endings(), &QUICK);
    assert_ne!(done.code, 0, "eight are too few");
}

#[test]
fn too_few_threads_are_named_with_their_limit() {
    // Root may start as many as it likes: such a limit holds for others, who must reach the binary.
    let lab = Lab::endings();
    std::fs::set_permissions(lab.out.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
    let binary = lab.out.path().join("binary");
    std::fs::copy(lab.binary(), &binary).unwrap();
    let binary = binary.display().to_string();
    let user = ["--reuid", "61234", "--regid", "61234", "--clear-groups"];
    let run_as = |args: &[&str]| Command::new("setpriv").args(user).args(args).output();
    if !run_as(&["true"]).is_ok_and(|output| output.status.success()) {
        return; // Who is not root cannot become another user.
    }
    let out = lab.out.path().display().to_string();
    let mut refused = 0;
    for count in 1..=6 {
        let limit = format!("--nproc={count}");
        let args = ["run", "endings", "--variant", "quick", "--format", "json", "--out", &out];
        let done =
            Done::from(run_as(&[&["prlimit", &limit, &binary][..], &args].concat()).unwrap());
        if done.code != 0 {
            assert_names(&done, &format!("the limit of processes is {count}"));
            refused += 1;
        }
    }
    assert!(refused >= 3, "{refused} limits were too low");
}

#[test]
fn too_little_memory_is_named_with_its_limit_and_the_recording_is_kept() {
    // The binary `lab` counts its allocations, so it knows when one fails.
    let args = ["run", "greedy", "--fixed", "--duration", "300ms", "--profile", "sched"];
    let mut refused = 0;
    for mib in [120, 180, 240, 400] {
        let lab = Lab::builtin();
        let done = below(&format!("ulimit -v {}", mib * 1_024), &lab, &args);
        if [0, 127].contains(&done.code) {
            continue; // Enough, or so little that the binary cannot even be loaded.
        }
        assert_names(&done, "address space");
        assert!(!done.stdout.contains("broken"), "{}", done.stdout);
        for run in lab.runs().iter().filter(|run| run.join("spec.json").exists()) {
            let again = lab.done(&["report", &run.display().to_string(), "--format", "json"]);
            assert!([0, 4].contains(&again.code), "{mib} MiB: {}", again.stderr);
        }
        refused += 1;
    }
    assert!(refused > 0, "no limit was too low");
}
