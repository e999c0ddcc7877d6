//! The largest futures of a program, from its debug information: what may not fit on a stack.
//!
//! To the compiler an `async fn` is a struct that holds what lives across its awaits. Full debug
//! information has its size; line tables have not.

use crate::stacks::symbols::dwarf;
use gimli::{AttributeValue, DebuggingInformationEntry, Reader};
use lab_recording::mapped::Mapped;
use lab_recording::plain_file;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// Futures that are listed.
const MOST: usize = 3;

/// A future, by its code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LargeFuture {
    /// The `async fn`, or the function that an `async` block is in.
    pub function: String,
    /// Bytes of one such future.
    pub bytes: u64,
}

/// The largest futures of an executable that have at least so many bytes, the largest first.
pub fn largest(executable: &Path, least: u64) -> Vec<LargeFuture> {
    let found = Mapped::open(executable, plain_file::LOG).ok().and_then(|bytes| {
        let file = object::File::parse(&bytes[..]).ok()?;
        in_debug_information(&dwarf(&file, &bytes)?, least).ok()
    });
    let mut all: Vec<LargeFuture> = found
        .unwrap_or_default()
        .into_iter()
        .map(|(function, bytes)| LargeFuture { function, bytes })
        .collect();
    all.sort_by_key(|future| std::cmp::Reverse(future.bytes));
    all.truncate(MOST);
    all
}

/// The largest size of the futures of each function.
fn in_debug_information<R: Reader>(
    dwarf: &gimli::Dwarf<R>,
    least: u64,
) -> gimli::Result<BTreeMap<String, u64>> {
    let mut found = BTreeMap::<String, u64>::new();
    let mut units = dwarf.units();
    while let Some(header) = units.next()? {
        let unit = dwarf.unit(header)?;
        let mut entries = unit.entries();
        // The namespaces around an entry, each with its depth in the tree.
        let mut path: Vec<(isize, String)> = Vec::new();
        while let Some(entry) = entries.next_dfs()? {
            path.retain(|(depth, _)| *depth < entry.depth());
            match entry.tag() {
                gimli::DW_TAG_namespace => {
                    path.push((entry.depth(), name(dwarf, &unit, entry).unwrap_or_default()));
                }
                gimli::DW_TAG_structure_type => {
                    let size = entry.attr_value(gimli::DW_AT_byte_size);
                    let bytes = size.and_then(|size| size.udata_value()).unwrap_or(0);
                    let is_future = || {
                        let name = name(dwarf, &unit, entry);
                        name.is_some_and(|name| name.starts_with("{async_"))
                    };
                    if bytes >= least && is_future() {
                        let size = found.entry(function(&path)).or_default();
                        *size = bytes.max(*size);
                    }
                }
                _ => {}
            }
        }
    }
    Ok(found)
}

/// The function that a path of namespaces leads to, without closures.
fn function(path: &[(isize, String)]) -> String {
    let names: Vec<&str> =
        path.iter().map(|(_, name)| name.as_str()).filter(|name| !name.starts_with('{')).collect();
    names.join("::")
}

fn name<R: Reader>(
    dwarf: &gimli::Dwarf<R>,
    unit: &gimli::Unit<R>,
    entry: &DebuggingInformationEntry<R>,
) -> Option<String> {
    let value: AttributeValue<R> = entry.attr_value(gimli::DW_AT_name)?;
    let text = dwarf.attr_string(unit, value).ok()?;
    Some(text.to_string_lossy().ok()?.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    const PROGRAM: &str = "
        mod pictures {
            pub async fn wide() -> u8 {
                let picture = [1_u8; 200_000];
                std::future::ready(()).await;
                std::hint::black_box(&picture)[7]
            }
        }
        fn main() {
            std::hint::black_box(std::mem::size_of_val(&pictures::wide()));
        }";

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a binary to be read has to be built")]
    fn full_debug_information_has_the_sizes_of_futures() {
        let folder = tempfile::tempdir().unwrap();
        let (source, binary) = (folder.path().join("main.rs"), folder.path().join("main"));
        std::fs::write(&source, PROGRAM).unwrap();
        let mut rustc = Command::new("rustc");
        rustc.args(["-g", "--edition", "2024", "-o"]).arg(&binary).arg(&source);
        assert!(rustc.status().unwrap().success());
        let [wide] = &largest(&binary, 100_000)[..] else { panic!("one future is large") };
        assert!(wide.function.ends_with("pictures::wide"), "{wide:?}");
        assert!((200_000..210_000).contains(&wide.bytes), "{wide:?}");
        assert_eq!(largest(Path::new("/nowhere"), 0), []);
    }
}
