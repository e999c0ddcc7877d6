//! What a run was built with and where it ran. What is unknown is absent.

use crate::recording::{Environment, Steal};
use std::thread;

impl Environment {
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
            tokio_unstable: cfg!(tokio_unstable),
            optimised: !cfg!(debug_assertions),
        }
    }
}

fn cpu_model() -> Option<String> {
    let info = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = info.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// How the machine's CPU time was used since it started, in ticks, from `/proc/stat`: all of it, and what the
/// host took away for other guests.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MachineTicks {
    all: u64,
    stolen: u64,
}

impl MachineTicks {
    /// Reads the ticks; absent where there is no `/proc/stat`.
    pub fn now() -> Option<MachineTicks> {
        let stat = std::fs::read_to_string("/proc/stat").ok()?;
        let ticks: Vec<u64> = stat.lines().next()?.split_whitespace().skip(1).map_while(|t| t.parse().ok()).collect();
        // user nice system idle iowait irq softirq steal; guest time is part of user time
        Some(MachineTicks { all: ticks.iter().take(8).sum(), stolen: *ticks.get(7)? })
    }

    /// What was stolen since then.
    pub fn steal_since(self, then: MachineTicks) -> Option<Steal> {
        // Linux tells ticks of a hundredth of a second, whatever the kernel's own are.
        const TICK_MS: f64 = 10.0;
        let all = self.all.checked_sub(then.all).filter(|ticks| *ticks > 0)?;
        let stolen = self.stolen.saturating_sub(then.stolen) as f64;
        Some(Steal { share: stolen / all as f64, ms: stolen * TICK_MS })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steal_is_a_share_of_the_time_between_two_looks() {
        let then = MachineTicks { all: 1_000, stolen: 10 };
        let now = MachineTicks { all: 1_400, stolen: 30 };
        assert_eq!(now.steal_since(then), Some(Steal { share: 0.05, ms: 200.0 }));
        assert_eq!(then.steal_since(then), None, "no time, no share");
    }
}
