//! The disturbance of the host during a run: the one measure of it, for claims, comparisons and
//! reports.

use crate::requests::{Analysis, Reading};
use lab_recording::outcome::Outcome;

/// Share of the CPU time of all cores that the host of a virtual machine may take without being
/// noticed.
pub const MOST_STEAL: f64 = 0.02;
/// Cores that other processes may use on average without being noticed.
pub const MOST_FOREIGN_CORES: f64 = 0.10;
/// How late the load generator may be for the slowest request in a hundred: above it the host stood
/// still, or something else ran on the generator's core.
const MOST_LAG_US: f64 = 5_000.0;
/// How much longer a time may be for each core that others used on average. A time that depends on
/// one thread is at most doubled while another process shares its core, and requests queue up
/// behind it: ten leaves room for the queue.
const SLOWDOWN_PER_CORE: f64 = 10.0;
/// Share of the cores above which nothing is known of a time: the run had to share each of its
/// cores.
const MOST_TAKEN: f64 = 0.5;

/// The disturbance in words; none on a quiet host, or if the host does not report it.
pub fn disturbance(outcome: &Outcome) -> Option<String> {
    if let Some(steal) = outcome.steal.filter(|steal| steal.share > MOST_STEAL) {
        return Some(format!("the host took {:.1} % of the CPU time", steal.share * 100.0));
    }
    let foreign = outcome.foreign_cores.filter(|cores| *cores > MOST_FOREIGN_CORES)?;
    let busiest = outcome.busiest.as_ref().map_or_else(String::new, |name| format!(" ({name})"));
    Some(format!("other processes{busiest} used {:.0} % of a core", foreign * 100.0))
}

/// What disturbed the times of a run: what others took, or a load generator that was late.
pub fn disturbed(run: &Analysis) -> Option<String> {
    disturbance(&run.recording.outcome).or_else(|| {
        let lag = run.metrics.get("pacer_lag_p99_us").filter(|lag| lag.value > MOST_LAG_US)?;
        Some(format!("the load generator was {:.0} ms late", lag.value / 1e3))
    })
}

/// The largest factor by which others may have slowed a run down: 1 on a quiet host, none where
/// they took so much that no bound is known.
///
/// On two cores, a process that used 0.13 of a core may have made a time 2.3 times longer: of an
/// effect of 93 times that leaves 40, of one of 1.2 nothing. One that used 1.1 cores took more than
/// half of the host.
pub fn slowdown(run: &Analysis) -> Option<f64> {
    let outcome = &run.recording.outcome;
    if disturbance(outcome).is_none() {
        return Some(1.0);
    }
    let cores = run.recording.spec.environment.cores.map_or(f64::INFINITY, |cores| cores as f64);
    let stolen = outcome.steal.map_or(0.0, |steal| steal.share);
    let foreign = outcome.foreign_cores.unwrap_or(0.0);
    let taken_cores = foreign + if cores.is_finite() { stolen * cores } else { stolen };
    (taken_cores <= MOST_TAKEN * cores).then_some(1.0 + SLOWDOWN_PER_CORE * taken_cores)
}

/// A reading of a run whose times others may have slowed down: the true time may be that much
/// shorter, a true rate that much higher.
pub fn widened(reading: &Reading, unit: &str, slowdown: f64) -> Reading {
    if is_rate(unit) {
        Reading { high: reading.high * slowdown, ..reading.clone() }
    } else {
        Reading { low: reading.low / slowdown, ..reading.clone() }
    }
}

fn is_rate(unit: &str) -> bool {
    unit.ends_with("/s")
}

/// Whether others on the host change what is counted in this unit: times and rates, and switches
/// between threads. They change no other count.
pub fn depends_on_host(unit: &str) -> bool {
    is_rate(unit) || matches!(unit, "ns" | "us" | "µs" | "ms" | "s" | "switches")
}

/// Whether a metric times something, by its name. Others on the host make times longer, and change
/// no count.
pub fn is_time(metric: &str) -> bool {
    metric.ends_with("_us")
        || metric.ends_with("_ms")
        || metric.ends_with("_per_s")
        || metric.contains("_us_per_")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::comparison::paired::tests::run;
    use lab_recording::outcome::Steal;

    fn beside(foreign_cores: f64) -> Analysis {
        let mut run = run(1, "a", &[]);
        run.recording.spec.environment.cores = Some(2);
        run.recording.outcome.foreign_cores = Some(foreign_cores);
        run
    }

    #[test]
    fn theft_foreign_processes_and_a_late_generator_each_disturb_a_run() {
        let quiet = run(1, "a", &[("pacer_lag_p99_us", 100.0)]);
        assert_eq!(disturbed(&quiet), None);
        let mut stolen = quiet.clone();
        stolen.recording.outcome.steal = Some(Steal { share: 0.05, ms: 100.0 });
        assert_eq!(disturbed(&stolen).as_deref(), Some("the host took 5.0 % of the CPU time"));
        let mut beside = quiet.clone();
        beside.recording.outcome.foreign_cores = Some(0.5);
        assert_eq!(disturbed(&beside).as_deref(), Some("other processes used 50 % of a core"));
        beside.recording.outcome.busiest = Some("rustc".into());
        assert_eq!(
            disturbed(&beside).as_deref(),
            Some("other processes (rustc) used 50 % of a core")
        );
        let late = run(1, "a", &[("pacer_lag_p99_us", 25_000.0)]);
        assert_eq!(disturbed(&late).as_deref(), Some("the load generator was 25 ms late"));
    }

    #[test]
    fn the_more_others_took_the_longer_times_may_be_until_nothing_is_known() {
        assert_eq!([0.0, 0.1].map(|cores| slowdown(&beside(cores))), [Some(1.0); 2]);
        assert_eq!(slowdown(&beside(0.13)), Some(2.3));
        assert_eq!(slowdown(&beside(1.0)), Some(11.0), "half of two cores");
        assert_eq!(slowdown(&beside(1.01)), None);
        let mut stolen = beside(0.0);
        stolen.recording.outcome.steal = Some(Steal { share: 0.05, ms: 100.0 });
        assert_eq!(slowdown(&stolen), Some(2.0), "a twentieth of two cores is a tenth of one");
    }

    #[test]
    fn a_disturbed_time_may_be_shorter_and_a_disturbed_rate_higher() {
        let time = widened(&Reading::exact(10.0), "us", 2.0);
        assert_eq!((time.low, time.value, time.high), (5.0, 10.0, 10.0));
        let rate = widened(&Reading::exact(10.0), "1/s", 2.0);
        assert_eq!((rate.low, rate.value, rate.high), (10.0, 10.0, 20.0));
    }

    #[test]
    fn times_are_told_from_counts_by_their_units() {
        assert!(
            ["wait_p99_us", "cpu_ms", "completed_per_s", "cpu_us_per_op"].into_iter().all(is_time)
        );
        assert!(!["lost", "polls_per_op", "completed", "peak_memory_kb"].into_iter().any(is_time));
        assert!(["us", "1/s", "orders/s", "switches"].into_iter().all(depends_on_host));
        assert!(!["polls", "B", "kB", "requests", "orders"].into_iter().any(depends_on_host));
    }
}
