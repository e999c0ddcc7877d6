//! The wait of a thread by the kernel's data: `/proc/self/task/<tid>/wchan`, `syscall`, and the
//! file of the call's descriptor.

use crate::proc;
use crate::stall::here::slot::Poll;
use lab_recording::stall::format::{Head, NO_SYSCALL, WAIT_SEPARATOR, WAIT_WORDS, kind, pair};

/// Bytes of a wait channel's name that are recorded.
const NAME: usize = 64;
/// Bytes of a file's path that are recorded: the last ones, which distinguish files.
const FILE: usize = 256;

/// The record of the wait of a poll's thread; none if it does not wait or the kernel does not
/// report it.
pub fn record(poll: Poll, now_ns: u64) -> Option<Vec<u64>> {
    let syscall = proc::syscall(poll.tid);
    let mut channel = proc::channel(poll.tid).unwrap_or_default();
    channel.truncate(channel.floor_char_boundary(NAME));
    if syscall.is_none() && channel.is_empty() {
        return None;
    }
    let mut text = channel;
    if let Some(file) = syscall.and_then(proc::Syscall::file) {
        text.push(WAIT_SEPARATOR);
        text.push_str(end_of(&file));
    }
    let words: Vec<u64> = text.as_bytes().chunks(8).map(word).collect();
    let head = Head { kind: kind::WAIT, flags: 0, words: (WAIT_WORDS + words.len()) as u16 };
    let thread = pair(poll.tid as u32, text.len() as u32);
    let number = syscall.map_or(NO_SYSCALL, |syscall| syscall.number);
    let known = [head.to_word(), now_ns, poll.number, thread, number];
    Some(known.into_iter().chain(words).collect())
}

fn end_of(file: &str) -> &str {
    &file[file.ceil_char_boundary(file.len().saturating_sub(FILE))..]
}

fn word(bytes: &[u8]) -> u64 {
    let mut word = [0; 8];
    word.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    u64::from_le_bytes(word)
}
