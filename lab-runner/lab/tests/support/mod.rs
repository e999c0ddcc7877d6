//! Runs real binaries of the lab in a folder of their own.

#![expect(dead_code, reason = "each test binary uses its part of this")]

pub mod profiles;

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, PoisonError};
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
        Lab { binary: env!("CARGO_BIN_EXE_lab").into(), out: tempfile::tempdir().unwrap() }
    }

    /// The lab of `examples/own_scenario.rs`.
    pub fn own() -> Lab {
        Lab::example("own_scenario")
    }

    /// The lab of an example. `cargo test` builds it beside the tests, `cargo test --test child` does not: so build it
    /// here, once, which is quick when there is nothing to do.
    pub fn example(name: &str) -> Lab {
        static BUILT: Mutex<Vec<String>> = Mutex::new(Vec::new());
        let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
        if !built.iter().any(|built| built == name) {
            let mut build = Command::new(env!("CARGO"));
            build.args(["build", "--quiet", "--package", "lab-runner", "--example", name]);
            if !cfg!(debug_assertions) {
                build.arg("--release");
            }
            assert!(build.status().unwrap().success(), "the example builds");
            built.push(name.to_owned());
        }
        let binary = Path::new(env!("CARGO_BIN_EXE_lab")).with_file_name("examples").join(name);
        Lab { binary, out: tempfile::tempdir().unwrap() }
    }

    pub fn binary(&self) -> &Path {
        &self.binary
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(args).env("NO_COLOR", "1");
        if matches!(args, ["run" | "report" | "sweep" | "verify" | "score" | "compare" | "doctor" | "export", ..]) {
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
        let parsed = serde_json::from_str(&done.stdout);
        (done.code, parsed.unwrap_or_else(|error| panic!("{error}: {}\n{}", done.stdout, done.stderr)))
    }

    /// Starts it and waits until its child has sent requests.
    pub fn start(&self, args: &[&str]) -> Child {
        let mut command = self.command(args);
        let lab = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        until("the child sends requests", || self.runs().iter().any(|run| has_sent(run)));
        lab
    }

    /// The folders of all runs, sorted.
    pub fn runs(&self) -> Vec<PathBuf> {
        let folders = |path: &Path| -> Vec<PathBuf> {
            let entries = std::fs::read_dir(path).map(|entries| entries.flatten().map(|e| e.path()).collect());
            entries.unwrap_or_default()
        };
        let mut runs: Vec<_> = folders(self.out.path()).iter().flat_map(|invocation| folders(invocation)).collect();
        runs.retain(|run| run.is_dir());
        runs.sort();
        runs
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

/// Fails unless a document is what the schema says.
pub fn assert_follows_the_schema(result: &Value) {
    let errors: Vec<String> = schema().iter_errors(result).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}\n{result:#}");
}

/// The schema of `lab.result.v2`.
pub fn schema() -> jsonschema::Validator {
    let text = include_str!("../../../schema/lab.result.v2.json");
    jsonschema::validator_for(&serde_json::from_str(text).unwrap()).unwrap()
}

/// The claim of a run that says this.
pub fn claim<'a>(run: &'a Value, says: &str) -> &'a Value {
    let claims = run["claims"].as_array().unwrap();
    claims.iter().find(|claim| claim["claim"] == says).unwrap_or_else(|| panic!("no claim '{says}' in {run:#}"))
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

/// Processes whose command line holds a text.
pub fn processes_with(text: &str) -> Vec<u32> {
    let pids =
        std::fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let has = |pid: &u32| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(text)
    };
    pids.filter(has).collect()
}
