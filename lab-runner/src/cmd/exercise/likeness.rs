//! Which trap a try resembles. Measured behaviour comes first: only a trap that misses the same goal
//! counts. Among those the text decides, by what was added to the starter.

use similar::{ChangeTag, TextDiff};
use std::collections::BTreeSet;

/// How much of what two files add must be the same, from 0 to 1.
const ALIKE: f64 = 0.34;

/// The index of the trap that `yours` resembles. `traps` are the sources of the traps that miss the
/// same goal.
///
/// Two files are alike by the words of the lines that they add to the starter: the number that both
/// have, divided by the number that either has (Jaccard). A try that adds `tokio::spawn(store(o))`
/// and a trap that adds `tokio::spawn(import(o))` share `tokio`, `spawn` and `o` of five words.
pub(crate) fn resembles(starter: &str, yours: &str, traps: &[String]) -> Option<usize> {
    let added = added_words(starter, yours);
    if added.is_empty() {
        return None;
    }
    let likeness = |trap: &String| {
        let of_trap = added_words(starter, trap);
        let both = added.intersection(&of_trap).count() as f64;
        let either = added.union(&of_trap).count() as f64;
        both / either
    };
    let all = traps.iter().map(likeness).enumerate();
    let (best, likeness) = all.max_by(|a, b| a.1.total_cmp(&b.1))?;
    (likeness >= ALIKE).then_some(best)
}

/// The words of the lines that a file has and the starter has not, in that place: a line that was
/// moved counts. Comments do not.
fn added_words(starter: &str, file: &str) -> BTreeSet<String> {
    let code = |text: &str| -> String {
        let code = text.lines().map(|line| line.split("//").next().unwrap_or_default().trim());
        code.filter(|line| !line.is_empty()).map(|line| format!("{line}\n")).collect()
    };
    let (before, after) = (code(starter), code(file));
    let diff = TextDiff::from_lines(&before, &after);
    let added = diff.iter_all_changes().filter(|change| change.tag() == ChangeTag::Insert);
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    added
        .flat_map(|change| change.value().split(move |c| !is_word(c)))
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const STARTER: &str = "for order in orders {\n    store(order).await;\n}\n";

    #[test]
    fn a_line_that_was_moved_to_the_same_place_is_alike() {
        let starter = "give_way().await;\nfor order in orders {\n    store(order).await;\n}\n";
        let moved = "for order in orders {\n    store(order).await;\n}\ngive_way().await;\n";
        assert_eq!(resembles(starter, &format!("{moved}// at last\n"), &[moved.into()]), Some(0));
        assert_eq!(resembles(starter, starter, &[moved.into()]), None, "nothing was tried");
    }

    #[test]
    fn a_try_resembles_the_trap_that_adds_the_same_words() {
        let spawn = "tokio::spawn(store_all(orders)).await?;\n".to_owned();
        let report = "for order in orders {\n    report(n).await;\n    store(order).await;\n}\n";
        let traps = [spawn, report.to_owned()];
        let yours = "// in a task\ntokio::spawn(all(orders)).await??;\n";
        assert_eq!(resembles(STARTER, yours, &traps), Some(0));
        let other = "for order in orders {\n    publish(n).await;\n    store(order).await;\n}\n";
        assert_eq!(resembles(STARTER, other, &traps), Some(1));
    }

    #[test]
    fn an_unchanged_file_and_one_of_its_own_kind_resemble_none() {
        let traps = ["tokio::spawn(store_all(orders)).await?;\n".to_owned()];
        assert_eq!(resembles(STARTER, STARTER, &traps), None);
        let commented = format!("// tokio spawn store_all orders await\n{STARTER}");
        assert_eq!(resembles(STARTER, &commented, &traps), None, "a comment changes nothing");
        let own = "let limit = Semaphore::new(4);\nlet permit = limit.acquire();\n";
        assert_eq!(resembles(STARTER, own, &traps), None);
    }
}
