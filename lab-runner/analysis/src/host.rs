//! What others took from the host while a run lasted: the one measure of it, for claims, comparisons and reports alike.

use crate::requests::Analysis;
use lab_recording::outcome::Outcome;

/// Share of the CPU time of all cores that the host of a virtual machine may take without being noticed.
pub const MOST_STEAL: f64 = 0.02;
/// Cores that other processes may use on average without being noticed.
pub const MOST_FOREIGN_CORES: f64 = 0.10;
/// How late the load generator may be for the slowest request in a hundred: above it the host stood still, or something
/// else ran on the generator's core.
const MOST_LAG_US: f64 = 5_000.0;

/// What others took, in words; none if the host was quiet, or does not report it.
pub fn disturbance(outcome: &Outcome) -> Option<String> {
    if let Some(steal) = outcome.steal.filter(|steal| steal.share > MOST_STEAL) {
        return Some(format!("the host took {:.1} % of the CPU time", steal.share * 100.0));
    }
    let foreign = outcome.foreign_cores.filter(|cores| *cores > MOST_FOREIGN_CORES)?;
    Some(format!("other processes used {:.0} % of a core", foreign * 100.0))
}

/// What disturbed the times of a run: what others took, or a load generator that was late.
pub fn disturbed(run: &Analysis) -> Option<String> {
    disturbance(&run.recording.outcome).or_else(|| {
        let lag = run.metrics.get("pacer_lag_p99_us").filter(|lag| lag.value > MOST_LAG_US)?;
        Some(format!("the load generator was {:.0} ms late", lag.value / 1e3))
    })
}

/// Whether a metric times something. Others on the host make times longer, and change no count.
pub fn is_time(metric: &str) -> bool {
    metric.ends_with("_us") || metric.ends_with("_ms") || metric.ends_with("_per_s") || metric.contains("_us_per_")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::comparison::paired::tests::run;
    use lab_recording::outcome::Steal;

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
        let late = run(1, "a", &[("pacer_lag_p99_us", 25_000.0)]);
        assert_eq!(disturbed(&late).as_deref(), Some("the load generator was 25 ms late"));
    }

    #[test]
    fn times_are_told_from_counts_by_their_units() {
        assert!(["wait_p99_us", "cpu_ms", "completed_per_s", "cpu_us_per_op"].into_iter().all(is_time));
        assert!(!["lost", "polls_per_op", "completed", "peak_memory_kb"].into_iter().any(is_time));
    }
}
