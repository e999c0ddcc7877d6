//! What the kernel reports of the threads of this process, in `/proc/self/task`. Where there is none, nothing is known.

use std::fs;

fn told(tid: i32, file: &str) -> Option<String> {
    fs::read_to_string(format!("/proc/self/task/{tid}/{file}")).ok()
}

/// The numbers of all threads, in their order.
pub(crate) fn tids() -> Vec<i32> {
    let entries = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let mut tids: Vec<i32> = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
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

/// The threads that are not the lab's own, with their names. The first thread is the program's, whatever the binary is called.
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

/// The number of the system call that a thread is in, if it is in one and the kernel reports it.
pub(crate) fn syscall(tid: i32) -> Option<u64> {
    syscall_number(&told(tid, "syscall")?)
}

/// The first number of the file `syscall`: `running` and -1 are no system call.
fn syscall_number(text: &str) -> Option<u64> {
    text.split_whitespace().next()?.parse().ok()
}

/// How long a thread has been on a core since it was started, in nanoseconds, if the kernel reports it.
pub(crate) fn cpu_ns(tid: i32) -> Option<u64> {
    told(tid, "schedstat")?.split_whitespace().next()?.parse().ok()
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
