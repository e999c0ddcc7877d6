//! Names of the system calls in which threads of a service wait, by number. A recording must be
//! from a host of the same architecture.

/// The numbers of `asm/unistd_64.h`.
#[cfg(target_arch = "x86_64")]
const NAMES: &[(u64, &str)] = &[
    (0, "read"),
    (1, "write"),
    (2, "open"),
    (3, "close"),
    (4, "stat"),
    (5, "fstat"),
    (6, "lstat"),
    (7, "poll"),
    (8, "lseek"),
    (9, "mmap"),
    (10, "mprotect"),
    (11, "munmap"),
    (16, "ioctl"),
    (17, "pread64"),
    (18, "pwrite64"),
    (19, "readv"),
    (20, "writev"),
    (23, "select"),
    (24, "sched_yield"),
    (26, "msync"),
    (28, "madvise"),
    (34, "pause"),
    (35, "nanosleep"),
    (40, "sendfile"),
    (42, "connect"),
    (43, "accept"),
    (44, "sendto"),
    (45, "recvfrom"),
    (46, "sendmsg"),
    (47, "recvmsg"),
    (59, "execve"),
    (61, "wait4"),
    (72, "fcntl"),
    (73, "flock"),
    (74, "fsync"),
    (75, "fdatasync"),
    (77, "ftruncate"),
    (82, "rename"),
    (83, "mkdir"),
    (87, "unlink"),
    (162, "sync"),
    (202, "futex"),
    (217, "getdents64"),
    (219, "restart_syscall"),
    (230, "clock_nanosleep"),
    (232, "epoll_wait"),
    (247, "waitid"),
    (257, "openat"),
    (262, "newfstatat"),
    (263, "unlinkat"),
    (270, "pselect6"),
    (271, "ppoll"),
    (277, "sync_file_range"),
    (281, "epoll_pwait"),
    (285, "fallocate"),
    (288, "accept4"),
    (295, "preadv"),
    (296, "pwritev"),
    (299, "recvmmsg"),
    (306, "syncfs"),
    (307, "sendmmsg"),
    (316, "renameat2"),
    (318, "getrandom"),
    (326, "copy_file_range"),
    (327, "preadv2"),
    (328, "pwritev2"),
    (332, "statx"),
    (426, "io_uring_enter"),
    (437, "openat2"),
    (441, "epoll_pwait2"),
    (449, "futex_waitv"),
    (455, "futex_wait"),
];

/// The numbers of `asm-generic/unistd.h`.
#[cfg(target_arch = "aarch64")]
const NAMES: &[(u64, &str)] = &[
    (22, "epoll_pwait"),
    (25, "fcntl"),
    (29, "ioctl"),
    (32, "flock"),
    (35, "unlinkat"),
    (46, "ftruncate"),
    (47, "fallocate"),
    (56, "openat"),
    (57, "close"),
    (61, "getdents64"),
    (62, "lseek"),
    (63, "read"),
    (64, "write"),
    (65, "readv"),
    (66, "writev"),
    (67, "pread64"),
    (68, "pwrite64"),
    (69, "preadv"),
    (70, "pwritev"),
    (71, "sendfile"),
    (72, "pselect6"),
    (73, "ppoll"),
    (79, "newfstatat"),
    (80, "fstat"),
    (81, "sync"),
    (82, "fsync"),
    (83, "fdatasync"),
    (84, "sync_file_range"),
    (95, "waitid"),
    (98, "futex"),
    (101, "nanosleep"),
    (115, "clock_nanosleep"),
    (124, "sched_yield"),
    (128, "restart_syscall"),
    (202, "accept"),
    (203, "connect"),
    (206, "sendto"),
    (207, "recvfrom"),
    (211, "sendmsg"),
    (212, "recvmsg"),
    (215, "munmap"),
    (221, "execve"),
    (222, "mmap"),
    (226, "mprotect"),
    (227, "msync"),
    (233, "madvise"),
    (242, "accept4"),
    (243, "recvmmsg"),
    (260, "wait4"),
    (267, "syncfs"),
    (269, "sendmmsg"),
    (276, "renameat2"),
    (278, "getrandom"),
    (285, "copy_file_range"),
    (286, "preadv2"),
    (287, "pwritev2"),
    (291, "statx"),
    (426, "io_uring_enter"),
    (437, "openat2"),
    (441, "epoll_pwait2"),
    (449, "futex_waitv"),
    (455, "futex_wait"),
];

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const NAMES: &[(u64, &str)] = &[];

/// System calls whose first argument is a file descriptor that they may wait for.
const WITH_DESCRIPTOR: &[&str] = &[
    "accept",
    "accept4",
    "close",
    "connect",
    "fallocate",
    "fcntl",
    "fdatasync",
    "flock",
    "fstat",
    "fsync",
    "ftruncate",
    "getdents64",
    "ioctl",
    "lseek",
    "pread64",
    "preadv",
    "preadv2",
    "pwrite64",
    "pwritev",
    "pwritev2",
    "read",
    "readv",
    "recvfrom",
    "recvmmsg",
    "recvmsg",
    "sendmmsg",
    "sendmsg",
    "sendto",
    "sync_file_range",
    "syncfs",
    "write",
    "writev",
];

/// The name of a system call, if it is in the table.
pub fn name(number: u64) -> Option<&'static str> {
    NAMES.iter().find(|(known, _)| *known == number).map(|(_, name)| *name)
}

/// A system call for display: `read()`, or `system call 999` if it is not in the table.
pub fn in_words(number: u64) -> String {
    name(number).map_or_else(|| format!("system call {number}"), |name| format!("{name}()"))
}

/// Whether the first argument of a system call is a file descriptor that it may wait for.
pub fn takes_a_descriptor(number: u64) -> bool {
    name(number).is_some_and(|name| WITH_DESCRIPTOR.contains(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    fn numbers_and_names_are_unique_and_calls_with_descriptors_are_in_the_table() {
        for (at, (number, name)) in NAMES.iter().enumerate() {
            let twice =
                NAMES[..at].iter().any(|(number_2, name_2)| number_2 == number || name_2 == name);
            assert!(!twice, "{number} {name}");
        }
        for known in WITH_DESCRIPTOR {
            assert!(NAMES.iter().any(|(_, name)| name == known), "{known}");
        }
        assert!(
            NAMES.iter().any(|(_, name)| *name == "futex") && !WITH_DESCRIPTOR.contains(&"futex")
        );
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn a_call_that_is_not_in_the_table_keeps_its_number() {
        assert_eq!((in_words(0), in_words(9_999)), ("read()".into(), "system call 9999".into()));
        assert!(takes_a_descriptor(0) && !takes_a_descriptor(202) && !takes_a_descriptor(9_999));
    }
}
