//! What a thread is, what it is inside of and what it waits for, as its stack tells: by names of
//! the runtime's and the standard library's functions, or by their files where inlining took the
//! names' paths.

use crate::stacks::is_own_frame;
use crate::stacks::runtime_frames::{
    BLOCK_IN_PLACE, BLOCK_ON, CHANNEL, CONDVAR, Functions, JOIN, LOCK, Named, PARK, POOL,
    RUNTIME_END, SLEEP, TASK_POLL, WORKER,
};
use lab_recording::frame::Frame;
use lab_recording::post_mortem::Thread;

/// The role of a thread.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Role<'a> {
    /// The owner of the thread.
    pub home: Home,
    /// Whether it is inside the poll of a task, or inside a blocking task.
    pub inside: bool,
    /// Whether it has given its worker away.
    pub in_place: bool,
    /// The wait; none if the thread computes, is in a call, or did not answer.
    pub wait: Option<Wait>,
    /// Whether it runs code, or is between two calls.
    pub computes: bool,
    /// The innermost frame of user code.
    pub own: Option<&'a Frame>,
}

/// The owner of the thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Home {
    /// A runtime's, to poll tasks.
    Worker,
    /// A runtime's, for blocking tasks.
    Pool,
    /// No runtime's.
    Outside,
}

/// A wait of a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wait {
    /// Work: it is idle.
    Idle,
    /// Time.
    Sleep,
    /// A condition variable.
    Condvar,
    /// Somebody's unpark.
    Park,
    /// The future that it was given.
    BlockOn,
    /// The end of a thread.
    Join,
    /// The other side of a channel that blocks its thread.
    Channel,
    /// A lock that blocks its thread.
    Lock,
    /// The end of a runtime.
    End,
}

/// Waits by their functions. Several stand in one stack: the end of a runtime parks its thread with
/// a condition variable.
const WAITS: [(Wait, &[Functions]); 8] = [
    (Wait::End, RUNTIME_END),
    (Wait::Lock, LOCK),
    (Wait::Channel, CHANNEL),
    (Wait::Join, JOIN),
    (Wait::BlockOn, BLOCK_ON),
    (Wait::Park, PARK),
    (Wait::Condvar, CONDVAR),
    (Wait::Sleep, SLEEP),
];

/// The role of a thread, from its stack.
pub fn role(thread: &Thread) -> Role<'_> {
    let stack: Vec<Named<'_>> = thread.stack.iter().map(Named::new).collect();
    let home = StackPosition::from_stack(&stack);
    let idle = (home.home != Home::Outside && !home.inside).then_some(Wait::Idle);
    let wait = idle.or_else(|| wait(&thread.stack, &stack));
    Role {
        home: home.home,
        inside: home.inside || thread.poll.is_some(),
        in_place: home.in_place,
        wait,
        computes: !thread.stack.is_empty() && wait.is_none() && computes(thread),
        own: own(&thread.stack),
    }
}

/// The innermost frame of user code.
pub fn own(stack: &[Frame]) -> Option<&Frame> {
    stack.iter().find(|frame| is_own_frame(frame))
}

/// Whether it was active between two samples. One that is on no core in a crowd was in no system
/// call either.
fn computes(thread: &Thread) -> bool {
    let share = thread.on_cpu.unwrap_or_default();
    share > 0.5 || !thread.same_later || (share > 0.1 && thread.syscall.is_none())
}

/// The position of a stack, followed from its root inwards.
#[derive(Clone, Copy)]
struct StackPosition {
    home: Home,
    inside: bool,
    in_place: bool,
}

impl StackPosition {
    fn from_stack(stack: &[Named<'_>]) -> StackPosition {
        let mut place = StackPosition { home: Home::Outside, inside: false, in_place: false };
        for frame in stack.iter().rev() {
            place.enter(frame);
        }
        place
    }

    fn enter(&mut self, frame: &Named<'_>) {
        if frame.is_in(BLOCK_IN_PLACE) {
            self.in_place = true;
        } else if frame.is_in(WORKER) {
            // A worker is a blocking task of its own pool: what it is inside of begins with its
            // tasks.
            *self = StackPosition { home: Home::Worker, inside: false, in_place: false };
        } else if frame.is_in(POOL) && self.home == Home::Outside {
            self.home = Home::Pool;
        } else if frame.is_in(TASK_POLL) {
            self.inside = true;
        }
    }
}

/// What a stack waits for; none if it runs or is in a call.
pub fn waits_for(stack: &[Frame]) -> Option<Wait> {
    let named: Vec<Named<'_>> = stack.iter().map(Named::new).collect();
    wait(stack, &named)
}

/// What a stack waits for: of all that foreign functions wait for above the innermost own one, what
/// explains the others.
fn wait(frames: &[Frame], stack: &[Named<'_>]) -> Option<Wait> {
    let above = frames
        .iter()
        .zip(stack)
        .take_while(|(frame, named)| !is_own_frame(frame) && !named.is_in(TASK_POLL));
    let waits = above.filter_map(|(_, named)| {
        WAITS.iter().find(|(_, table)| named.is_in(table)).map(|(wait, _)| *wait)
    });
    waits.max()
}

#[cfg(test)]
mod tests;
