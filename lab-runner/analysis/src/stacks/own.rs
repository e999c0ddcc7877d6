//! Whose code a frame is, by the crate that its name begins with.

/// Crates that are nobody's own code.
const FOREIGN: [&str; 6] = ["__rustc", "alloc", "core", "futures_util", "std", "tokio"];
/// What the names of further crates begin with that stand between a task and its own code, and are told by name.
const FAMILIES: [&str; 5] = ["futures", "lab_kit", "lab_runner", "serde", "tracing"];

/// Whether a function is the scenario's own: of its crate where that is known.
pub fn is_own(frame: &str, in_crate: Option<&str>) -> bool {
    let Some(of) = crate_of(frame) else { return false };
    in_crate.map_or(!FOREIGN.contains(&of), |own| of == own)
}

/// Whether a function is surely nobody's own: of the standard library, the runtime, the lab, or of what tasks are built with.
pub fn is_foreign(frame: &str) -> bool {
    let of_family = |of: &str| FAMILIES.iter().any(|family| of.starts_with(family));
    crate_of(frame).is_none_or(|of| FOREIGN.contains(&of) || of_family(of))
}

fn crate_of(frame: &str) -> Option<&str> {
    let path = frame.trim_start_matches(['<', '&']).trim_start_matches("mut ");
    // An inlined function may have lost its path, and have one in what it is generic over: `for_each<fn(&my_app::Task)>`.
    let is_name = |of: &&str| !of.is_empty() && of.chars().all(|c| c.is_alphanumeric() || c == '_');
    path.split_once("::").map(|(of, _)| of).filter(is_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_code_is_that_of_the_scenario_or_else_of_nobody_else() {
        assert!(is_own("<scenario_greedy::…::Import as core::future::Future>::poll", Some("scenario_greedy")));
        assert!(!is_own("scenario_greedy_too::work", Some("scenario_greedy")));
        assert!(is_own("my_app::work", None) && !is_own("core::ptr::read", None) && !is_own("epoll_wait", None));
        assert!(!is_own("[thread start]", None));
    }

    #[test]
    fn what_tasks_are_built_with_is_foreign() {
        assert!(
            ["serde_json::de::from_str", "<&mut core::x::Y as Z>::f", "memcpy", "lab_kit::cx::run"]
                .into_iter()
                .all(is_foreign)
        );
        assert!(!is_foreign("<scenario_greedy::buggy::Import>::poll"));
        let without_path = "for_each<fn(&my_app::Task), my_app::run::{closure_env#0}>";
        assert!(is_foreign(without_path) && !is_own(without_path, None), "whose it is nobody knows");
    }
}
