//! Runs real binaries of the lab in a folder of their own.

pub mod profiles;
pub mod seen;

use serde_json::Value;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A lab binary and the folder that it records into.
pub struct Lab {
    binary: PathBuf,
    pub out: TempDir,
}

/// What a finished lab left.
pub struct Done {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Lab {
    /// The lab with the scenarios of this repository.
    pub fn builtin() -> Lab {
        Lab::new(env!("CARGO_BIN_EXE_lab"))
    }

    /// `fixtures/endings.rs`: a scenario that ends in every way that a run can end.
    pub fn endings() -> Lab {
        Lab::new(env!("CARGO_BIN_EXE_endings"))
    }

    /// `fixtures/leaky.rs`: a scenario that keeps memory, over an allocator that can tell who keeps
    /// it.
    pub fn leaky() -> Lab {
        Lab::new(env!("CARGO_BIN_EXE_leaky"))
    }

    /// `fixtures/leaky_system.rs`: the same over the system's allocator, which cannot.
    pub fn leaky_system() -> Lab {
        Lab::new(env!("CARGO_BIN_EXE_leaky_system"))
    }

    /// The example `reported`: programs after faults that people reported.
    pub fn reported() -> Lab {
        Lab::example("reported")
    }

    /// The example `strangers`: programs that no rule was made for.
    pub fn strangers() -> Lab {
        Lab::example("strangers")
    }

    /// An example of the package `lab-strangers`. They are built with the tests of the workspace.
    fn example(name: &str) -> Lab {
        let target = Path::new(env!("CARGO_BIN_EXE_lab")).parent().unwrap();
        let binary = target.join("examples").join(name);
        assert!(binary.exists(), "cargo build --package lab-strangers --example {name}");
        Lab::new(binary.to_str().unwrap())
    }

    fn new(binary: &str) -> Lab {
        Lab { binary: binary.into(), out: tempfile::tempdir().unwrap() }
    }

    pub fn binary(&self) -> &Path {
        &self.binary
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(args).env("NO_COLOR", "1");
        if matches!(
            args,
            ["run" | "report" | "sweep" | "verify" | "score" | "compare" | "doctor" | "export", ..]
        ) {
            command.arg("--out").arg(self.out.path());
        }
        command
    }

    /// Runs it to its end.
    pub fn done(&self, args: &[&str]) -> Done {
        Done::from(self.command(args).output().unwrap())
    }

    /// Runs it and reads the JSON document that it prints.
    pub fn json(&self, args: &[&str]) -> (i32, Value) {
        let done = self.done(&[args, &["--format", "json"]].concat());
        (done.code, done.json())
    }

    /// Runs it to its end and fails unless it passes, as [`Done::assert_passed`] says.
    #[track_caller]
    pub fn passed(&self, args: &[&str]) -> Done {
        let done = self.done(args);
        done.assert_passed();
        done
    }

    /// Runs it, fails unless it passes, and reads the JSON document that it prints.
    #[track_caller]
    pub fn passed_json(&self, args: &[&str]) -> Value {
        self.passed(&[args, &["--format", "json"]].concat()).json()
    }

    /// Runs it under a load for which its claims are not made, being shorter than
    /// `Scenario::brief_ms`, and fails unless it passes but for claims on times. They are not what
    /// such a test is about.
    #[track_caller]
    pub fn passed_but_for_times(&self, args: &[&str]) -> Done {
        let done = self.done(args);
        self.assert_passed_but_for_times(&done);
        done
    }

    /// Fails unless this passed, or the only claims that are broken in the newest recording are on
    /// times.
    #[track_caller]
    pub fn assert_passed_but_for_times(&self, done: &Done) {
        if done.code != 3 {
            return done.assert_passed();
        }
        let (_, report) = self.json(&["report", &self.newest().display().to_string()]);
        let broken = broken_claims(&report);
        assert!(
            !broken.is_empty(),
            "exit code 3, and no claim is broken:\n{}\n{}",
            done.stdout,
            done.stderr
        );
        let others: Vec<_> = broken.iter().filter(|claim| !is_on_times(claim)).collect();
        assert!(others.is_empty(), "{others:#?}\n{}\n{}", done.stdout, done.stderr);
    }

    /// Runs what cannot but break a claim, and fails unless it does, or other processes used so
    /// much of the host that this is undecided.
    #[track_caller]
    pub fn broken(&self, args: &[&str]) -> Done {
        let done = self.done(args);
        let is_undecided = done.code != 3 && done.stdout.contains("other processes");
        assert!(
            done.code == 3 || is_undecided,
            "no claim is broken:\n{}\n{}",
            done.stdout,
            done.stderr
        );
        done
    }

    /// Starts it so that signals act on it as from a terminal: what a shell starts in the
    /// background, or under nohup, ignores some of them from its start.
    pub fn foreground(&self, args: &[&str]) -> Child {
        let command = self.command(args);
        let mut lab = Command::new("env")
            .args(["--default-signal", "sh", "-c", "echo; exec \"$0\" \"$@\""])
            .arg(command.get_program())
            .args(command.get_args())
            .env("NO_COLOR", "1")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // The empty line: from here on nothing is ignored.
        lab.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
        lab
    }

    /// Starts it and waits until its child has sent requests.
    pub fn start(&self, args: &[&str]) -> Child {
        let mut command = self.command(args);
        let lab = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        until("the child sends requests", || self.runs().iter().any(|run| has_sent(run)));
        lab
    }

    /// The folder of the newest invocation.
    pub fn newest(&self) -> PathBuf {
        let all = std::fs::read_dir(self.out.path()).unwrap().map(|entry| entry.unwrap().path());
        all.filter(|path| path.is_dir())
            .max_by_key(|folder| folder.metadata().unwrap().modified().unwrap())
            .expect("something was recorded")
    }

    /// The folders of all runs, sorted.
    pub fn runs(&self) -> Vec<PathBuf> {
        let folders = |path: &Path| -> Vec<PathBuf> {
            let entries = std::fs::read_dir(path)
                .map(|entries| entries.flatten().map(|e| e.path()).collect());
            entries.unwrap_or_default()
        };
        let mut runs: Vec<_> =
            folders(self.out.path()).iter().flat_map(|invocation| folders(invocation)).collect();
        runs.retain(|run| run.is_dir());
        runs.sort();
        runs
    }
}

impl Done {
    /// Fails if a claim is broken (3), the lab failed (1) or refused (2). Beside other tests the
    /// host may be too noisy to judge a claim (4): that is no failure, and the only other ending
    /// than 0 that is none.
    #[track_caller]
    pub fn assert_passed(&self) {
        assert!(
            [0, 4].contains(&self.code),
            "exit code {}:\n{}\n{}",
            self.code,
            self.stdout,
            self.stderr
        );
    }

    /// The JSON document that it printed.
    #[track_caller]
    pub fn json(&self) -> Value {
        let parsed = serde_json::from_str(&self.stdout);
        parsed.unwrap_or_else(|error| panic!("{error}: {}\n{}", self.stdout, self.stderr))
    }
}

impl From<Output> for Done {
    fn from(output: Output) -> Done {
        Done {
            code: output.status.code().expect("the lab ends by itself"),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// The result of a run, repeated at most four times while its diagnosis is that other processes took
/// the CPU, or while they took so much of it that no polls were recorded: such a run could not be
/// measured.
pub fn on_a_quiet_host(mut run: impl FnMut() -> Value) -> Value {
    for _ in 0..4 {
        let result = run();
        let diagnosis = &result["diagnosis"][0];
        let unrecorded = diagnosis["conclusion"] == "not-enough-evidence"
            && diagnosis["polls_recorded"] == false;
        if diagnosis["conclusion"] != "host-noise" && !unrecorded {
            return result;
        }
    }
    run()
}

/// The files that an export writes.
pub fn exported(lab: &Lab, args: &[&str]) -> Vec<PathBuf> {
    let done = lab.done(&[&["export"], args].concat());
    assert_eq!(done.code, 0, "{}", done.stderr);
    done.stdout.lines().map(PathBuf::from).collect()
}

/// Fails unless a document is what the schema says.
pub fn assert_follows_the_schema(result: &Value) {
    let errors: Vec<String> =
        schema().iter_errors(result).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}\n{result:#}");
}

/// The schema of `lab.result.v2`.
pub fn schema() -> jsonschema::Validator {
    let text = include_str!("../../../../schema/lab.result.v2.json");
    jsonschema::validator_for(&serde_json::from_str(text).unwrap()).unwrap()
}

/// The claims of all runs of a result that are broken.
fn broken_claims(result: &Value) -> Vec<&Value> {
    let runs = result["runs"].as_array().into_iter().flatten();
    let claims = runs.flat_map(|run| run["claims"].as_array().into_iter().flatten());
    claims.filter(|claim| claim["verdict"] == "broken").collect()
}

/// Whether what a claim measures takes longer where others use the same cores: times, what is
/// waited for, and what is answered before a deadline. Endings, counts and what a stack is made of
/// are not.
fn is_on_times(claim: &Value) -> bool {
    let measure = claim["measure"].as_str().unwrap();
    ["_us", "_ms", "sched blame", "files_in_time", "completed / offered"]
        .iter()
        .any(|part| measure.contains(part))
}

/// The claim of a run that says this.
pub fn claim<'a>(run: &'a Value, says: &str) -> &'a Value {
    let claims = run["claims"].as_array().unwrap();
    claims
        .iter()
        .find(|claim| claim["claim"] == says)
        .unwrap_or_else(|| panic!("no claim '{says}' in {run:#}"))
}

/// Whether the request log of a run says that something was sent: its seventh word counts.
fn has_sent(run: &Path) -> bool {
    let log = std::fs::read(run.join("requests.bin")).unwrap_or_default();
    log.get(48..56).is_some_and(|sent| sent.iter().any(|byte| *byte != 0))
}

/// Waits for something to become true; the time is a reserve for busy machines, not a measurement.
pub fn until(what: &str, mut happened: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !happened() {
        assert!(begin.elapsed() < Duration::from_secs(60), "waited a minute for this: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Sends a signal by name, as a shell would.
pub fn signal(name: &str, pid: u32) {
    assert!(Command::new("kill").args(["-s", name, &pid.to_string()]).status().unwrap().success());
}

/// Does this for each number below `count`, four at a time.
pub fn in_parallel(count: usize, each: impl Fn(usize) + Sync) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    if at >= count {
                        return;
                    }
                    each(at);
                }
            });
        }
    });
}

/// Processes whose command line holds a text.
pub fn processes_with(text: &str) -> Vec<u32> {
    let pids = std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let has = |pid: &u32| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(text)
    };
    pids.filter(has).collect()
}
