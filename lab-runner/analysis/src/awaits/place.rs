//! The place of a wait in the code, from its stack.

use crate::awaits::Site;
use crate::stacks::runtime_frames::{Awaited, Named, RELEASE, SEQUENTIAL, TASK_END, UNORDERED};
use crate::stacks::symbol_path::{is_closure, segments};
use crate::stacks::symbols::Symbols;
use crate::stacks::{is_foreign, is_own_frame, without_closures};
use lab_recording::awaits::{Kind, Numbered, Record};
use lab_recording::frame::Frame;
use std::collections::HashMap;

/// A stack of a wait or of a wake, with what is read from it.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// The innermost call of user code.
    pub site: Site,
    /// The user's functions that it passes through, innermost first, each with the line of its
    /// call.
    pub own: Vec<Site>,
    /// Whether the stack releases a lock or a permit.
    pub releases: bool,
    /// Whether the stack ends a task.
    pub ends_task: bool,
    /// All frames, innermost first.
    pub stack: Vec<Frame>,
}

impl Place {
    /// Reads a stack, innermost frame first.
    pub fn of_stack(stack: Vec<Frame>) -> Place {
        let is_in = |table| stack.iter().any(|frame| Named::new(frame).is_in(table));
        let (releases, ends_task) = (is_in(RELEASE), is_in(TASK_END));
        let innermost = stack.iter().position(is_own_frame);
        let (awaits, call) = match innermost {
            Some(at) => called(&stack[..at]),
            None => without_user(&stack),
        };
        let mut own: Vec<Site> = Vec::new();
        for frame in stack.iter().filter(|frame| is_own_frame(frame)) {
            let function = Some(without_closures(&frame.function));
            let (file, line) = (frame.file.clone(), frame.line);
            let site = Site { awaits, call: call.clone(), function, file, line };
            // Of a function and the closures in it the outermost line counts: that of its `.await`.
            match own.last_mut() {
                Some(inner) if inner.function == site.function => *inner = site,
                _ => own.push(site),
            }
        }
        let nowhere = Site { awaits, call, function: None, file: None, line: None };
        let site = own.first().cloned().unwrap_or(nowhere);
        Place { site, own, releases, ends_task, stack }
    }

    /// The function of the user in which two stacks part, coming from the outermost one: with the
    /// line at which each of them leaves it.
    ///
    /// *Example:* `serve` awaits `import` in line 9, which awaits `next` in line 39 and `store` in
    /// line 40. The stacks of both part in `import`, at the lines 39 and 40.
    pub fn part<'a>(&'a self, other: &'a Place) -> Option<(&'a Site, &'a Site)> {
        let mut parted = None;
        for (here, there) in self.own.iter().rev().zip(other.own.iter().rev()) {
            if here.function != there.function {
                break;
            }
            parted = Some((here, there));
            if here.line != there.line {
                break;
            }
        }
        parted
    }

    /// Whether the future stood at this place no longer when it stood at the other one later in the
    /// same poll: an `async fn` that both pass through is at one `.await` at a time. The branches of
    /// a `select!` are at the same one.
    fn is_left_for(&self, later: &Place) -> bool {
        let other_line = self.part(later).is_some_and(|(here, there)| here.line != there.line);
        other_line || self.parts_in_sequence(later)
    }

    /// Whether both stacks part in a combinator that polls one of two at a time: what it polls later
    /// is what it stands at.
    fn parts_in_sequence(&self, later: &Place) -> bool {
        let pairs = self.stack.iter().rev().zip(later.stack.iter().rev());
        let mut parting = pairs.skip_while(|(here, there)| here == there);
        parting.next().is_some_and(|(here, there)| {
            here.function == there.function && Named::new(here).is_in(SEQUENTIAL)
        })
    }

    /// Whether the place is in a set whose every poll clones the waker: then a poll without a clone
    /// there did not poll the set.
    pub fn clones_in_every_poll(&self) -> bool {
        self.stack.iter().any(|frame| Named::new(frame).is_in(UNORDERED))
    }

    /// Whether it is a part of a future with code of the user's, or a set of such parts: woken, it
    /// has something to do.
    pub fn is_part(&self, within: &Site) -> bool {
        let innermost = self.own.first().map(|site| &site.function);
        self.site.awaits == Awaited::Set || innermost.is_some_and(|of| *of != within.function)
    }
}

/// What user code calls, from the frames inside it, innermost first: the kind of the outermost one
/// that the table knows, and the name of the outermost one that has one.
///
/// *Example:* inside `settings.write().await` are, innermost first, `Acquire::poll` of a semaphore
/// and `RwLock::write`: the call is `RwLock::write`, a lock.
fn called(inside: &[Frame]) -> (Awaited, String) {
    let kind = inside.iter().rev().find_map(|frame| Named::new(frame).awaited());
    // A macro leaves frames of the user's function that lie in a file of a library.
    let is_callee =
        |frame: &&Frame| is_foreign(&frame.function) || Named::new(frame).awaited().is_some();
    let callees = inside.iter().rev().filter(is_callee);
    let name = callees.into_iter().find_map(|frame| short_name(&frame.function));
    (kind.unwrap_or(Awaited::Other), name.unwrap_or_else(|| "a future".to_owned()))
}

/// What a stack without user code is: the runtime's own drivers wake for timers and sockets, also
/// through the wakers of a set of futures.
fn without_user(stack: &[Frame]) -> (Awaited, String) {
    let mut kinds = stack.iter().filter_map(|frame| Named::new(frame).awaited());
    let innermost = kinds.next();
    let kind = match innermost {
        Some(Awaited::Set) => kinds.find(|kind| *kind != Awaited::Set).or(innermost),
        _ => innermost,
    };
    let name = match kind {
        Some(Awaited::Timer) => "a timer",
        Some(Awaited::Socket) => "a socket",
        Some(Awaited::Task) => "the end of a task",
        _ => "code of a library",
    };
    (kind.unwrap_or(Awaited::Other), name.to_owned())
}

/// The type and the method of a function, or its module and its name: `RwLock::write`; of a poll
/// the type alone. None of what the standard library and the compiler put between.
fn short_name(function: &str) -> Option<String> {
    let path: Vec<&str> = segments(function).into_iter().filter(|part| !is_closure(part)).collect();
    if matches!(path.first(), Some(&"core" | &"alloc" | &"std") | None)
        && !function.starts_with("core::ptr::drop_in_place<")
    {
        return None;
    }
    let (last, above) = path.split_last()?;
    Some(match above.last() {
        Some(of) if last.starts_with("poll") || *last == "drop_in_place" || *last == "drop" => {
            (*of).to_owned()
        }
        Some(of) => format!("{of}::{last}"),
        None => (*last).to_owned(),
    })
}

/// The places of a recording, by the numbers in its records.
#[derive(Debug, Default)]
pub struct Places {
    stacks: HashMap<u16, Place>,
    sets: HashMap<u16, Leaves>,
}

/// What a poll of a future polled and awaits.
#[derive(Clone, Debug, PartialEq)]
struct Leaves {
    /// The stack of the place at which the future awaits.
    main: u16,
    /// All stacks, in the order of the poll, each with whether the future stood there no longer at
    /// the end of the poll.
    all: Vec<(u16, bool)>,
}

impl Places {
    /// Names the stacks.
    pub fn new(numbered: Numbered, symbols: &mut Symbols) -> Places {
        // All addresses are return addresses, and the first one of `Symbols::stack` is not.
        let named = numbered.stacks.into_iter().map(|(number, addresses)| {
            let first = addresses.first().map(|back| back.saturating_sub(1));
            let stack: Vec<u64> =
                first.into_iter().chain(addresses.iter().skip(1).copied()).collect();
            (number, Place::of_stack(without_own(symbols.stack(&stack))))
        });
        Places::of(named, numbered.sets)
    }

    /// Places with their sets.
    pub fn of(
        stacks: impl IntoIterator<Item = (u16, Place)>,
        sets: impl IntoIterator<Item = (u16, Vec<u16>)>,
    ) -> Places {
        let stacks: HashMap<u16, Place> = stacks.into_iter().collect();
        let sets =
            sets.into_iter().filter_map(|(number, set)| Some((number, leaves(&stacks, set)?)));
        let sets = sets.collect();
        Places { stacks, sets }
    }

    /// The place with the number of a stack; none if it was not kept.
    pub fn stack(&self, number: u16) -> Option<&Place> {
        self.stacks.get(&number)
    }

    /// The place at which the future of a record awaits, with the number of its stack.
    pub fn at(&self, record: &Record) -> Option<(u16, &Place)> {
        let main = self.sets.get(&record.place)?.main;
        Some((main, self.stacks.get(&main)?))
    }

    /// The place that a wake came through, and whether the future stood there no longer.
    pub fn woken_at(&self, record: &Record) -> Option<(u16, &Place, bool)> {
        let leaves = self.sets.get(&record.place)?;
        let leaf = usize::from(record.leaf).checked_sub(1).and_then(|at| leaves.all.get(at));
        let (stack, left) = leaf.copied().unwrap_or((leaves.main, false));
        Some((stack, self.stacks.get(&stack)?, left || record.kind == Kind::Stale))
    }

    /// Whether the poll before a record polled the place with the number of a stack.
    pub fn polled(&self, record: &Record, stack: u16) -> bool {
        let leaves = self.sets.get(&record.place);
        leaves.is_some_and(|leaves| leaves.all.iter().any(|(leaf, _)| *leaf == stack))
    }

    /// The places of a record at which its future stood no longer when it awaited, with the numbers
    /// of their stacks.
    pub fn left<'a>(&'a self, record: &Record) -> impl Iterator<Item = (u16, &'a Place)> + use<'a> {
        let leaves = self.sets.get(&record.place).into_iter().flat_map(|leaves| &leaves.all);
        let left = leaves.filter(|(_, left)| *left);
        left.filter_map(|(stack, _)| Some((*stack, self.stacks.get(stack)?)))
    }
}

/// Reads a set. The future awaits where its last leaf is. Of several leaves at the same `.await`, as
/// in a `select!` or below a timeout, the one that is deepest in the user's code is named, and of
/// those the first one that is no timer.
fn leaves(stacks: &HashMap<u16, Place>, set: Vec<u16>) -> Option<Leaves> {
    let last = stacks.get(set.last()?)?;
    let is_left = |stack: &u16| stacks.get(stack).is_some_and(|place| place.is_left_for(last));
    let all: Vec<(u16, bool)> = set.iter().map(|stack| (*stack, is_left(stack))).collect();
    let depth = |(stack, _): &&(u16, bool)| {
        let place = stacks.get(stack);
        place.map(|place| (place.own.len(), place.site.awaits != Awaited::Timer))
    };
    // Of equal ones `max_by_key` takes the last.
    let (main, _) = *all.iter().rev().filter(|(_, left)| !left).max_by_key(depth)?;
    Some(Leaves { main, all })
}

/// A stack without the frames of the recorder, which come first, and those of the kit, which come
/// last.
fn without_own(stack: Vec<Frame>) -> Vec<Frame> {
    let is_lab = |frame: &Frame| {
        ["lab_recorder::", "lab_kit::follow"].iter().any(|path| frame.function.contains(path))
    };
    let mut stack = stack;
    stack.drain(..stack.iter().take_while(|frame| is_lab(frame)).count());
    while stack.last().is_some_and(is_lab) {
        stack.pop();
    }
    stack
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(function: &str, file: &str, line: u32) -> Frame {
        Frame { function: function.into(), file: Some(file.into()), line: Some(line) }
    }

    fn tokio(function: &str) -> Frame {
        frame(function, "/x/registry/src/i/tokio-1.54.1/src/sync/mutex.rs", 1)
    }

    #[test]
    fn the_innermost_call_of_user_code_is_the_place() {
        let place = Place::of_stack(vec![
            tokio("<tokio::sync::batch_semaphore::Acquire as core::future::future::Future>::poll"),
            tokio("tokio::sync::rwlock::RwLock<T>::write::{{closure}}"),
            frame("shop::handler::{{closure}}", "/home/me/shop/src/main.rs", 24),
            frame("shop::middleware::{{closure}}", "/home/me/shop/src/main.rs", 30),
        ]);
        assert_eq!(place.site.in_words(), "RwLock::write in shop::handler (main.rs:24)");
        assert_eq!((place.site.awaits, place.releases), (Awaited::Lock, false));
        let callers: Vec<Option<u32>> = place.own.iter().map(|site| site.line).collect();
        assert_eq!(callers, [Some(24), Some(30)]);
    }

    #[test]
    fn a_guard_that_is_dropped_releases_its_lock() {
        let place = Place::of_stack(vec![
            tokio("tokio::sync::batch_semaphore::Semaphore::add_permits_locked"),
            tokio("core::ptr::drop_in_place<tokio::sync::mutex::MutexGuard<()>>"),
            frame("shop::handler::{{closure}}", "/home/me/shop/src/main.rs", 26),
        ]);
        assert!(place.releases);
        assert_eq!(place.site.in_words(), "MutexGuard in shop::handler (main.rs:26)");
    }

    #[test]
    fn two_places_part_in_the_last_function_that_both_pass_through() {
        let import = |line| frame("shop::import::{{closure}}", "/home/me/shop/src/main.rs", line);
        let next = Place::of_stack(vec![
            tokio("futures_util::stream::stream::next::Next::poll"),
            import(39),
        ]);
        let store = Place::of_stack(vec![
            tokio("<tokio::time::sleep::Sleep as core::future::future::Future>::poll"),
            frame("shop::store::{{closure}}", "/home/me/shop/src/main.rs", 33),
            import(40),
        ]);
        let (left, right) = next.part(&store).unwrap();
        assert_eq!((left.line, right.line), (Some(39), Some(40)));
        assert_eq!(store.site.awaits, Awaited::Timer);
    }

    #[test]
    fn a_future_stands_at_one_await_of_an_async_fn_and_at_all_branches_of_it() {
        let handle = |line| frame("shop::handle::{{closure}}", "/home/me/shop/src/main.rs", line);
        let lock = || tokio("tokio::sync::mutex::Mutex<T>::lock::{{closure}}");
        let sleep = || tokio("<tokio::time::sleep::Sleep as core::future::future::Future>::poll");
        let places = Places::of(
            [
                (1, Place::of_stack(vec![lock(), handle(48)])),
                (2, Place::of_stack(vec![sleep(), handle(48)])),
                (3, Place::of_stack(vec![lock(), handle(52)])),
            ],
            [(7, vec![2, 1]), (8, vec![1, 3])],
        );
        let record = |place, leaf| Record {
            kind: Kind::Woken,
            future: lab_recording::awaits::Future::Request(0),
            place,
            leaf,
            waker: lab_recording::awaits::Waker::Outside,
            waker_stack: 0,
            begin_ns: 0,
            awaited_ns: 0,
            runnable_ns: 0,
        };
        assert_eq!(places.at(&record(7, 0)).unwrap().0, 1, "a select: the lock and not its timer");
        assert_eq!(places.woken_at(&record(7, 1)).unwrap().1.site.awaits, Awaited::Timer);
        assert_eq!(places.at(&record(8, 0)).unwrap().0, 3);
        let (_, place, left) = places.woken_at(&record(8, 1)).unwrap();
        assert_eq!((place.site.line, left), (Some(48), true), "line 48 is behind it");
        assert_eq!(places.left(&record(8, 0)).count(), 1);
    }

    #[test]
    fn without_user_code_there_is_a_call_and_no_function() {
        let place = Place::of_stack(vec![tokio("tokio::runtime::time::wheel::Wheel::poll")]);
        assert_eq!(
            (place.site.in_words().as_str(), place.site.awaits),
            ("a timer", Awaited::Timer)
        );
        assert_eq!(Place::of_stack(Vec::new()).site.awaits, Awaited::Other);
    }
}
