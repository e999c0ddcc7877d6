//! What the machine reports about itself. Everything that reads `/proc` or `/sys` takes the text,
//! so that machines which nobody has here can be made up. What a machine does not report is absent.

use crate::cmd::doctor::timers;
use crate::cmd::doctor::timers::{Sleeps, Spin};
use crate::engine::environment;
use crate::engine::environment::{MachineTicks, ProcessTicks, process_name};
use lab_kit::limits::{self, Group};
use lab_recording::outcome::Steal;
use lab_recording::spec::Environment;
use serde::Serialize;
use std::fs;
use std::path::Path;
use std::time::Instant;

/// Processes below this share of a core are not listed.
const LITTLE_CORES: f64 = 0.01;
const MOST_NAMES: usize = 3;

/// Everything that is known about a machine.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Facts {
    pub environment: Environment,
    pub cores_present: Option<usize>,
    pub quota: Option<Quota>,
    pub governor: Option<String>,
    /// Whether a hypervisor is below.
    pub is_virtual: Option<bool>,
    pub tick_hz: Option<f64>,
    pub clock_source: Option<String>,
    pub clock_read_ns: f64,
    pub sleeps: Option<Sleeps>,
    pub spin: Option<Spin>,
    pub load_average: Option<f64>,
    /// Percent of the last ten seconds in which a process waited for a core.
    pub pressure_percent: Option<f64>,
    /// Cores that other processes used while sleeps and spinning were measured.
    pub foreign_cores: Option<f64>,
    /// CPU time that the host took meanwhile.
    pub steal: Option<Steal>,
    /// Whether the host has reported any steal since the machine started.
    pub steal_ever: Option<bool>,
    pub perf_event_paranoid: Option<i64>,
    /// Whether there is a unit that counts instructions and cache misses.
    pub hardware_counters: Option<bool>,
    pub io_uring: IoUring,
    /// Room where recordings go.
    pub disk_free_bytes: Option<u64>,
}

/// CPU time that the process's control group may use.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Quota {
    Unlimited,
    Cores(f64),
}

/// Which processes may use io_uring: a filter of system calls may still refuse it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum IoUring {
    Everybody,
    Privileged,
    Nobody,
    Unknown,
}

impl Facts {
    /// Examines this machine for some seconds; recordings go to `out`.
    pub fn here(out: &Path) -> Facts {
        let (begin, ticks, processes) = (Instant::now(), MachineTicks::now(), ProcessTicks::now());
        let clock_read_ns = timers::clock_read_ns();
        let (sleeps, spin) = timers::sleep_and_spin().unzip();
        let window_ms = begin.elapsed().as_secs_f64() * 1e3;
        let foreign = |then| {
            Some(ProcessTicks::now()?.foreign_ms_since(&then, &[std::process::id()]) / window_ms)
        };
        let now = MachineTicks::now();
        Facts {
            sleeps,
            spin,
            clock_read_ns,
            foreign_cores: processes.and_then(foreign),
            steal: now.zip(ticks).and_then(|(now, then)| now.steal_since(then)),
            steal_ever: now.map(MachineTicks::has_steal),
            disk_free_bytes: rustix::fs::statvfs(out)
                .ok()
                .map(|disk| disk.f_bavail * disk.f_frsize),
            ..reported()
        }
    }
}

/// What can be read at once.
fn reported() -> Facts {
    let text = |path: &str| fs::read_to_string(path).ok();
    let word = |path: &str| text(path).map(|text| text.trim().to_owned());
    Facts {
        environment: environment::here(),
        cores_present: text("/sys/devices/system/cpu/present").and_then(|list| cores_in(&list)),
        quota: text("/proc/self/cgroup").and_then(|groups| quota(&groups, text)),
        governor: word("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        is_virtual: text("/proc/cpuinfo").and_then(|info| is_virtual(&info)),
        tick_hz: tick_hz(),
        clock_source: word("/sys/devices/system/clocksource/clocksource0/current_clocksource"),
        clock_read_ns: f64::NAN,
        sleeps: None,
        spin: None,
        load_average: text("/proc/loadavg").and_then(|text| text.split(' ').next()?.parse().ok()),
        pressure_percent: text("/proc/pressure/cpu").and_then(|text| pressure_percent(&text)),
        foreign_cores: None,
        steal: None,
        steal_ever: None,
        perf_event_paranoid: word("/proc/sys/kernel/perf_event_paranoid")
            .and_then(|level| level.parse().ok()),
        hardware_counters: fs::read_dir("/sys/bus/event_source/devices").ok().map(has_counters),
        io_uring: io_uring(word("/proc/sys/kernel/io_uring_disabled").as_deref()),
        disk_free_bytes: None,
    }
}

/// The kernel's own tick: the coarse clock moves once in each. `getconf CLK_TCK` tells the unit of
/// `/proc`, which is another thing.
fn tick_hz() -> Option<f64> {
    #[cfg(target_os = "linux")]
    {
        let step = rustix::time::clock_getres(rustix::time::ClockId::MonotonicCoarse);
        (step.tv_sec == 0 && step.tv_nsec > 0).then(|| (1e9 / step.tv_nsec as f64).round())
    }
    #[cfg(not(target_os = "linux"))]
    None
}

/// Counts what a list like `0-3,8` names.
fn cores_in(list: &str) -> Option<usize> {
    let range = |range: &str| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
        (last + 1).checked_sub(first)
    };
    list.trim().split(',').map(range).sum()
}

/// The narrowest quota of the groups that `/proc/self/cgroup` lists, their parents included; absent
/// where none of them tells.
fn quota(listing: &str, read: impl Fn(&str) -> Option<String>) -> Option<Quota> {
    let groups = limits::groups(listing, "cpu");
    groups.iter().filter_map(|group| quota_in(group, &read)).reduce(narrower)
}

fn quota_in(group: &Group, read: &impl Fn(&str) -> Option<String>) -> Option<Quota> {
    let text = |name: &str| read(&format!("{}/{name}", group.folder));
    if group.unified {
        let text = text("cpu.max")?;
        let (quota, period) = text.trim().split_once(' ')?;
        return Some(share(quota.parse().ok(), period.parse().ok()?));
    }
    let number = |name: &str| text(name)?.trim().parse::<f64>().ok();
    let quota = number("cpu.cfs_quota_us").filter(|quota| *quota >= 0.0);
    Some(share(quota, number("cpu.cfs_period_us")?))
}

fn share(quota: Option<f64>, period: f64) -> Quota {
    quota.map_or(Quota::Unlimited, |quota| Quota::Cores(quota / period))
}

fn narrower(one: Quota, other: Quota) -> Quota {
    match (one, other) {
        (Quota::Cores(one), Quota::Cores(other)) => Quota::Cores(one.min(other)),
        (Quota::Unlimited, quota) | (quota, Quota::Unlimited) => quota,
    }
}

fn is_virtual(cpuinfo: &str) -> Option<bool> {
    let flags = cpuinfo.lines().find(|line| line.starts_with("flags"))?;
    Some(flags.split_whitespace().any(|flag| flag == "hypervisor"))
}

fn pressure_percent(text: &str) -> Option<f64> {
    let some = text.lines().find(|line| line.starts_with("some "))?;
    some.split(' ').find_map(|field| field.strip_prefix("avg10="))?.parse().ok()
}

fn io_uring(disabled: Option<&str>) -> IoUring {
    match disabled {
        Some("0") => IoUring::Everybody,
        Some("1") => IoUring::Privileged,
        Some("2") => IoUring::Nobody,
        _ => IoUring::Unknown,
    }
}

/// The counters of a processor are called `cpu`, `cpu_core`, or by the name of the core.
fn has_counters(devices: fs::ReadDir) -> bool {
    let names = devices.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.into_iter().any(|name| name.starts_with("cpu") || name.starts_with("armv"))
}

/// The names of those that used most CPU time since then, a hundredth of a core at least, this
/// process and its children left out: three at most. How much each used is not reported, for the past
/// of an ended child is given to its parent.
pub(crate) fn busiest(then: &ProcessTicks, now: &ProcessTicks, wall_ms: f64) -> Vec<String> {
    let used = now.busiest_since(then, &[std::process::id()]).into_iter();
    let much = used.filter(|(_, ms)| *ms >= LITTLE_CORES * wall_ms);
    first_names(much.filter_map(|(process, _)| process_name(process)))
}

fn first_names(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut first: Vec<String> = Vec::new();
    for name in names {
        if first.len() < MOST_NAMES && !first.contains(&name) {
            first.push(name);
        }
    }
    first
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cores_are_counted_in_lists() {
        let cases = [
            ("0-1\n", Some(2)),
            ("0", Some(1)),
            ("0-3,8,10-11", Some(7)),
            ("", None),
            ("3-0", None),
        ];
        cases.iter().for_each(|(list, cores)| assert_eq!(cores_in(list), *cores, "{list}"));
    }

    #[test]
    fn the_narrowest_quota_of_a_group_and_its_parents_counts() {
        let quota = |groups: &str, files: &[(&str, &str)]| {
            crate::cmd::doctor::machine::quota(groups, |path| {
                files.iter().find(|file| file.0 == path).map(|file| file.1.to_owned())
            })
        };
        let inner = ("/sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
        let outer = ("/sys/fs/cgroup/a/cpu.max", "150000 100000\n");
        assert_eq!(quota("0::/a/b\n", &[inner, outer]), Some(Quota::Cores(1.5)));
        assert_eq!(quota("0::/a/b\n", &[inner]), Some(Quota::Unlimited));
        assert_eq!(quota("0::/a/b\n", &[]), None, "unknown");
        let first = |limit| {
            [
                ("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", limit),
                ("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000"),
            ]
        };
        assert_eq!(quota("4:memory:/x\n1:cpu,cpuacct:/\n", &first("-1")), Some(Quota::Unlimited));
        assert_eq!(quota("1:cpu:/\n", &first("50000")), Some(Quota::Cores(0.5)));
        assert_eq!(quota("2:cpuacct:/\n", &first("50000")), None, "cpuacct only counts");
    }

    #[test]
    fn small_texts_are_understood_or_absent() {
        assert_eq!(is_virtual("model name : x\nflags\t\t: fpu hypervisor lm\n"), Some(true));
        assert_eq!(is_virtual("flags : fpu\n"), Some(false));
        assert_eq!(is_virtual("Features : fp asimd\n"), None, "such processors do not tell");
        assert_eq!(
            pressure_percent("some avg10=0.28 avg60=0.47 total=7\nfull avg10=0.00\n"),
            Some(0.28)
        );
        assert_eq!(pressure_percent(""), None);
        let values = [Some("0"), Some("1"), Some("2"), None].map(io_uring);
        assert_eq!(
            values,
            [IoUring::Everybody, IoUring::Privileged, IoUring::Nobody, IoUring::Unknown]
        );
    }

    #[test]
    fn processes_of_one_name_are_named_once() {
        let names = ["rustc", "make", "rustc", "sh", "top"].map(str::to_owned);
        assert_eq!(first_names(names.into_iter()), ["rustc", "make", "sh"]);
    }
}
