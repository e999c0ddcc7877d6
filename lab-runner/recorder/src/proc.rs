//! What the kernel reports of the threads of this process, in `/proc/self/task`. Where there is
//! none, nothing is known.

use lab_recording::stall::format::WAIT_SEPARATOR;
use lab_recording::syscalls;
use std::fs;

fn told(tid: i32, file: &str) -> Option<String> {
    fs::read_to_string(format!("/proc/self/task/{tid}/{file}")).ok()
}

/// The numbers of all threads, in their order.
pub(crate) fn tids() -> Vec<i32> {
    let entries = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let mut tids: Vec<i32> =
        entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    tids.sort_unstable();
    tids
}

/// Whether there is such a thread.
pub(crate) fn exists(tid: i32) -> bool {
    fs::exists(format!("/proc/self/task/{tid}")).unwrap_or(false)
}

/// A thread's name, of which the kernel keeps fifteen bytes.
pub(crate) fn name(tid: i32) -> String {
    told(tid, "comm").unwrap_or_default().trim_end().to_owned()
}

/// The threads that are not the lab's own, with their names. The first thread is the program's,
/// whatever the binary is called.
pub(crate) fn strangers(tids: &[i32]) -> Vec<(i32, String)> {
    let first = std::process::id();
    let named = tids.iter().map(|tid| (*tid, name(*tid)));
    named.filter(|(tid, name)| tid.unsigned_abs() == first || !name.starts_with("lab-")).collect()
}

/// The function of the kernel that a thread waits in, if it waits and the kernel reports it.
pub(crate) fn channel(tid: i32) -> Option<String> {
    let channel = told(tid, "wchan")?;
    Some(channel.trim().to_owned()).filter(|channel| !channel.is_empty() && channel != "0")
}

/// The system call that a thread is in, if it is in one and the kernel tells.
pub(crate) fn syscall(tid: i32) -> Option<Syscall> {
    Syscall::parse(&told(tid, "syscall")?)
}

/// A system call with its first argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Syscall {
    pub number: u64,
    first: u64,
}

impl Syscall {
    /// From the file `syscall`: the number, then the arguments as hexadecimal numbers. `running`
    /// and -1 are no call.
    fn parse(text: &str) -> Option<Syscall> {
        let mut words = text.split_whitespace();
        let number = words.next()?.parse().ok()?;
        let first = words
            .next()
            .and_then(|word| u64::from_str_radix(word.trim_start_matches("0x"), 16).ok());
        Some(Syscall { number, first: first.unwrap_or_default() })
    }

    /// The file of the descriptor that it is about: its path, or what the kernel calls it
    /// (`socket:[4711]`).
    ///
    /// The link alone is read. To look at the file behind it could wait for the very thing that the
    /// thread waits for.
    pub(crate) fn file(self) -> Option<String> {
        let descriptor =
            u32::try_from(self.first).ok().filter(|_| syscalls::takes_a_descriptor(self.number))?;
        let file = fs::read_link(format!("/proc/self/fd/{descriptor}")).ok()?;
        Some(file.to_string_lossy().replace(WAIT_SEPARATOR, " "))
    }
}

/// How long a thread has been on a core since it was started, in nanoseconds, if the kernel reports
/// it.
pub(crate) fn cpu_ns(tid: i32) -> Option<u64> {
    told(tid, "schedstat")?.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_running_thread_is_in_no_system_call() {
        assert_eq!(Syscall::parse("0 0x3 0x7ffe\n"), Some(Syscall { number: 0, first: 3 }));
        assert_eq!(Syscall::parse("running\n"), None);
        assert_eq!(Syscall::parse("-1 0x7ffe 0x7f\n"), None);
        assert_eq!(Syscall::parse(""), None);
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn the_file_of_a_descriptor_is_named_and_of_other_calls_none_is() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let first = std::os::fd::AsRawFd::as_raw_fd(file.as_file()) as u64;
        let read = Syscall { number: 0, first };
        assert_eq!(read.file().as_deref(), file.path().to_str());
        assert_eq!(
            Syscall { number: 202, first }.file(),
            None,
            "the first argument of futex is an address"
        );
        assert_eq!(Syscall { number: 0, first: 0x7fff_0000 }.file(), None, "nothing is open there");
    }
}
