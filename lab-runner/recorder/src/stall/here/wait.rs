//! What a thread waits for, from the kernel: `/proc/self/task/<tid>/wchan` and `syscall`.

use crate::proc;
use crate::stall::here::slot::Poll;
use lab_recording::stall::format::{Head, NO_SYSCALL, WAIT_WORDS, kind, pair};

/// Bytes of a channel's name that are kept.
const NAME: usize = 64;

/// A record of what a poll's thread waits for; nothing if it does not wait or the kernel does not report it.
pub fn record(poll: Poll, now_ns: u64) -> Option<Vec<u64>> {
    let syscall = proc::syscall(poll.tid);
    let mut channel = proc::channel(poll.tid).unwrap_or_default();
    channel.truncate(channel.floor_char_boundary(NAME));
    if syscall.is_none() && channel.is_empty() {
        return None;
    }
    let name: Vec<u64> = channel.as_bytes().chunks(8).map(word).collect();
    let head = Head { kind: kind::WAIT, flags: 0, words: (WAIT_WORDS + name.len()) as u16 };
    let thread = pair(poll.tid as u32, channel.len() as u32);
    let known = [head.to_word(), now_ns, poll.number, thread, syscall.unwrap_or(NO_SYSCALL)];
    Some(known.into_iter().chain(name).collect())
}

fn word(bytes: &[u8]) -> u64 {
    let mut word = [0; 8];
    word.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    u64::from_le_bytes(word)
}
