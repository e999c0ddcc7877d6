//! Requests that wait for ever, and parts of a future that are not polled.

use crate::awaits::{Awaits, Holder, OpenGroup, Site};
use crate::diagnosis::sign::Sign;
use crate::diagnosis::suspect::{Location, Suspect, Suspicion};
use crate::diagnosis::suspects::{awaits, busy};
use crate::diagnosis::{Case, Cost};
use crate::stacks::runtime_frames::Awaited;
use crate::stats::total;
use crate::units::{percent, time_ms};

/// Groups of waiting requests that are told beside the first one.
const MOST_GROUPS: usize = 3;

fn location(site: &Site) -> Option<Location> {
    let Site { function, file, line, .. } = site;
    Some(Location { function: function.clone()?, file: file.clone(), line: *line })
}

/// One suspect for all requests that wait inside the program: where the oldest of them waits, and
/// who else waits behind it. Requests that wait for a timer or a socket wait for others.
pub fn stuck(case: &Case<'_>) -> Vec<Suspect> {
    let Some(awaits) = awaits(case) else { return Vec::new() };
    let inside: Vec<&OpenGroup> =
        awaits.open.iter().filter(|group| !group.site.awaits.is_outside()).collect();
    let Some(first) = inside.first() else { return Vec::new() };
    let unpolled = unpolled(awaits, &inside);
    let at = unpolled.as_ref().and_then(Unpolled::holds_at).unwrap_or(&first.site);
    let requests = total(inside.iter().map(|group| group.requests));
    let mut suspect = Suspect::new(Suspicion::Waits, location(at))
        .with(Sign::Stuck, requests as f64)
        .with(Sign::StuckMs, first.oldest_ms.min(first.quiet_ms))
        .with_known(Sign::Asleep, busy(case).map(|busy| 1.0 - busy))
        .with_known(Sign::Unpolled, unpolled.as_ref().map(|unpolled| unpolled.futures as f64));
    suspect.cost = Cost { ms: None, requests: Some(requests) };
    suspect.evidence.extend(unpolled.as_ref().map(Unpolled::in_words));
    suspect.evidence.extend(inside.iter().take(MOST_GROUPS).map(|group| in_words(group)));
    suspect.evidence.extend(holds_its_own(&inside));
    suspect.evidence.extend(first.holder.as_ref().map(held_by));
    let followed = awaits.followed.iter().filter(|group| !group.site.awaits.is_outside());
    suspect.evidence.extend(followed.take(MOST_GROUPS).map(|group| {
        let age = time_ms(group.oldest_ms);
        format!("the followed future {} awaits {} for {age}", group.name, group.site.in_words())
    }));
    vec![suspect]
}

/// A part of a task that holds a lock, or is next to get it, and that its task does not poll: it
/// awaits the lock itself, elsewhere.
struct Unpolled<'a> {
    kept: &'a [Site],
    awaited: &'a [Site],
    futures: u64,
    state: State,
}

/// What is known of such a part.
#[derive(Clone, Copy)]
enum State {
    /// A release gave it the lock.
    Given,
    /// Something else that it awaited woke it.
    Ready,
    /// It is in the queue for the lock, before its own task.
    Queued,
}

impl Unpolled<'_> {
    /// Where it holds the lock: in the function in which the task awaits the lock elsewhere, if it
    /// passes through that one, as when the holder of a guard sleeps in a function that it calls.
    fn holds_at(&self) -> Option<&Site> {
        let locks_in = self.awaited.first().and_then(|site| site.function.as_ref());
        let same = self.kept.iter().find(|site| site.function.as_ref() == locks_in);
        same.or(self.kept.first())
    }

    fn in_words(&self) -> String {
        let (kept, awaited) = (with_caller(self.kept), with_caller(self.awaited));
        let what = match self.state {
            State::Given => "was given the lock at",
            State::Ready => "is ready at",
            State::Queued => "is in the queue for the lock at",
        };
        format!("a part of the task {what} {kept}, and the task awaits {awaited} instead")
    }
}

/// Such a part: one that a release gave the lock to, one that is ready and not polled any more while
/// its task awaits a lock, or one that is in the queue for a lock of the same type as its task. That
/// it is that very lock is presumed: both pass through the same function, or nobody else runs.
fn unpolled<'a>(awaits: &'a Awaits, groups: &[&'a OpenGroup]) -> Option<Unpolled<'a>> {
    let given = groups.iter().find_map(|group| {
        let kept = group.kept.iter().find(|kept| kept.given > 0)?;
        Some(Unpolled {
            kept: &kept.callers,
            awaited: &group.callers,
            futures: kept.given,
            state: State::Given,
        })
    });
    let ready = || {
        let starved = awaits.starved.iter().find(|starved| {
            let awaits_lock =
                starved.awaited.first().is_some_and(|site| site.awaits == Awaited::Lock);
            starved.for_ever > 0 && awaits_lock
        })?;
        Some(Unpolled {
            kept: &starved.kept,
            awaited: &starved.awaited,
            futures: starved.for_ever,
            state: State::Ready,
        })
    };
    given.or_else(ready).or_else(|| queued(groups.first()?))
}

/// A part of the requests that wait longest which is in the queue for a lock of the type that they
/// await elsewhere. Who holds the lock may have taken it before the recording began.
fn queued<'a>(oldest: &&'a OpenGroup) -> Option<Unpolled<'a>> {
    let kept = oldest.kept.iter().find(|kept| {
        let is_lock = kept.site.awaits == Awaited::Lock && oldest.site.awaits == Awaited::Lock;
        is_lock && type_of(&kept.site) == type_of(&oldest.site)
    })?;
    Some(Unpolled {
        kept: &kept.callers,
        awaited: &oldest.callers,
        futures: kept.requests,
        state: State::Queued,
    })
}

/// `RwLock` of `RwLock::write`.
fn type_of(site: &Site) -> Option<&str> {
    site.call.split("::").next()
}

/// `Mutex::lock in shop::append (main.rs:38), called from shop::handle:48`, from the innermost call
/// outwards.
fn with_caller(own: &[Site]) -> String {
    let [innermost, callers @ ..] = own else { return "nothing".to_owned() };
    let caller =
        callers.iter().find_map(|of| Some(format!("{}:{}", of.function.as_deref()?, of.line?)));
    let called = caller.map_or_else(String::new, |caller| format!(", called from {caller}"));
    format!("{}{called}", innermost.in_words())
}

/// `248 requests await RwLock::read in shop::middleware (middleware.rs:29), the oldest of them,
/// request 151, for 2.8 s`.
fn in_words(group: &OpenGroup) -> String {
    let (at, age) = (with_caller(&group.callers), time_ms(group.oldest_ms));
    match group.requests {
        1 => format!("request {} awaits {at}, for {age}", group.oldest),
        many => format!("{many} requests await {at}, the oldest for {age}"),
    }
}

/// Who waits for a lock inside a function that passed the line where others wait for the same lock:
/// what it was given there it holds.
///
/// *Example:* `middleware` awaits `settings.read()` in line 29 and `handler()` in line 30, which
/// awaits `settings.write()`. One request waits in `write`, called from line 30; all others wait in
/// line 29. The one that waits in line 30 has its guard of line 29.
fn holds_its_own(groups: &[&OpenGroup]) -> Option<String> {
    let (first, others) = groups.split_first()?;
    let passed = |caller: &Site| {
        others.iter().find(|other| {
            let same_function = other.site.function == caller.function;
            same_function
                && other.site.line != caller.line
                && type_of(&other.site) == type_of(&first.site)
        })
    };
    let (caller, other) =
        first.callers.iter().find_map(|caller| Some((caller, passed(caller)?)))?;
    Some(format!(
        "request {} has passed line {} of {}, where the others wait: it holds what {} gave it there, \
         across the await in line {}",
        first.oldest,
        other.site.line?,
        caller.function.as_deref()?,
        other.site.call,
        caller.line?
    ))
}

/// The presumed holder in words.
fn held_by(holder: &Holder) -> String {
    let who = match holder.request {
        Some(number) => format!("request {number}"),
        None => "a followed future".to_owned(),
    };
    let now = match &holder.now_at {
        Some(site) => format!(", and awaits {} now", site.in_words()),
        None => String::new(),
    };
    format!(
        "the lock was last given to {who} in {}, {} before the end{now}; it gave it to nobody since",
        holder.took_at.in_words(),
        time_ms(holder.ago_ms)
    )
}

/// A suspect for each function whose await starves a part of its own task.
pub fn starved(case: &Case<'_>) -> Vec<Suspect> {
    let starved = awaits(case).map(|awaits| awaits.starved.as_slice()).unwrap_or_default();
    let suspects = starved.iter().map(|starved| {
        let mut suspect = Suspect::new(Suspicion::Starved, location(&starved.blamed))
            .with(Sign::StarvedMeanMs, starved.ms / starved.times.max(1) as f64)
            .with(Sign::StarvedShare, starved.ms / starved.of_ms.max(f64::MIN_POSITIVE));
        suspect.cost = Cost { ms: Some(starved.ms), requests: Some(starved.futures) };
        suspect.evidence.push(format!(
            "{} was not polled {} times, while the task awaited {}",
            with_caller(&starved.kept),
            starved.times,
            with_caller(&starved.awaited)
        ));
        suspect.evidence.extend(errors(case));
        suspect
    });
    suspects.collect()
}

/// Answers that were errors: what is polled too late runs into its timeout.
fn errors(case: &Case<'_>) -> Option<String> {
    let count = |name: &str| Some(case.measured?.metrics.get(name)?.value);
    let (errors, completed) = (count("errors")?, count("completed")?);
    (errors > 0.0).then(|| format!("{} of the answers were errors", percent(errors / completed)))
}
