//! Hand-offs of work to the blocking pool, with names.

use crate::resolve::threads::symbols;
use crate::stacks::runtime_frames::{FILE_SYSTEM, Named};
use crate::stacks::{culprit, is_own_frame, without_closures};
use anyhow::Context;
use lab_recording::frame::Frame;
use lab_recording::threads::{HAND_OFFS, HandOff, RAW_HAND_OFFS, Raw};
use std::collections::BTreeMap;
use std::path::Path;

/// Whether a library hands the work over, below the user's code: it is a job of its own then.
fn through_runtime(stack: &[Frame]) -> bool {
    let inside = stack.iter().take_while(|frame| !is_own_frame(frame));
    inside.into_iter().any(|frame| Named::new(frame).is_in(FILE_SYSTEM))
}

/// Names the recorded stacks.
///
/// # Errors
/// If it left something that cannot be understood, or if there is no room for the names.
pub fn resolve(folder: &Path) -> anyhow::Result<()> {
    let path = folder.join(RAW_HAND_OFFS);
    let raw = Raw::<Vec<(String, Vec<u64>)>>::read(&path)
        .context("the record of hand-offs is damaged")?;
    let Some(Raw { program, data, .. }) = raw else { return Ok(()) };
    let mut symbols = symbols(&program);
    let mut seen: BTreeMap<(String, String), HandOff> = BTreeMap::new();
    for (place, addresses) in data {
        let stack = symbols.stack(&addresses);
        let hands_off = stack.iter().any(|frame| frame.function.contains("spawn_blocking"));
        let Some(frame) = culprit(&stack).filter(|_| hands_off) else { continue };
        let function = without_closures(&frame.function);
        let known = seen.entry((place.clone(), function.clone())).or_insert_with(|| HandOff {
            place,
            function,
            file: frame.file.clone(),
            line: frame.line,
            of_runtime: false,
            seen: 0,
        });
        known.seen += 1;
        known.of_runtime |= through_runtime(&stack);
    }
    let mut all: Vec<HandOff> = seen.into_values().collect();
    all.sort_by_key(|hand_off| std::cmp::Reverse(hand_off.seen));
    std::fs::write(folder.join(HAND_OFFS), serde_json::to_vec_pretty(&all)?)?;
    Ok(std::fs::remove_file(path)?)
}
