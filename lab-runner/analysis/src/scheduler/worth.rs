//! Which waiting is significant enough to blame a culprit for. Pure.

use crate::scheduler::summary::{Culprit, Edge, Sched};

/// A smaller part of all waiting does not explain it: twenty culprits of that size would.
const SHARE: f64 = 0.05;
/// Milliseconds of a wait in the mean. Tasks of a healthy service queue too, behind polls of tens
/// of microseconds; a task that others have to wait a millisecond for keeps its worker a hundred
/// times as long as tokio's documentation advises.
const MEAN_MS: f64 = 1.0;
/// Milliseconds altogether: what a single long poll may inflict on a single task. Less is a hiccup,
/// of the machine as likely as of anybody's code.
const LEAST_MS: f64 = 10.0;

/// A task of the lab's own, which nobody waits for: that it waits is worth a line of its own, and
/// no blame.
pub const YIELD_PROBE: &str = "yield probe";

/// The significant edges, the largest first. Only polls are blamed: a worker that was asleep,
/// the kernel and a spent budget are no code and stay in the table. A task kind that waits for
/// its own polls is blamed like any other. A task that spawns tasks and continues its poll is
/// not blamed for their waiting: they did not exist before.
pub fn worth(sched: &Sched) -> Vec<&Edge> {
    let Some(blame) = &sched.blame else { return Vec::new() };
    let is_worth = |edge: &&Edge| {
        let by_polls = matches!(edge.culprit, Culprit::TaskKind(_));
        let own =
            sched.task_kinds.get(edge.victim).is_some_and(|victim| victim.name == YIELD_PROBE);
        let made = matches!(edge.culprit, Culprit::TaskKind(by) if by != edge.victim
            && sched.task_kinds.get(edge.victim).is_some_and(|victim| victim.made_by == Some(by)));
        let mean_ms = edge.ms / edge.waits.max(1) as f64;
        by_polls
            && !own
            && !made
            && edge.ms >= SHARE * blame.waited_ms
            && mean_ms >= MEAN_MS
            && edge.ms >= LEAST_MS
    };
    let mut edges: Vec<&Edge> = blame.edges.iter().filter(is_worth).collect();
    edges.sort_by(|a, b| b.ms.total_cmp(&a.ms));
    edges
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheduler::Blame;
    use crate::stats::total;

    fn sched(edges: &[(Culprit, f64, u64)]) -> Sched {
        let edges: Vec<Edge> = edges
            .iter()
            .map(|(culprit, ms, waits)| Edge {
                culprit: *culprit,
                victim: 0,
                ms: *ms,
                waits: *waits,
            })
            .collect();
        let (waits, waited_ms) =
            (total(edges.iter().map(|e| e.waits)), edges.iter().map(|e| e.ms).sum());
        Sched { blame: Some(Blame { waits, waited_ms, edges }), ..Sched::default() }
    }

    fn blamed(edges: &[(Culprit, f64, u64)]) -> Vec<Culprit> {
        worth(&sched(edges)).into_iter().map(|edge| edge.culprit).collect()
    }

    const IMPORT: Culprit = Culprit::TaskKind(1);
    const OWN: Culprit = Culprit::TaskKind(0);

    #[test]
    fn who_holds_the_worker_for_seconds_is_blamed_and_who_shares_the_queue_is_not() {
        assert_eq!(blamed(&[(OWN, 90_000.0, 6_000), (IMPORT, 3_600_000.0, 6_000)]), [IMPORT]);
        assert_eq!(
            blamed(&[(OWN, 300_000.0, 6_000), (IMPORT, 3_600_000.0, 6_000)]),
            [IMPORT, OWN],
            "the largest first"
        );
    }

    #[test]
    fn a_healthy_service_blames_nobody() {
        assert!(
            blamed(&[
                (OWN, 240.0, 6_000),
                (IMPORT, 60.0, 800),
                (Culprit::WorkerAsleep, 300.0, 6_000)
            ])
            .is_empty()
        );
        assert!(blamed(&[(IMPORT, 4.0, 1)]).is_empty(), "a hiccup");
        assert!(blamed(&[]).is_empty() && worth(&Sched::default()).is_empty());
    }

    #[test]
    fn a_group_that_waits_for_itself_is_blamed_too() {
        assert_eq!(blamed(&[(OWN, 12_000.0, 1_000)]), [OWN]);
    }

    #[test]
    fn what_is_nobody_s_code_is_never_blamed() {
        use Culprit::{Kernel, OutsidePolls, OwnBudget, Unknown, WorkerAsleep};
        for culprit in [WorkerAsleep, Kernel, OwnBudget, OutsidePolls, Unknown] {
            assert!(blamed(&[(culprit, 1e6, 10)]).is_empty(), "{culprit:?}");
        }
    }
}
