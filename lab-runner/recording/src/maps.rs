//! Memory mappings of a process, from the text of `/proc/self/maps`.

use std::ops::Range;

/// An executable mapping of a file or of the kernel.
#[derive(Clone, Debug, PartialEq)]
pub struct Mapping {
    /// Addresses that it covers.
    pub addresses: Range<u64>,
    /// Offset of its start in the file, in bytes.
    pub offset: u64,
    /// The file, or a name in brackets for memory of the kernel.
    pub path: String,
}

/// The executable mappings, sorted by address. Lines that cannot be parsed are skipped.
pub fn executable(text: &str) -> Vec<Mapping> {
    let mut mappings: Vec<Mapping> = text.lines().filter_map(mapping).collect();
    mappings.sort_by_key(|mapping| mapping.addresses.start);
    mappings
}

fn mapping(line: &str) -> Option<Mapping> {
    // begin-end perms offset device inode path, where the path may hold blanks and may be missing
    let mut fields = line.splitn(6, ' ');
    let (begin, end) = fields.next()?.split_once('-')?;
    let executable = fields.next()?.contains('x');
    let offset = hex(fields.next()?)?;
    let path = fields.nth(2).unwrap_or_default().trim_start().to_owned();
    executable.then_some(Mapping { addresses: hex(begin)?..hex(end)?, offset, path })
}

/// The lines of executable mappings. They are enough to resolve addresses, and few even in a
/// process with many threads.
pub fn of_code(text: &str) -> String {
    text.lines().filter(|line| mapping(line).is_some()).map(|line| format!("{line}\n")).collect()
}

/// Writable mappings without a file, sorted by address. Stacks are among them.
pub fn anonymous(text: &str) -> Vec<Range<u64>> {
    let range = |line: &str| {
        let mut fields = line.splitn(6, ' ');
        let (begin, end) = fields.next()?.split_once('-')?;
        let writable = fields.next()?.starts_with("rw");
        let has_no_file = fields.nth(2)? == "0";
        (writable && has_no_file).then_some(hex(begin)?..hex(end)?)
    };
    let mut ranges: Vec<_> = text.lines().filter_map(range).collect();
    ranges.sort_by_key(|range| range.start);
    ranges
}

fn hex(digits: &str) -> Option<u64> {
    u64::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_found_with_its_file_and_garbage_is_not() {
        let text = "\
            7f0000-7f2000 r--p 00000000 08:01 42                         /usr/bin/a lab\n\
            7f2000-7f5000 r-xp 00002000 08:01 42                         /usr/bin/a lab\n\
            garbage\n\
            1000-2000 r-xp 00000000 00:00 0 \n";
        assert_eq!(of_code(text).lines().count(), 2);
        let found = executable(text);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].path, "");
        assert_eq!(
            found[1],
            Mapping {
                addresses: 0x7f_2000..0x7f_5000,
                offset: 0x2000,
                path: "/usr/bin/a lab".to_owned()
            }
        );
    }

    #[test]
    fn stacks_are_in_writable_mappings_without_a_file() {
        let text = "\
            7f6000-7f8000 rw-p 00000000 00:00 0 \n\
            7f0000-7f2000 rw-p 00000000 08:01 42                         /usr/bin/a lab\n\
            7f2000-7f3000 ---p 00000000 00:00 0 \n\
            garbage\n\
            1000-2000 rw-p 00000000 00:00 0                          [stack]\n";
        assert_eq!(anonymous(text), [0x1000..0x2000, 0x7f_6000..0x7f_8000]);
    }
}
