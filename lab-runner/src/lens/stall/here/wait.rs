//! What the kernel says a thread waits for: `/proc/self/task/<tid>/wchan` and `syscall`.

use super::slot::Poll;
use crate::lens::stall::format::{Head, NO_SYSCALL, WAIT_WORDS, kind, pair};
use std::fs;

/// Bytes of a channel's name that are kept.
const NAME: usize = 64;

/// A record of what a poll's thread waits for; nothing if it does not wait or the kernel does not say.
pub fn record(poll: Poll, now_ns: u64) -> Option<Vec<u64>> {
    let task = format!("/proc/self/task/{}", poll.tid);
    let told = |file: &str| fs::read_to_string(format!("{task}/{file}")).unwrap_or_default();
    let syscall = syscall_number(&told("syscall"));
    let mut channel = told("wchan");
    channel.truncate(channel.floor_char_boundary(NAME));
    let channel = if channel == "0" { "" } else { channel.trim() };
    if syscall.is_none() && channel.is_empty() {
        return None;
    }
    let name: Vec<u64> = channel.as_bytes().chunks(8).map(word).collect();
    let head = Head { kind: kind::WAIT, flags: 0, words: (WAIT_WORDS + name.len()) as u16 };
    let thread = pair(poll.tid as u32, channel.len() as u32);
    let known = [head.to_word(), now_ns, poll.number, thread, syscall.unwrap_or(NO_SYSCALL)];
    Some(known.into_iter().chain(name).collect())
}

/// The first number of the file `syscall`: `running` and -1 are no system call.
fn syscall_number(text: &str) -> Option<u64> {
    text.split_whitespace().next()?.parse().ok()
}

fn word(bytes: &[u8]) -> u64 {
    let mut word = [0; 8];
    word.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    u64::from_le_bytes(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_running_thread_is_in_no_system_call() {
        assert_eq!(syscall_number("0 0x3 0x7ffe\n"), Some(0));
        assert_eq!(syscall_number("running\n"), None);
        assert_eq!(syscall_number("-1 0x7ffe 0x7f\n"), None);
        assert_eq!(syscall_number(""), None);
    }
}
