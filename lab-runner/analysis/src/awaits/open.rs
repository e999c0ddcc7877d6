//! Requests without an answer when the request log was closed, by the place at which they awaited.

use crate::awaits::{Place, Places, Site, by_future};
use crate::stacks::runtime_frames::Awaited;
use lab_recording::awaits::{Future, Kind, Record, Recording, Waker};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Unanswered requests that awaited at one place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OpenGroup {
    /// The place.
    #[serde(flatten)]
    pub site: Site,
    /// The user's functions that called it, in the request that waits longest, innermost first.
    pub callers: Vec<Site>,
    /// Requests.
    pub requests: u64,
    /// The request that waits longest.
    pub oldest: u32,
    /// Its wait, in milliseconds.
    pub oldest_ms: f64,
    /// Time since the last wait at such a place ended, by any future, in milliseconds; since the
    /// start of the recording if none did.
    #[serde(default)]
    pub quiet_ms: f64,
    /// What the same requests awaited before, still hold, and did not poll last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kept: Vec<Kept>,
    /// Of a lock: the presumed holder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<Holder>,
}

/// What waiting requests awaited before, still hold, and did not poll last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    /// The place.
    #[serde(flatten)]
    pub site: Site,
    /// The user's functions that called it, innermost first.
    pub callers: Vec<Site>,
    /// Requests.
    pub requests: u64,
    /// Those that were given the lock or the permit that they awaited there.
    pub given: u64,
}

/// The presumed holder of a lock: the last one that was given it, and did not release it since.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Holder {
    /// The request; none if it is a future that the program named.
    pub request: Option<u32>,
    /// Where it had awaited the lock.
    pub took_at: Site,
    /// Whether that future is no longer polled by its own task.
    pub is_kept: bool,
    /// When it was given the lock, in milliseconds before the end of the recording.
    pub ago_ms: f64,
    /// Where it awaits now; none if it is in a poll.
    pub now_at: Option<Site>,
}

/// Futures of one name that awaited at one place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FollowedGroup {
    /// The name that the program gave them.
    pub name: String,
    /// The place.
    #[serde(flatten)]
    pub site: Site,
    /// Futures.
    pub futures: u64,
    /// The longest of these waits, in milliseconds.
    pub oldest_ms: f64,
}

/// The waits of named futures that were open at the end, the longest first.
pub fn followed_groups(
    recording: &Recording,
    places: &Places,
    names: &[String],
) -> Vec<FollowedGroup> {
    let mut groups: BTreeMap<(u8, Site), FollowedGroup> = BTreeMap::new();
    for record in recording.records.iter().filter(|record| record.kind == Kind::Open) {
        let (Future::Named(number, _), Some((_, place))) = (record.future, places.at(record))
        else {
            continue;
        };
        let site = place.site.clone();
        let group = groups.entry((number, site.clone())).or_insert_with(|| FollowedGroup {
            name: names.get(usize::from(number)).cloned().unwrap_or_default(),
            site,
            futures: 0,
            oldest_ms: 0.0,
        });
        group.futures += 1;
        group.oldest_ms = group.oldest_ms.max(record.awaited_ns as f64 / 1e6);
    }
    let mut groups: Vec<FollowedGroup> = groups.into_values().collect();
    groups.sort_by(|a, b| b.oldest_ms.total_cmp(&a.oldest_ms));
    groups
}

/// The waits of unanswered requests that were open at the end, by place: the group with the oldest
/// wait first.
pub fn open_groups(recording: &Recording, places: &Places) -> Vec<OpenGroup> {
    let open = recording.records.iter().filter(|record| record.kind == Kind::Open);
    let mut groups: BTreeMap<Site, Vec<&Record>> = BTreeMap::new();
    for record in open {
        if let (Future::Request(_), Some((_, place))) = (record.future, places.at(record)) {
            groups.entry(place.site.clone()).or_default().push(record);
        }
    }
    let of_futures = by_future(recording);
    let mut groups: Vec<OpenGroup> = groups
        .into_values()
        .filter_map(|records| group(recording, &of_futures, places, &records))
        .collect();
    groups.sort_by(|a, b| b.oldest_ms.total_cmp(&a.oldest_ms));
    groups
}

fn group(
    recording: &Recording,
    of_futures: &BTreeMap<Future, Vec<&Record>>,
    places: &Places,
    records: &[&Record],
) -> Option<OpenGroup> {
    let oldest = records.iter().min_by_key(|record| record.begin_ns)?;
    let Future::Request(number) = oldest.future else { return None };
    let (_, place) = places.at(oldest)?;
    Some(OpenGroup {
        site: place.site.clone(),
        callers: place.own.clone(),
        requests: records.len() as u64,
        oldest: number,
        oldest_ms: oldest.awaited_ns as f64 / 1e6,
        quiet_ms: quiet_ns(recording, places, &place.site) as f64 / 1e6,
        kept: kept(of_futures, places, records),
        holder: holder(recording, places, &place.site),
    })
}

/// The time from the last wake that came through a leaf of the same type, `RwLock` say, to the end of
/// the recording. While a lock is handed on, or a channel served, those who wait for it are slow and
/// not stuck. A timer that is awaited beside a lock, as in a `select!`, hands nothing on.
fn quiet_ns(recording: &Recording, places: &Places, site: &Site) -> u64 {
    let is_such = |record: &&Record| {
        let at = places.woken_at(record).map(|(_, place, _)| &place.site);
        record.kind == Kind::Woken && at.is_some_and(|at| type_of(&at.call) == type_of(&site.call))
    };
    let last = recording.records.iter().filter(is_such).map(woken_at).max();
    let end_ns = recording.closed_ns.map_or(0, |closed| closed.saturating_sub(recording.start_ns));
    end_ns.saturating_sub(last.unwrap_or(0))
}

/// What the requests of a group awaited before, and stand at no longer: leaves of an earlier poll
/// that still have a waker, leaves of the last poll that it left, and those that a wake came through
/// after they had been left.
fn kept(
    of_futures: &BTreeMap<Future, Vec<&Record>>,
    places: &Places,
    records: &[&Record],
) -> Vec<Kept> {
    let mut all: BTreeMap<Vec<Site>, Kept> = BTreeMap::new();
    for open in records {
        let of_it = of_futures.get(&open.future).map(Vec::as_slice).unwrap_or_default();
        let mut sites: BTreeMap<&[Site], bool> = BTreeMap::new();
        for (_, place) in places.left(open) {
            sites.entry(&place.own).or_default();
        }
        for record in of_it {
            match record.kind {
                Kind::Kept => {
                    if let Some((_, place)) = places.at(record) {
                        sites.entry(&place.own).or_default();
                    }
                }
                Kind::Woken | Kind::Stale => {
                    if let Some((place, _)) = given(record, places).filter(|(_, left)| *left) {
                        *sites.entry(&place.own).or_default() = true;
                    }
                }
                _ => {}
            }
        }
        for (callers, was_given) in sites {
            let Some(site) = callers.first() else { continue };
            let (site, callers) = (site.clone(), callers.to_vec());
            let kept =
                all.entry(callers.clone()).or_insert(Kept { site, callers, requests: 0, given: 0 });
            kept.requests += 1;
            kept.given += u64::from(was_given);
        }
    }
    let mut all: Vec<Kept> = all.into_values().collect();
    all.sort_by_key(|kept| std::cmp::Reverse((kept.given, kept.requests)));
    all
}

/// The lock that a wake gives to its future, because the wake is a release of it: the place where
/// the future awaited the lock, and whether it stands there no longer.
fn given<'a>(record: &Record, places: &'a Places) -> Option<(&'a Place, bool)> {
    let (_, place, left) = places.woken_at(record)?;
    let releases = places.stack(record.waker_stack)?.releases;
    (releases && place.site.awaits == Awaited::Lock).then_some((place, left))
}

/// All such wakes.
fn hand_overs<'a>(
    recording: &'a Recording,
    places: &'a Places,
) -> impl Iterator<Item = (&'a Record, &'a Place, bool)> {
    let wakes = recording
        .records
        .iter()
        .filter(|record| matches!(record.kind, Kind::Woken | Kind::Runnable | Kind::Stale));
    wakes.filter_map(|record| {
        let (place, left) = given(record, places)?;
        Some((record, place, left))
    })
}

/// The time of a wake, in nanoseconds since the start of the recording.
fn woken_at(record: &Record) -> u64 {
    record.begin_ns + record.awaited_ns
}

/// The presumed holder of the lock that is awaited at a place.
///
/// A release that finds waiting futures gives the lock to the first of them. The last one that was
/// given it, and that gave it to nobody since, has it still: if it had released the lock, one of
/// those that wait now would have it. One that took the lock without waiting was given it by nobody
/// and is not seen; so is the release of a lock that nobody waited for.
fn holder(recording: &Recording, places: &Places, site: &Site) -> Option<Holder> {
    let same_type = |of: &Site| type_of(&of.call) == type_of(&site.call);
    if site.awaits != Awaited::Lock {
        return None;
    }
    let end_ns = recording.closed_ns?.checked_sub(recording.start_ns)?;
    let (last, place, left) = hand_overs(recording, places)
        .filter(|(_, place, _)| same_type(&place.site))
        .max_by_key(|(record, ..)| woken_at(record))?;
    let by_it = Waker::Followed(last.future);
    let gave_on = hand_overs(recording, places)
        .any(|(record, ..)| record.waker == by_it && woken_at(record) > woken_at(last));
    let open = recording.records.iter().find(|record| {
        record.future == last.future && matches!(record.kind, Kind::Open | Kind::Runnable)
    });
    // What has ended holds nothing; what is in its poll has no open wait, and is not told apart.
    let open = open.filter(|_| !gave_on)?;
    let request = match last.future {
        Future::Request(number) => Some(number),
        Future::Named(..) => None,
    };
    Some(Holder {
        request,
        took_at: place.site.clone(),
        is_kept: left,
        ago_ms: end_ns.saturating_sub(woken_at(last)) as f64 / 1e6,
        now_at: places.at(open).map(|(_, place)| place.site.clone()),
    })
}

/// `RwLock` of `RwLock::write`.
fn type_of(call: &str) -> &str {
    call.split("::").next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(call: &str, function: &str, line: u32) -> Site {
        Site {
            awaits: Awaited::Lock,
            call: call.into(),
            function: Some(function.into()),
            file: None,
            line: Some(line),
        }
    }

    fn place(site: Site, releases: bool) -> Place {
        Place { own: vec![site.clone()], site, releases, ends_task: false, stack: Vec::new() }
    }

    fn record(kind: Kind, request: u32, place: u16, begin_ns: u64, awaited_ns: u64) -> Record {
        Record {
            kind,
            future: Future::Request(request),
            place,
            leaf: 1,
            waker: Waker::Outside,
            waker_stack: 9,
            begin_ns,
            awaited_ns,
            runnable_ns: 0,
        }
    }

    /// Place 1 locks in `write`, 2 in `read`, 4 locks and sleeps in one `select!`, and what 9 calls is
    /// a release.
    fn places() -> Places {
        Places::of(
            [
                (1, place(site("Mutex::lock", "shop::write", 10), false)),
                (2, place(site("Mutex::lock", "shop::read", 20), false)),
                (3, place(site("Mutex::lock", "shop::write", 14), false)),
                (5, place(site("Sleep", "shop::write", 10), false)),
                (9, place(site("MutexGuard", "shop::write", 12), true)),
            ],
            [(1, vec![1]), (2, vec![2]), (3, vec![1, 3]), (4, vec![1, 5])],
        )
    }

    fn groups(records: Vec<Record>) -> Vec<OpenGroup> {
        open_groups(
            &Recording { closed_ns: Some(5_000_000), records, ..Recording::default() },
            &places(),
        )
    }

    #[test]
    fn requests_are_grouped_by_place_and_the_oldest_wait_comes_first() {
        let groups = groups(vec![
            record(Kind::Open, 4, 2, 2_000_000, 3_000_000),
            record(Kind::Open, 3, 1, 1_000_000, 4_000_000),
            record(Kind::Open, 5, 2, 3_000_000, 2_000_000),
        ]);
        let seen: Vec<_> = groups.iter().map(|group| (group.oldest, group.requests)).collect();
        assert_eq!(seen, [(3, 1), (4, 2)]);
        assert_eq!(groups[0].holder, None, "nobody was given the lock by a release");
    }

    #[test]
    fn a_place_is_quiet_since_the_last_wait_there_ended() {
        let moving = record(Kind::Woken, 1, 2, 0, 4_000_000);
        let open = record(Kind::Open, 2, 1, 500_000, 4_500_000);
        assert_eq!(groups(vec![open])[0].quiet_ms, 5.0);
        assert_eq!(groups(vec![moving, open])[0].quiet_ms, 1.0, "another line, the same type");
        let by_timer = Record { place: 4, leaf: 2, ..moving };
        assert_eq!(groups(vec![by_timer, open])[0].quiet_ms, 5.0, "the lock was not handed on");
        let by_lock = Record { place: 4, leaf: 1, ..moving };
        assert_eq!(groups(vec![by_lock, open])[0].quiet_ms, 1.0);
    }

    #[test]
    fn the_last_one_that_was_given_the_lock_and_gave_it_to_nobody_has_it() {
        let given = record(Kind::Woken, 1, 1, 0, 1_000_000);
        let holds = record(Kind::Open, 1, 2, 1_500_000, 3_500_000);
        let waits = record(Kind::Open, 2, 1, 2_000_000, 3_000_000);
        let all = groups(vec![given, holds, waits]);
        let holder = all.iter().find(|group| group.oldest == 2).unwrap().holder.clone().unwrap();
        assert_eq!((holder.request, holder.is_kept, holder.ago_ms), (Some(1), false, 4.0));
        assert_eq!(holder.now_at.unwrap().line, Some(20));
        let gave_on = Record {
            waker: Waker::Followed(Future::Request(1)),
            ..record(Kind::Woken, 7, 1, 0, 2_000_000)
        };
        let all = groups(vec![given, holds, waits, gave_on]);
        assert_eq!(all[0].holder, None, "7 has ended");
    }

    #[test]
    fn a_lock_that_was_given_to_a_future_that_is_not_polled_is_kept() {
        let stale = record(Kind::Stale, 1, 1, 1_000_000, 0);
        let all = groups(vec![stale, record(Kind::Open, 1, 2, 500_000, 4_500_000)]);
        assert_eq!((all[0].kept[0].requests, all[0].kept[0].given), (1, 1));
        let holder = all[0].holder.clone().unwrap();
        assert!(holder.is_kept && holder.took_at.line == Some(10));
    }

    #[test]
    fn a_lock_that_is_given_at_a_line_which_its_task_has_left_is_kept() {
        // Both lines were polled in one poll; line 10 gets the lock, and the task stands in line 14.
        let woken = record(Kind::Woken, 1, 3, 0, 1_000_000);
        let all = groups(vec![woken, record(Kind::Open, 1, 3, 1_500_000, 3_500_000)]);
        assert_eq!(all[0].site.line, Some(14));
        assert_eq!((all[0].kept[0].site.line, all[0].kept[0].given), (Some(10), 1));
        assert!(all[0].holder.as_ref().unwrap().is_kept);
    }
}
