//! `lab clean`: removes old recordings, and nothing else.

use crate::cli::CleanArgs;
use crate::engine::recordings::{Recorded, finished};
use crate::exit;
use crate::exit::Exit;
use anyhow::Context;
use std::fs;
use std::time::{Duration, SystemTime};

pub(crate) fn run(args: &CleanArgs) -> anyhow::Result<Exit> {
    let found = finished(&args.out);
    let old = to_remove(&found, args.keep, args.older_than, SystemTime::now());
    if !args.dry_run {
        for recording in &old {
            let removed = fs::remove_dir_all(&recording.folder);
            removed.with_context(|| format!("cannot remove {}", recording.folder.display()))?;
        }
    }
    let done = if args.dry_run { "would be removed" } else { "removed" };
    let kept = found.len() - old.len();
    let freed = old.iter().map(|recording| recording.bytes).sum();
    exit::print(|to| {
        for recording in &old {
            writeln!(to, "{:>9}  {}", megabytes(recording.bytes), recording.folder.display())?;
        }
        let (count, freed) = (plural(old.len()), megabytes(freed));
        writeln!(to, "{count} {done}, {freed}; {} kept in {}", plural(kept), args.out.display())
    })?;
    Ok(Exit::Done)
}

/// Those that are older than wanted and not among the newest, of recordings that are sorted from
/// new to old.
fn to_remove(
    found: &[Recorded],
    keep: usize,
    older_than: Option<Duration>,
    now: SystemTime,
) -> Vec<Recorded> {
    let is_old = |recording: &&Recorded| {
        let age = now.duration_since(recording.made).unwrap_or_default();
        older_than.is_none_or(|limit| age > limit)
    };
    found.iter().skip(keep).filter(is_old).cloned().collect()
}

fn plural(recordings: usize) -> String {
    format!("{recordings} recording{}", if recordings == 1 { "" } else { "s" })
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_stay_and_of_the_others_only_old_ones_go() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        let made = |ago: u64| Recorded {
            folder: format!("{ago}").into(),
            made: now - Duration::from_secs(ago),
            bytes: 1,
        };
        let found = [made(10), made(20), made(30), made(40)];
        let removed = |keep, limit: Option<u64>| -> Vec<String> {
            let removed = to_remove(&found, keep, limit.map(Duration::from_secs), now);
            removed.into_iter().map(|r| r.folder.display().to_string()).collect()
        };
        assert_eq!(removed(2, None), ["30", "40"]);
        assert_eq!(removed(0, Some(25)), ["30", "40"]);
        assert_eq!(removed(3, Some(25)), ["40"]);
        assert_eq!(removed(9, None), [""; 0]);
        assert_eq!(removed(0, None).len(), 4);
    }
}
