//! What dial9's scripts print, and the one answer that comes of it. Pure.

use crate::causes::{LONG_POLL_OFF_CPU, mapping};
use lab_recording::Cause;

/// A red flag of a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flag {
    /// Its name.
    pub name: String,
    /// Whether dial9 calls it information only, and no warning.
    pub is_info: bool,
}

/// What `red_flag_scan.js` did with a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scan {
    /// It ended well, with these flags in the order in which it prints them: critical ones first.
    Flags(Vec<Flag>),
    /// It failed, with this error.
    Crashed(String),
}

/// The head of what the script prints for each trace.
const HEAD: &str = "=== Red Flag Scan:";
/// The sign before a flag that is information only.
const INFO: char = 'ℹ';

impl Scan {
    /// Reads what the script printed. A script that prints no head has scanned nothing, whatever its
    /// exit code.
    pub fn read(succeeded: bool, stdout: &str, stderr: &str) -> Scan {
        if succeeded && stdout.contains(HEAD) {
            return Scan::Flags(stdout.lines().filter_map(flag).collect());
        }
        let error = stderr.lines().map(str::trim).find(|line| line.contains("Error"));
        let last = stderr.lines().map(str::trim).rfind(|line| !line.is_empty());
        Scan::Crashed(error.or(last).unwrap_or("it printed nothing").to_owned())
    }

    /// Whether there is a long poll, whose reason `diagnose_long_poll.js` looks for.
    pub fn has_long_poll(&self) -> bool {
        matches!(self, Scan::Flags(flags) if flags.iter().any(|flag| flag.name == "long-poll"))
    }

    /// The answer for `lab score`: `crashed`, a cause, or `nothing`.
    ///
    /// A scanner has one answer. It is the first flag that accuses code, or else the first that
    /// explains the run otherwise. A flag that is information only is no finding.
    pub fn answer(&self, was_off_cpu: bool) -> String {
        let flags = match self {
            Scan::Crashed(_) => return "crashed".to_owned(),
            Scan::Flags(flags) => flags,
        };
        let line = |flag: &Flag| match flag.name.as_str() {
            "long-poll" if was_off_cpu => mapping(LONG_POLL_OFF_CPU),
            name => mapping(name),
        };
        let findings = flags.iter().filter(|flag| !flag.is_info);
        let causes: Vec<Cause> = findings.filter_map(|flag| line(flag)?.cause).collect();
        let first = causes.iter().find(|cause| cause.accuses()).or(causes.first());
        first.map_or_else(|| "nothing".to_owned(), |cause| name(*cause))
    }
}

/// A line such as `🔴 [long-poll] Poll of 12.0ms on worker 0`.
fn flag(line: &str) -> Option<Flag> {
    let (sign, rest) = line.split_once(" [")?;
    let is_sign = sign.chars().count() <= 2 && !sign.is_ascii();
    let (name, _) = rest.split_once("] ").filter(|_| is_sign)?;
    Some(Flag { name: name.to_owned(), is_info: sign.starts_with(INFO) })
}

/// Whether `diagnose_long_poll.js` says that the longest poll was off the CPU. It does not where
/// the poll was too short for its sampler, and then says `UNKNOWN`.
pub fn was_off_cpu(stdout: &str) -> bool {
    stdout.contains("CLASSIFICATION: OFF-CPU") && !stdout.contains("UNKNOWN:")
}

/// The name of a cause in a score.
fn name(cause: Cause) -> String {
    let name = serde_json::to_value(cause).ok();
    name.and_then(|name| Some(name.as_str()?.to_owned())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(flags: &str) -> Scan {
        Scan::read(true, &format!("\n=== Red Flag Scan: x ===\nDuration: 3 ms\n\n{flags}\n"), "")
    }

    #[test]
    fn a_cause_is_the_first_flag_that_accuses_code() {
        let flags =
            "🔴 [sched-delay] 7 scheduling delays\n🟡 [long-poll] Poll of 12ms (spawn: a [b] c)";
        assert_eq!(scan(flags).answer(false), "long-poll");
        assert_eq!(scan(flags).answer(true), "blocking-call");
        assert_eq!(scan("🟡 [queue-depth] 200\n🟡 [cpu-contention] 1").answer(false), "overload");
        assert_eq!(scan("🟡 [task-leak] grew").answer(true), "stuck-tasks");
    }

    #[test]
    fn nothing_is_no_flag_or_information_only() {
        assert_eq!(scan("✅ No red flags found").answer(false), "nothing");
        let info = "ℹ️ [kernel-sched-wait] Worker 0\nℹ️ [worker-imbalance] 1–9\n\n0 critical";
        assert_eq!(scan(info).answer(false), "nothing");
        assert_eq!(scan("🟡 [incomplete-file] lost\n🟡 [unheard-of] x").answer(false), "nothing");
        assert!(!scan(info).has_long_poll() && scan("🔴 [long-poll] Poll").has_long_poll());
    }

    #[test]
    fn a_crash_is_neither_a_cause_nor_nothing() {
        let error =
            "/x/red_flag_scan.js:240\n  at\n\nTypeError: undefined (reading '0')\n    at scan";
        let crashed = Scan::read(false, "🔴 [long-poll] Poll", error);
        assert_eq!(crashed, Scan::Crashed("TypeError: undefined (reading '0')".into()));
        assert_eq!(crashed.answer(true), "crashed");
        // It says that all is well and has scanned nothing.
        assert_eq!(Scan::read(true, "", ""), Scan::Crashed("it printed nothing".into()));
        assert_eq!(Scan::read(false, "=== Red Flag Scan: x", "").answer(false), "crashed");
    }

    #[test]
    fn a_poll_that_the_sampler_may_have_missed_was_not_off_the_cpu() {
        assert!(was_off_cpu("CLASSIFICATION: OFF-CPU (no samples) …\n*** NO ON-CPU SAMPLES"));
        assert!(!was_off_cpu("CLASSIFICATION: OFF-CPU (no samples) …\n  *** UNKNOWN: no on-CPU"));
        assert!(!was_off_cpu("CLASSIFICATION: ON-CPU (3 samples)"));
        assert!(!was_off_cpu("No polls >= 3.00ms."));
    }
}
