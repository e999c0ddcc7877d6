//! The limitations of a machine: what they affect, the reason, and the remedy. Pure.

use crate::cmd::doctor::{Facts, IoUring, Quota};
use lab_analysis::host::MOST_FOREIGN_CORES;
use serde::Serialize;

/// The load generator stops sleeping so long before a deadline: a thread that wakes up later than
/// this sends late.
const MARGIN_US: f64 = lab_kit::pacer::SPIN_NS as f64 / 1e3;
/// Reading a clock takes longer than this where it needs a system call.
const SLOW_CLOCK_NS: f64 = 200.0;
/// Ten of them lie beyond the p99.9.
const FOR_P999: f64 = 10_000.0;
const LITTLE_ROOM: u64 = 200_000_000;

/// Something that this machine cannot measure well.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Limitation {
    pub affects: &'static str,
    pub reason: String,
    pub remedy: String,
}

/// The load that a scenario's variants get unless the command line says otherwise.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DefaultLoad {
    pub scenario: &'static str,
    pub rate: f64,
    pub seconds: f64,
}

/// The limitations of a machine under these loads, the most important first. A variant keeps
/// `workers` threads busy.
pub(crate) fn limitations(facts: &Facts, workers: usize, loads: &[DefaultLoad]) -> Vec<Limitation> {
    let all = [
        unoptimised(facts),
        no_spare_core(facts, workers),
        throttled(facts),
        shared(facts),
        paused(facts),
        late_sleeps(facts),
        slow_clock(facts),
        changing_frequency(facts),
        no_steal(facts),
        no_hooks(facts),
        no_io_uring(facts),
        no_counters(facts),
        no_room(facts),
        no_p999(loads),
    ];
    all.into_iter().flatten().collect()
}

fn item(
    affects: &'static str,
    reason: impl Into<String>,
    remedy: impl Into<String>,
) -> Option<Limitation> {
    Some(Limitation { affects, reason: reason.into(), remedy: remedy.into() })
}

fn unoptimised(facts: &Facts) -> Option<Limitation> {
    let why = "this is a debug build";
    if facts.environment.optimised {
        None
    } else {
        item("comparable timings", why, "cargo lab doctor")
    }
}

fn no_spare_core(facts: &Facts, workers: usize) -> Option<Limitation> {
    let cores = facts.environment.cores.filter(|cores| *cores <= workers)?;
    let why = format!(
        "the load generator shares {cores} of {cores} cores with the runtime, and each run reports its delay"
    );
    item(
        "requests sent within a microsecond",
        why,
        "use a machine with one core more than the runtime has workers",
    )
}

fn throttled(facts: &Facts) -> Option<Limitation> {
    let Some(Quota::Cores(quota)) = facts.quota else { return None };
    let cores = facts.cores_present? as f64;
    let why = format!(
        "the control group has a quota of {quota:.2} of {cores} cores, and stops the process once \
         it is used up"
    );
    (quota < cores).then_some(())?;
    item(
        "tail latencies without throttling",
        why,
        "lift the quota (docker --cpus, systemd CPUQuota)",
    )
}

fn shared(facts: &Facts) -> Option<Limitation> {
    let percent = facts.foreign_cores.filter(|cores| *cores > MOST_FOREIGN_CORES)? * 100.0;
    let why = format!(
        "other processes used {percent:.0} % of a core before the runs began, and times of pairs \
         with that count as bounds"
    );
    item("small changes", why, "end the other processes, or try again later")
}

fn paused(facts: &Facts) -> Option<Limitation> {
    let spin = facts.spin.filter(|spin| spin.longest_us >= MARGIN_US)?;
    let (ms, gaps) = (spin.longest_us / 1e3, spin.gaps);
    let why = format!(
        "a thread that only reads the clock was stopped for {ms:.1} ms, and {gaps} times for more than 0.1 ms"
    );
    item(
        "maxima below the longest pause of the host",
        why,
        "end the other processes; on a shared host, use a dedicated one",
    )
}

fn late_sleeps(facts: &Facts) -> Option<Limitation> {
    let us = facts.sleeps.filter(|sleeps| sleeps.p99_us >= MARGIN_US)?.p99_us;
    let why = format!(
        "one sleep in a hundred ends {:.1} ms late, more than the load generator compensates by \
         spinning",
        us / 1e3
    );
    item(
        "requests sent on time at low rates",
        why,
        "use --rate 1000 or more: then the load generator does not sleep",
    )
}

fn slow_clock(facts: &Facts) -> Option<Limitation> {
    let source = facts.clock_source.as_deref().unwrap_or("unknown");
    let why =
        format!("reading the clock takes {:.0} ns; its source is {source}", facts.clock_read_ns);
    (facts.clock_read_ns > SLOW_CLOCK_NS).then_some(())?;
    item(
        "times below a microsecond",
        why,
        "boot with clocksource=tsc, if the time-stamp counter of the host is stable",
    )
}

fn changing_frequency(facts: &Facts) -> Option<Limitation> {
    let governor = facts.governor.as_deref().filter(|governor| *governor != "performance")?;
    let why = format!("the frequency governor '{governor}' changes the frequency with the load");
    item("repeatable CPU times", why, "cpupower frequency-set --governor performance")
}

fn no_steal(facts: &Facts) -> Option<Limitation> {
    let why = match (facts.steal_ever, facts.is_virtual) {
        (None, _) => "there is no /proc/stat",
        (Some(false), Some(true)) => {
            "the host has reported none since this machine started, and may not report it at all"
        }
        _ => return None,
    };
    item(
        "CPU time taken by the host (steal)",
        why,
        "look at the longest pause under timers, and repeat what matters",
    )
}

fn no_hooks(facts: &Facts) -> Option<Limitation> {
    let why = "built without tokio_unstable: tokio has no task hooks and no io_uring";
    let remedy = "build in the repository, whose .cargo/config.toml sets it";
    if facts.environment.tokio_unstable {
        None
    } else {
        item("polls, and files through io_uring", why, remedy)
    }
}

fn no_io_uring(facts: &Facts) -> Option<Limitation> {
    let why = match facts.io_uring {
        IoUring::Everybody => return None,
        IoUring::Privileged => "the kernel allows it only to privileged processes",
        IoUring::Nobody => "the kernel allows it to no process",
        IoUring::Unknown => "the kernel has no io_uring, or an old one",
    };
    item("reads through io_uring", why, "sysctl kernel.io_uring_disabled=0, on Linux 6.6 or later")
}

fn no_counters(facts: &Facts) -> Option<Limitation> {
    let why = match (facts.hardware_counters, facts.perf_event_paranoid) {
        (Some(false), _) => "this machine has no performance monitoring unit".to_owned(),
        (_, None) => "the kernel has no perf_event_open".to_owned(),
        (_, Some(level)) if level > 2 => format!("kernel.perf_event_paranoid is {level}"),
        _ => return None,
    };
    item(
        "instructions and cache misses",
        why,
        "the lab does not need them; for another profiler: physical hardware, and paranoid 2 or \
         less",
    )
}

fn no_room(facts: &Facts) -> Option<Limitation> {
    let free = facts.disk_free_bytes.filter(|free| *free < LITTLE_ROOM)?;
    item(
        "long runs",
        format!("{} MB are free in the folder of recordings", free / 1_000_000),
        "free some space, with lab clean, or try another --out",
    )
}

fn no_p999(loads: &[DefaultLoad]) -> Option<Limitation> {
    let short: Vec<&DefaultLoad> =
        loads.iter().filter(|load| load.rate * load.seconds < FOR_P999).collect();
    let longer = short
        .iter()
        .map(|load| format!("{:.0}s for {}", (FOR_P999 / load.rate).ceil(), load.scenario));
    let names: Vec<&str> = short.iter().map(|load| load.scenario).collect();
    let why = format!(
        "it needs 10 000 requests a run, and the default load sends fewer of {}",
        names.join(", ")
    );
    (!short.is_empty()).then_some(())?;
    item(
        "p99.9 of a default load",
        why,
        format!("--duration {}", longer.collect::<Vec<_>>().join(", ")),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cmd::doctor::timers::{Sleeps, Spin};
    use lab_recording::outcome::Steal;
    use lab_recording::spec::Environment;

    /// A machine that has everything.
    fn good() -> Facts {
        let environment = Environment {
            cores: Some(4),
            tokio_unstable: true,
            optimised: true,
            ..crate::engine::environment::here()
        };
        Facts {
            environment,
            cores_present: Some(4),
            quota: Some(Quota::Unlimited),
            governor: Some("performance".into()),
            is_virtual: Some(true),
            tick_hz: Some(250.0),
            clock_source: Some("tsc".into()),
            clock_read_ns: 25.0,
            sleeps: Some(Sleeps { count: 1_000, p50_us: 5.0, p99_us: 60.0, max_us: 2_000.0 }),
            spin: Some(Spin { ms: 1_000.0, longest_us: 50.0, gaps: 0 }),
            load_average: Some(0.1),
            pressure_percent: Some(0.0),
            foreign_cores: Some(0.0),
            steal: Some(Steal { share: 0.0, ms: 0.0 }),
            steal_ever: Some(true),
            perf_event_paranoid: Some(2),
            hardware_counters: Some(true),
            io_uring: IoUring::Everybody,
            disk_free_bytes: Some(u64::MAX),
        }
    }

    fn missing(facts: &Facts) -> Vec<&'static str> {
        limitations(facts, 1, &[]).into_iter().map(|item| item.affects).collect()
    }

    #[test]
    fn a_machine_that_has_everything_lacks_nothing() {
        assert_eq!(missing(&good()), [""; 0]);
        let untold = Facts {
            quota: None,
            governor: None,
            sleeps: None,
            spin: None,
            foreign_cores: None,
            ..good()
        };
        assert_eq!(missing(&untold), [""; 0], "what is unknown is no finding");
    }

    #[test]
    fn builds_and_cores_are_found_wanting() {
        let with = |change: fn(&mut Environment)| {
            let mut facts = good();
            change(&mut facts.environment);
            missing(&facts)
        };
        assert_eq!(with(|here| here.optimised = false), ["comparable timings"]);
        assert_eq!(with(|here| here.tokio_unstable = false), ["polls, and files through io_uring"]);
        assert_eq!(with(|here| here.cores = Some(1)), ["requests sent within a microsecond"]);
        let narrow = limitations(&Facts { quota: Some(Quota::Cores(1.5)), ..good() }, 1, &[]);
        assert!(narrow[0].reason.contains("quota of 1.50 of 4 cores"), "{narrow:?}");
        assert_eq!(
            missing(&Facts { quota: Some(Quota::Cores(4.0)), ..good() }),
            [""; 0],
            "as much as there is"
        );
    }

    #[test]
    fn a_host_that_pauses_or_hides_it_is_found() {
        let late = Sleeps { count: 1_000, p50_us: 5.0, p99_us: 1_500.0, max_us: 2_000.0 };
        assert_eq!(
            missing(&Facts { sleeps: Some(late), ..good() }),
            ["requests sent on time at low rates"]
        );
        let paused = Spin { ms: 1_000.0, longest_us: 4_200.0, gaps: 3 };
        assert!(
            limitations(&Facts { spin: Some(paused), ..good() }, 1, &[])[0]
                .reason
                .contains("4.2 ms, and 3 times")
        );
        assert_eq!(
            missing(&Facts { steal_ever: Some(false), ..good() }),
            ["CPU time taken by the host (steal)"]
        );
        let real = Facts { steal_ever: Some(false), is_virtual: Some(false), ..good() };
        assert_eq!(missing(&real), [""; 0], "real hardware has no host");
        assert_eq!(missing(&Facts { foreign_cores: Some(0.4), ..good() }), ["small changes"]);
        assert_eq!(
            missing(&Facts { clock_read_ns: 700.0, ..good() }),
            ["times below a microsecond"]
        );
        assert_eq!(
            missing(&Facts { governor: Some("powersave".into()), ..good() }),
            ["repeatable CPU times"]
        );
    }

    #[test]
    fn what_the_kernel_refuses_is_found_with_its_reason() {
        let why =
            |facts: Facts| limitations(&facts, 1, &[]).first().map(|item| item.reason.clone());
        let refused = why(Facts { perf_event_paranoid: Some(4), ..good() });
        assert_eq!(refused.as_deref(), Some("kernel.perf_event_paranoid is 4"));
        assert!(
            why(Facts { hardware_counters: Some(false), ..good() })
                .unwrap()
                .starts_with("this machine has no performance")
        );
        assert!(
            why(Facts { io_uring: IoUring::Nobody, ..good() }).unwrap().contains("to no process")
        );
        assert_eq!(
            why(Facts { disk_free_bytes: Some(9_999_999), ..good() }).unwrap(),
            "9 MB are free in the folder of recordings"
        );
    }

    #[test]
    fn a_load_that_is_too_short_for_a_quantile_is_told_how_long_it_must_be() {
        let load = |scenario, rate, seconds| DefaultLoad { scenario, rate, seconds };
        let loads =
            [load("short", 2_000.0, 3.0), load("long", 5_000.0, 2.0), load("slow", 300.0, 3.0)];
        let found = limitations(&good(), 1, &loads);
        assert!(found[0].reason.ends_with("sends fewer of short, slow"), "{found:?}");
        assert_eq!(found[0].remedy, "--duration 5s for short, 34s for slow");
    }
}
