//! What the kit watches, in the words of a post-mortem.

use lab_kit::watched::{self, Kind};
use lab_recording::post_mortem;

/// Locks and channels that somebody holds or waits for, as a post-mortem has them.
pub fn watched(now_ns: u64) -> Vec<post_mortem::Watched> {
    watched::snapshot().into_iter().map(|seen| converted(seen, now_ns)).collect()
}

fn converted(seen: watched::Seen, now_ns: u64) -> post_mortem::Watched {
    let parties = |all: Vec<watched::Party>| all.into_iter().map(|party| converted_party(party, now_ns)).collect();
    post_mortem::Watched {
        kind: match seen.kind {
            Kind::Lock => post_mortem::WatchedKind::Lock,
            Kind::AsyncLock => post_mortem::WatchedKind::AsyncLock,
            Kind::Channel => post_mortem::WatchedKind::Channel,
        },
        name: seen.name,
        place: seen.place,
        holders: parties(seen.holders),
        waiters: parties(seen.waiters),
        others: parties(seen.others),
    }
}

fn converted_party(party: watched::Party, now_ns: u64) -> post_mortem::Party {
    let for_ms = now_ns.saturating_sub(party.since_ns) as f64 / 1e6;
    post_mortem::Party { tid: party.tid, task: party.task, for_ms, place: party.place }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_is_told_with_its_age() {
        let lock = watched::Mutex::new("converted", ());
        let _held = lock.lock().unwrap();
        let seen = watched(lab_kit::clock::now_ns() + 5_000_000);
        let lock = seen.iter().find(|watched| watched.name == "converted").unwrap();
        assert!(lock.kind == post_mortem::WatchedKind::Lock && lock.holders[0].for_ms >= 5.0, "{lock:?}");
        assert!(lock.place.contains("watched.rs:") && lock.waiters.is_empty() && lock.others.is_empty());
    }
}
