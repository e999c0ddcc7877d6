//! What the host refused a run. Then its ending says nothing about its variant, and no claim is
//! judged by it.

use lab_kit::limits;
use lab_recording::Ending;
use lab_recording::folder::STDERR;
use lab_recording::outcome::Outcome;
use lab_recording::plain_file;
use lab_recording::post_mortem::Addresses;
use lab_recording::threads::{Panic, RAW_PANICS, Raw};
use signal_hook::consts::{SIGKILL, SIGSEGV};
use std::path::Path;

/// The refusal in a sentence, if there was one: in the error of the variant, in a panic, in the
/// last line of its allocator, or in the kernel's count of processes that it killed for want of
/// memory. `killed_before` is that count before the run.
pub(crate) fn refusal(
    outcome: &Outcome,
    signal: Option<i32>,
    folder: &Path,
    killed_before: Option<u64>,
) -> Option<String> {
    let of_error = outcome.text.as_deref().filter(|_| outcome.ending == Ending::Failed);
    let of_memory = || match outcome.ending == Ending::Crashed {
        true if signal == Some(SIGKILL) => {
            (limits::killed_for_memory()? > killed_before?).then(limits::out_of_memory)
        }
        // Also a stack that may not grow ends the process, by the signal of any wrong access.
        true if signal == Some(SIGSEGV) && limits::address_space().is_some() => {
            Some(limits::out_of_memory())
        }
        true => allocation_failed(folder).then(limits::out_of_memory),
        false => None,
    };
    of_error.and_then(limits::refusal).or_else(|| of_panics(folder)).or_else(of_memory)
}

fn of_panics(folder: &Path) -> Option<String> {
    let raw = Raw::<Vec<Panic<Addresses>>>::read(&folder.join(RAW_PANICS)).ok()??;
    raw.data.iter().find_map(|panic| limits::refusal(&panic.text))
}

/// Whether the process ended because it got no memory: the default handler of Rust prints that and
/// aborts, for it could not unwind.
fn allocation_failed(folder: &Path) -> bool {
    let text = plain_file::read(&folder.join(STDERR), plain_file::DOCUMENT).unwrap_or_default();
    let tail = String::from_utf8_lossy(&text[text.len().saturating_sub(4_096)..]);
    tail.lines().any(|line| line.starts_with("memory allocation of ") && line.ends_with("failed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(ending: Ending, signal: Option<i32>, text: &str, stderr: &str) -> Option<String> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(STDERR), stderr).unwrap();
        let outcome = Outcome { ending, ..Outcome::unfinished(text) };
        refusal(&outcome, signal, folder.path(), limits::killed_for_memory())
    }

    #[test]
    fn an_error_of_the_host_is_told_from_one_of_the_variant() {
        let full = "cannot make the request log: No space left on device (os error 28)";
        assert_eq!(of(Ending::Failed, None, full, "").unwrap(), "the disk is full");
        assert_eq!(of(Ending::Failed, None, "no order", full), None);
        assert_eq!(of(Ending::Hung, None, full, ""), None, "the text of a hang is the lab's own");
    }

    #[test]
    fn a_process_that_got_no_memory_is_told_from_one_that_aborts() {
        let failed = "memory allocation of 1073741824 bytes failed\n";
        assert!(of(Ending::Crashed, Some(6), "", failed).is_some());
        assert_eq!(of(Ending::Crashed, Some(6), "", "assertion failed\n"), None);
        assert_eq!(of(Ending::Crashed, Some(SIGKILL), "", failed), None, "killed by somebody");
    }
}
