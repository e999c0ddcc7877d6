//! Data of the kernel on the threads of this process, from `/proc/self/task`. Everything is absent
//! where that folder is missing.

use lab_recording::stall::format::WAIT_SEPARATOR;
use lab_recording::syscalls;
use std::fs;

fn read(tid: i32, file: &str) -> Option<String> {
    fs::read_to_string(format!("/proc/self/task/{tid}/{file}")).ok()
}

/// The numbers of all threads, in ascending order.
pub(crate) fn tids() -> Vec<i32> {
    let entries = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let mut tids: Vec<i32> =
        entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    tids.sort_unstable();
    tids
}

/// Whether a thread exists.
pub(crate) fn exists(tid: i32) -> bool {
    fs::exists(format!("/proc/self/task/{tid}")).unwrap_or(false)
}

/// The name of a thread; the kernel keeps fifteen bytes.
pub(crate) fn name(tid: i32) -> String {
    read(tid, "comm").unwrap_or_default().trim_end().to_owned()
}

/// The threads of the program, without the lab's own, and their names. The first thread belongs to
/// the program, whatever the name of the binary is.
pub(crate) fn program_threads(tids: &[i32]) -> Vec<(i32, String)> {
    let first = std::process::id();
    let named = tids.iter().map(|tid| (*tid, name(*tid)));
    named.filter(|(tid, name)| tid.unsigned_abs() == first || !name.starts_with("lab-")).collect()
}

/// The kernel function in which a thread waits, if it waits and the kernel reports it.
pub(crate) fn channel(tid: i32) -> Option<String> {
    let channel = read(tid, "wchan")?;
    Some(channel.trim().to_owned()).filter(|channel| !channel.is_empty() && channel != "0")
}

/// The system call of a thread, if it is in one and the kernel reports it.
pub(crate) fn syscall(tid: i32) -> Option<Syscall> {
    Syscall::parse(&read(tid, "syscall")?)
}

/// A system call with its first argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Syscall {
    pub number: u64,
    first: u64,
}

impl Syscall {
    /// Parses the file `syscall`: the number, then the arguments in hexadecimal. `running` and -1
    /// mean that the thread is in no system call.
    fn parse(text: &str) -> Option<Syscall> {
        let mut words = text.split_whitespace();
        let number = words.next()?.parse().ok()?;
        let first = words
            .next()
            .and_then(|word| u64::from_str_radix(word.trim_start_matches("0x"), 16).ok());
        Some(Syscall { number, first: first.unwrap_or_default() })
    }

    /// The file of the call's descriptor: its path, or the kernel's name for it (`socket:[4711]`).
    ///
    /// Only the link is read. Access to the file itself could block for the same reason as the
    /// thread.
    pub(crate) fn file(self) -> Option<String> {
        let descriptor =
            u32::try_from(self.first).ok().filter(|_| syscalls::takes_a_descriptor(self.number))?;
        let file = fs::read_link(format!("/proc/self/fd/{descriptor}")).ok()?;
        Some(file.to_string_lossy().replace(WAIT_SEPARATOR, " "))
    }
}

/// CPU time of a thread since its start, in nanoseconds, if the kernel reports it.
pub(crate) fn cpu_ns(tid: i32) -> Option<u64> {
    read(tid, "schedstat")?.split_whitespace().next()?.parse().ok()
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
    fn only_a_call_with_a_descriptor_has_a_file() {
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
