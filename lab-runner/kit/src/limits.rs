//! Limits that the host sets to this process: those of its control groups, and `ulimit`.
//!
//! The memory of a host says little inside a container: the kernel kills what exceeds the limit of
//! its group, however much is free outside.

use rustix::io::Errno;
use rustix::process::{Resource, getrlimit};

/// A folder of a control group.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Whether it follows version 2 of control groups.
    pub unified: bool,
    /// The folder below `/sys/fs/cgroup`.
    pub folder: String,
}

/// The groups of a process with one controller, and all groups above them, whose limits count too.
/// `listing` is the text of `/proc/self/cgroup`: version 2 has one line and no controllers in it,
/// version 1 a line for each mount.
///
/// *Example.* `4:memory:/a/b` has the folders `/sys/fs/cgroup/memory/a/b`, `…/memory/a` and
/// `…/memory`. A container sees only some of them.
pub fn groups(listing: &str, controller: &str) -> Vec<Group> {
    let mut found = Vec::new();
    for line in listing.lines() {
        let fields = line.split_once(':').and_then(|(_, rest)| rest.split_once(':'));
        let Some((controllers, path)) = fields else { continue };
        let unified = controllers.is_empty();
        // Distributions mount `cpu,cpuacct` under that name, under `cpu`, or both.
        let mounts = match unified {
            true => vec![String::new()],
            false if controllers.split(',').any(|one| one == controller) => {
                vec![format!("/{controller}"), format!("/{controllers}")]
            }
            false => continue,
        };
        for path in with_parents(path) {
            let folder = |mount: &String| format!("/sys/fs/cgroup{mount}{path}");
            found.extend(mounts.iter().map(|mount| Group { unified, folder: folder(mount) }));
        }
    }
    found
}

/// A path and all above it, down to the empty root.
fn with_parents(path: &str) -> impl Iterator<Item = String> {
    let path = path.trim_end_matches('/').to_owned();
    std::iter::successors(Some(path), |path| {
        path.rsplit_once('/').map(|(parent, _)| parent.to_owned())
    })
}

fn read(path: &str) -> Option<String> {
    std::fs::read_to_string(path).ok()
}

fn listing() -> String {
    read("/proc/self/cgroup").unwrap_or_default()
}

/// The numbers in the files of a controller's groups, the file's name in version 2 first.
fn numbers(
    listing: &str,
    controller: &str,
    [unified, first]: [&str; 2],
    read: impl Fn(&str) -> Option<String>,
) -> Vec<u64> {
    // `max`, and in version 1 a number near 2⁶³, stand for no limit.
    const UNLIMITED: u64 = 1 << 60;
    let of_group = |group: Group| {
        let name = if group.unified { unified } else { first };
        read(&format!("{}/{name}", group.folder))?.trim().parse::<u64>().ok()
    };
    let all = groups(listing, controller).into_iter().filter_map(of_group);
    all.filter(|number| *number < UNLIMITED).collect()
}

/// The memory of the host, or the limit of a control group where that is smaller, in bytes. None
/// where the host reports neither.
pub fn memory() -> Option<u64> {
    let of_group = group_memory();
    of_group.into_iter().chain(host_memory()).min()
}

/// The smallest limit of the memory of a control group in bytes, if there is one.
pub fn group_memory() -> Option<u64> {
    let names = ["memory.max", "memory.limit_in_bytes"];
    numbers(&listing(), "memory", names, read).into_iter().min()
}

/// Memory of the host in bytes.
fn host_memory() -> Option<u64> {
    let info = read("/proc/meminfo")?;
    let line = info.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()?.checked_mul(1_024)
}

/// The limit of this process's address space in bytes (`ulimit -v`), if there is one.
pub fn address_space() -> Option<u64> {
    getrlimit(Resource::As).current
}

/// The number of files that this process may have open (`ulimit -n`), if it is limited.
pub fn open_files() -> Option<u64> {
    getrlimit(Resource::Nofile).current
}

/// The number of processes and threads that the user or the group may have, if it is limited.
pub fn processes() -> Option<u64> {
    let of_group = numbers(&listing(), "pids", ["pids.max", "pids.max"], read);
    of_group.into_iter().chain(getrlimit(Resource::Nproc).current).min()
}

/// How many processes of this process's control group the kernel has killed for want of memory so
/// far. None where it does not report them.
pub fn killed_for_memory() -> Option<u64> {
    let counts = groups(&listing(), "memory").into_iter().filter_map(|group| {
        let name = if group.unified { "memory.events" } else { "memory.oom_control" };
        killed_in(&read(&format!("{}/{name}", group.folder))?)
    });
    counts.max()
}

/// `oom_kill 3` in a list of names and numbers.
fn killed_in(events: &str) -> Option<u64> {
    events.lines().find_map(|line| line.strip_prefix("oom_kill "))?.trim().parse().ok()
}

/// What the host refused, in a sentence with the limit, if the text of an error or a panic names a
/// refusal of the kernel. A bare number of an error says nothing to most readers, and a limit of the
/// host is no fault of a program.
///
/// *Example.* `OS can't spawn worker thread: Resource temporarily unavailable (os error 11)` becomes
/// `cannot start a thread: the limit of processes is 8`.
pub fn refusal(text: &str) -> Option<String> {
    let limit = |what: &str, limit: Option<u64>| match limit {
        Some(limit) => format!(": the limit of {what} is {limit}"),
        None => String::new(),
    };
    // Also the answer of a socket without data, which is no refusal: then nothing was spawned.
    let of_thread =
        text.contains("spawn") || text.contains("thread") || text.contains("child process");
    Some(match Errno::from_raw_os_error(error_number(text)?) {
        // The stack of a thread that has no room in the address space is refused in the same way.
        Errno::AGAIN if of_thread && address_space().is_some() => {
            format!("cannot start a thread{}", of_memory())
        }
        Errno::AGAIN if of_thread => {
            format!("cannot start a thread{}", limit("processes", processes()))
        }
        Errno::MFILE => format!("cannot open a file{}", limit("open files", open_files())),
        Errno::NFILE => "cannot open a file: the host has as many open as it may".into(),
        Errno::NOMEM => out_of_memory(),
        Errno::NOSPC => "the disk is full".into(),
        Errno::DQUOT => "the disk quota is used up".into(),
        _ => return None,
    })
}

/// The text of an error whose last part is a sentence with the limit instead of the number of an
/// error: `cannot open a.json: cannot open a file: the limit of open files is 16`. Any other text
/// stays as it is.
pub fn explained(text: &str) -> String {
    let Some(sentence) = refusal(text) else { return text.to_owned() };
    let Some((before, _)) = text.split_once(" (os error ") else {
        return format!("{text}: {sentence}");
    };
    match before.rsplit_once(": ") {
        // What was tried is often said before, in the same words.
        Some((before, _)) if sentence.starts_with(before) => sentence,
        Some((before, _)) => format!("{before}: {sentence}"),
        None => sentence,
    }
}

/// `cannot allocate memory: the limit of the address space is 512 MiB`
pub fn out_of_memory() -> String {
    format!("cannot allocate memory{}", of_memory())
}

/// `: the limit of the address space is 512 MiB`
fn of_memory() -> String {
    let limits = [("the address space", address_space()), ("the control group", group_memory())];
    let of = limits.into_iter().filter_map(|(of, limit)| Some((limit?, of))).min();
    let of = of.or_else(|| Some((host_memory()?, "this host")));
    of.map_or_else(String::new, |(bytes, of)| format!(": the limit of {of} is {} MiB", bytes >> 20))
}

/// The number in `… (os error 24)` or in `Os { code: 24, … }`.
fn error_number(text: &str) -> Option<i32> {
    let after = ["(os error ", "Os { code: "].iter().find_map(|begin| text.split_once(begin))?.1;
    let digits = after.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn smallest(listing: &str, files: &[(&str, &str)]) -> Option<u64> {
        let read = |path: &str| {
            files.iter().find(|(name, _)| *name == path).map(|(_, text)| (*text).to_owned())
        };
        let names = ["memory.max", "memory.limit_in_bytes"];
        numbers(listing, "memory", names, read).into_iter().min()
    }

    #[test]
    fn the_smallest_limit_of_a_group_and_its_parents_counts() {
        let inner = ("/sys/fs/cgroup/a/b/memory.max", "max\n");
        let outer = ("/sys/fs/cgroup/a/memory.max", "50331648\n");
        assert_eq!(smallest("0::/a/b\n", &[inner, outer]), Some(48 << 20));
        assert_eq!(smallest("0::/a/b\n", &[inner]), None);
        let root = ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
        assert_eq!(smallest("5:cpu:/\n4:memory:/x\n", &[root]), None, "no limit");
        let group = ("/sys/fs/cgroup/memory/x/memory.limit_in_bytes", "1048576\n");
        assert_eq!(smallest("5:cpu:/\n4:memory:/x\n", &[root, group]), Some(1 << 20));
        assert_eq!(smallest("5:cpu:/x\n", &[group]), None, "another controller");
    }

    #[test]
    fn kills_are_counted_in_both_versions() {
        assert_eq!(killed_in("low 0\nmax 12\noom 2\noom_kill 1\n"), Some(1));
        assert_eq!(killed_in("oom_kill_disable 0\nunder_oom 0\noom_kill 3\n"), Some(3));
        assert_eq!(killed_in("oom_kill_disable 0\n"), None);
    }

    #[test]
    fn a_refusal_of_the_kernel_is_a_sentence_and_other_errors_are_none() {
        let begins = |text: &str, with: &str| {
            let sentence = refusal(text).unwrap();
            assert!(sentence.starts_with(with), "{sentence}");
        };
        begins("OS can't spawn worker thread: … (os error 11)", "cannot start a thread");
        begins(
            "failed to spawn thread: Os { code: 11, kind: WouldBlock }",
            "cannot start a thread",
        );
        begins("cannot open a: Too many open files (os error 24)", "cannot open a file: the limit");
        begins("cannot make the log: No space left on device (os error 28)", "the disk is full");
        begins("Cannot allocate memory (os error 12)", "cannot allocate memory");
        assert_eq!(refusal("Resource temporarily unavailable (os error 11)"), None, "a socket");
        assert_eq!(refusal("No such file or directory (os error 2)"), None);
        assert_eq!(refusal("no order"), None);
        let full = "cannot record: a.bin: No space left on device (os error 28)";
        assert_eq!(explained(full), "cannot record: a.bin: the disk is full");
        assert_eq!(explained("no order"), "no order");
    }

    #[test]
    fn this_process_has_memory_and_may_open_files() {
        assert!(memory().is_some_and(|bytes| bytes > 1 << 20));
        assert!(open_files().is_none_or(|count| count > 3));
    }
}
