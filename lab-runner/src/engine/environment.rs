//! What a run was built with and where it ran. What is unknown is absent.

use lab_recorder::hooks::SEES_POLLS;
use lab_recording::outcome::Steal;
use lab_recording::spec::Environment;
use std::collections::HashMap;
use std::thread;

/// The environment of this process.
pub(crate) fn here() -> Environment {
    let known = |text: Option<&str>| text.map(str::to_owned);
    Environment {
        cores: thread::available_parallelism().ok().map(usize::from),
        cpu: cpu_model(),
        os: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        lab: env!("CARGO_PKG_VERSION").to_owned(),
        rustc: known(option_env!("LAB_RUSTC")),
        tokio: known(option_env!("LAB_TOKIO")),
        futures: known(option_env!("LAB_FUTURES")),
        allocator: lab_recorder::alloc::allocator(),
        tokio_unstable: SEES_POLLS,
        optimised: !cfg!(debug_assertions),
    }
}

fn cpu_model() -> Option<String> {
    let info = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = info.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// CPU time that each process has used, in ticks, from `/proc`. With that of the children that it
/// has waited for, so that a process which came and went in between two looks is counted with its
/// parent.
///
/// The machine's own sum in `/proc/stat` will not do: it counts who is running when a tick comes,
/// and a load that wakes up as regularly as the ticks come is seen by all of them or by none.
#[derive(Clone, Debug)]
pub(crate) struct ProcessTicks(HashMap<u32, u64>);

impl ProcessTicks {
    /// Looks at all processes; absent where there is no `/proc`.
    pub fn now() -> Option<ProcessTicks> {
        let processes = std::fs::read_dir("/proc").ok()?.flatten();
        let numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        Some(ProcessTicks(numbers.filter_map(|number| Some((number, ticks_of(number)?))).collect()))
    }

    /// CPU time in milliseconds that processes other than these used since then. The sums are
    /// subtracted, not what each process used: one that has ended in between takes its past along
    /// to its parent. Less than three ticks are nothing, for a tick may be charged to who only
    /// finished it.
    pub fn foreign_ms_since(&self, then: &ProcessTicks, ours: &[u32]) -> f64 {
        let sum = |ticks: &ProcessTicks| -> u64 {
            ticks
                .0
                .iter()
                .filter(|(number, _)| !ours.contains(number))
                .map(|(_, ticks)| ticks)
                .sum()
        };
        let used = sum(self).saturating_sub(sum(then));
        if used < 3 { 0.0 } else { used as f64 * TICK_MS }
    }

    /// The processes other than these that used CPU time since then, in milliseconds, the busiest
    /// first. One whose child ended meanwhile is given the child's past too: good enough to name
    /// it, not to add up.
    pub fn busiest_since(&self, then: &ProcessTicks, ours: &[u32]) -> Vec<(u32, f64)> {
        let used = |(number, ticks): (&u32, &u64)| {
            let used = ticks.saturating_sub(then.0.get(number).copied().unwrap_or(0));
            (used >= 3 && !ours.contains(number)).then_some((*number, used as f64 * TICK_MS))
        };
        let mut all: Vec<(u32, f64)> = self.0.iter().filter_map(used).collect();
        all.sort_by(|one, other| other.1.total_cmp(&one.1));
        all
    }
}

/// The name of a process that still runs, as `ps` shows it.
pub(crate) fn process_name(process: u32) -> Option<String> {
    Some(std::fs::read_to_string(format!("/proc/{process}/comm")).ok()?.trim().to_owned())
}

fn ticks_of(process: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // pid (name, which may hold blanks and brackets) state ppid … utime stime cutime cstime are
    // fields 14 to 17
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    fields.get(11..15)?.iter().map(|ticks| ticks.parse::<u64>().ok()).sum()
}

/// How the machine's CPU time was used since it started, in ticks, from `/proc/stat`: all of it,
/// and what the host took away for other guests.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MachineTicks {
    all: u64,
    stolen: u64,
}

/// Linux tells ticks of a hundredth of a second, whatever the kernel's own are.
const TICK_MS: f64 = 10.0;

impl MachineTicks {
    /// Reads the ticks; absent where there is no `/proc/stat`.
    pub fn now() -> Option<MachineTicks> {
        let stat = std::fs::read_to_string("/proc/stat").ok()?;
        let ticks: Vec<u64> =
            stat.lines().next()?.split_whitespace().skip(1).map_while(|t| t.parse().ok()).collect();
        // user nice system idle iowait irq softirq steal; guest time is part of user time
        Some(MachineTicks { all: ticks.iter().take(8).sum(), stolen: *ticks.get(7)? })
    }

    /// Whether the host has ever told that it took time away: one that tells nothing looks as one
    /// that takes nothing.
    pub fn has_steal(self) -> bool {
        self.stolen > 0
    }

    /// What was stolen since then.
    pub fn steal_since(self, then: MachineTicks) -> Option<Steal> {
        let all = self.all.checked_sub(then.all).filter(|ticks| *ticks > 0)?;
        let stolen = self.stolen.saturating_sub(then.stolen) as f64;
        Some(Steal { share: stolen / all as f64, ms: stolen * TICK_MS })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_time_is_that_of_all_but_ours_newcomers_included() {
        let ticks = |of: &[(u32, u64)]| ProcessTicks(of.iter().copied().collect());
        let (then, now) =
            (ticks(&[(1, 100), (2, 50), (3, 7)]), ticks(&[(1, 110), (2, 90), (4, 2)]));
        assert_eq!(
            now.foreign_ms_since(&then, &[2]),
            50.0,
            "3 ended, and its 7 ticks are with its parent"
        );
        assert_eq!(now.busiest_since(&then, &[2]), [(1, 100.0)], "2 is ours, and 4 hardly ran");
        let a_tick = ticks(&[(1, 101), (2, 50), (3, 7)]);
        assert_eq!(a_tick.foreign_ms_since(&then, &[2]), 0.0);
        assert!(ProcessTicks::now().is_none_or(|now| now.0.contains_key(&std::process::id())));
    }

    #[test]
    fn steal_is_a_share_of_the_time_between_two_looks() {
        let then = MachineTicks { all: 1_000, stolen: 10 };
        let now = MachineTicks { all: 1_400, stolen: 30 };
        assert_eq!(now.steal_since(then), Some(Steal { share: 0.05, ms: 200.0 }));
        assert_eq!(then.steal_since(then), None, "no time, no share");
    }
}
