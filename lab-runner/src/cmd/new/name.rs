//! Which names a crate with a scenario may have.

use crate::exit::UsageError;

/// File systems refuse longer paths than a build makes of such a name.
const LONGEST: usize = 64;

/// Keywords of the edition 2024, reserved ones too, and crates of the standard library.
const KEYWORDS: &str = "\
    abstract alloc as async await become box break const continue core crate do dyn else enum \
    extern false final fn for gen if impl in let loop macro match mod move mut override priv \
    proc_macro pub ref return self static std struct super test trait true try type typeof \
    unsafe unsized use virtual where while yield";

/// Dependencies of the new crate, and folders that cargo makes in the target folder.
const TAKEN: &str = "anyhow build deps examples incremental lab-kit lab-runner tokio";

/// Refuses a name that cannot be that of a crate, of its binary and of a scenario.
pub(super) fn check(name: &str) -> anyhow::Result<()> {
    match problem(name) {
        None => Ok(()),
        Some(problem) => {
            let instead = suggestion(name);
            Err(UsageError::error(format!("{problem}: try lab new {instead}")))
        }
    }
}

fn problem(name: &str) -> Option<String> {
    let is_in = |list: &str, word: &str| list.split(' ').any(|listed| listed == word);
    let shown = name.escape_debug();
    let problem = if name.is_empty() {
        return Some("a scenario needs a name".into());
    } else if alike(name) != name {
        "is not a valid name (a lower-case letter, then such letters, digits, '-' and '_')"
    } else if name.len() > LONGEST {
        "is too long for a name"
    } else if is_in(KEYWORDS, name) {
        "is a Rust keyword or a crate of the standard library"
    } else if is_in(TAKEN, &name.replace('_', "-")) {
        "is the name of a dependency or of a build folder"
    } else {
        return None;
    };
    Some(format!("'{shown}' {problem}"))
}

/// A name without a problem that is as similar as possible.
fn suggestion(name: &str) -> String {
    let alike = alike(name);
    let longer = format!("{alike}-scenario");
    let suggested = [alike, longer].into_iter().find(|name| problem(name).is_none());
    suggested.unwrap_or_else(|| "my-scenario".into())
}

/// The name with valid characters only, which may leave nothing of it.
fn alike(name: &str) -> String {
    let valid = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    let lower = name.to_lowercase();
    let parts: Vec<&str> = lower.split(|c| !valid(c)).filter(|part| !part.is_empty()).collect();
    parts.join("-").trim_start_matches(|c: char| !c.is_ascii_lowercase()).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(name: &str) -> String {
        let error = check(name).expect_err(name);
        assert!(error.is::<UsageError>(), "{name}: another name would do");
        let text = error.to_string();
        let instead = text.split_once(": try lab new ").expect("the next step").1;
        assert!(check(instead).is_ok(), "{name}: {instead} is no better");
        text
    }

    #[test]
    fn names_of_crates_pass() {
        for name in ["a", "my-scenario", "pool_2", "x-", "buggy", "testing", "selfish", "lab"] {
            assert!(check(name).is_ok(), "{name}");
        }
        assert!(check(&"a".repeat(LONGEST)).is_ok());
    }

    #[test]
    fn other_names_are_refused_with_one_that_passes() {
        for (name, instead) in [
            ("a/b", "a-b"),
            ("-x", "x"),
            ("--path", "path"),
            ("9lives", "lives"),
            ("_x", "x"),
            ("My Scenario", "my-scenario"),
            ("größe", "gr-e"),
            ("日本", "my-scenario"),
            ("..", "my-scenario"),
            ("42", "my-scenario"),
            ("a.b\n", "a-b"),
            ("match", "match-scenario"),
            ("9 FN", "fn-scenario"),
            ("gen", "gen-scenario"),
            ("std", "std-scenario"),
            ("test", "test-scenario"),
            ("lab_kit", "lab_kit-scenario"),
            ("tokio", "tokio-scenario"),
        ] {
            let text = refusal(name);
            assert!(text.ends_with(&format!(": try lab new {instead}")), "{text}");
        }
        let too_long = refusal(&"a".repeat(LONGEST + 1));
        assert!(too_long.ends_with("too long for a name: try lab new my-scenario"), "{too_long}");
        assert!(refusal("").starts_with("a scenario needs a name"));
    }
}
