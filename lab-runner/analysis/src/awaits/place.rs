//! The place of a wait in the code, from its stack.

use crate::awaits::Site;
use crate::stacks::runtime_frames::{Awaited, Named, RELEASE, TASK_END};
use crate::stacks::symbol_path::{is_closure, segments};
use crate::stacks::symbols::Symbols;
use crate::stacks::{is_own_frame, without_closures};
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
        let (awaits, call) = called(&stack[..innermost.unwrap_or(stack.len())]);
        let mut own: Vec<Site> = Vec::new();
        for frame in stack.iter().filter(|frame| is_own_frame(frame)) {
            let function = without_closures(&frame.function);
            if own.last().is_some_and(|inner| inner.function.as_ref() == Some(&function)) {
                continue;
            }
            let (file, line) = (frame.file.clone(), frame.line);
            own.push(Site { awaits, call: call.clone(), function: Some(function), file, line });
        }
        let nowhere = Site { awaits, call, function: None, file: None, line: None };
        let site = own.first().cloned().unwrap_or(nowhere);
        Place { site, own, releases, ends_task, stack }
    }

    /// The stacks of two places share this function of the user, the innermost one: with the line
    /// at which each of them leaves it.
    pub fn meet<'a>(&'a self, other: &'a Place) -> Option<(&'a Site, &'a Site)> {
        self.own.iter().find_map(|site| {
            let same = |of: &&Site| of.function == site.function;
            Some((site, other.own.iter().find(same)?))
        })
    }
}

/// What user code calls, from the frames inside it, innermost first: the kind of the outermost one
/// that the table knows, and the name of the outermost one that has one.
///
/// *Example:* inside `settings.write().await` are, innermost first, `Acquire::poll` of a semaphore
/// and `RwLock::write`: the call is `RwLock::write`, a lock.
fn called(inside: &[Frame]) -> (Awaited, String) {
    let kind = inside.iter().rev().find_map(|frame| Named::new(frame).awaited());
    let name = inside.iter().rev().find_map(|frame| short_name(&frame.function));
    (kind.unwrap_or(Awaited::Other), name.unwrap_or_else(|| "an await".to_owned()))
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

/// The places of a recording, by the number of their stack.
#[derive(Debug, Default)]
pub struct Places {
    all: HashMap<u16, Place>,
}

impl Places {
    /// Names the stacks.
    pub fn new(stacks: Vec<(u16, Vec<u64>)>, symbols: &mut Symbols) -> Places {
        // All addresses are return addresses, and the first one of `Symbols::stack` is not.
        let named = stacks.into_iter().map(|(number, addresses)| {
            let first = addresses.first().map(|back| back.saturating_sub(1));
            let stack: Vec<u64> =
                first.into_iter().chain(addresses.iter().skip(1).copied()).collect();
            (number, Place::of_stack(without_own(symbols.stack(&stack))))
        });
        Places { all: named.collect() }
    }

    /// Places that are made up.
    #[cfg(test)]
    pub fn of(all: impl IntoIterator<Item = (u16, Place)>) -> Places {
        Places { all: all.into_iter().collect() }
    }

    /// The place with a number; none if its stack was not kept.
    pub fn get(&self, number: u16) -> Option<&Place> {
        self.all.get(&number)
    }
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
    fn two_places_meet_in_the_function_that_both_pass_through() {
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
        let (left, right) = next.meet(&store).unwrap();
        assert_eq!((left.line, right.line), (Some(39), Some(40)));
        assert_eq!(store.site.awaits, Awaited::Timer);
    }

    #[test]
    fn without_user_code_there_is_a_call_and_no_function() {
        let place = Place::of_stack(vec![tokio("tokio::runtime::time::wheel::Wheel::poll")]);
        assert_eq!((place.site.in_words().as_str(), place.site.awaits), ("Wheel", Awaited::Timer));
        assert_eq!(Place::of_stack(Vec::new()).site.awaits, Awaited::Other);
    }
}
