//! The owner of the code of a frame: by the crate of its function, and of its source file.

use crate::stacks::runtime_frames::{crate_of_file, is_foreign_crate};
use crate::stacks::symbol_path::crate_of;
use lab_recording::frame::Frame;
use std::path::Path;

/// Crates that are not user code in a profile whose own crate is unknown.
const LIBRARIES: [&str; 6] = ["__rustc", "alloc", "core", "futures_util", "std", "tokio"];
/// The lab's packages, by their folders beside this one: their sources are foreign where a function
/// lost its path.
const LAB_SOURCES: [&str; 5] = ["analysis/src", "kit/src", "recorder/src", "recording/src", "src"];

/// Whether a function is the scenario's own: of its crate where that is known.
pub fn is_own(frame: &str, in_crate: Option<&str>) -> bool {
    let Some(of) = crate_of(frame) else { return false };
    in_crate.map_or(!LIBRARIES.contains(&of), |own| of == own)
}

/// Whether a function is certainly not user code: of the standard library, the runtime, the
/// lab, or of
/// what tasks are built with.
pub fn is_foreign(frame: &str) -> bool {
    crate_of(frame).is_none_or(is_foreign_crate)
}

/// Whether code is user code: by where its source lies, which also tells of functions that were
/// inlined and lost their path, and by the crate where that is not known.
pub fn is_own_frame(frame: &Frame) -> bool {
    let made_by_the_compiler = frame.function.starts_with("__rust");
    let may_be_own = !is_foreign(&frame.function) || lost_its_path(&frame.function);
    match &frame.file {
        Some(file) => {
            is_rust(file) && !is_foreign_source(file) && !made_by_the_compiler && may_be_own
        }
        None => !is_foreign(&frame.function),
    }
}

/// Whether a source file is Rust. The C code of a library is compiled wherever its crate is built,
/// and so does not lie in the registry.
fn is_rust(file: &str) -> bool {
    Path::new(file).extension().is_some_and(|extension| extension == "rs")
}

/// Whether a name begins with no path: slim debug information keeps none of an inlined function.
fn lost_its_path(function: &str) -> bool {
    function.split('<').next().is_some_and(|name| !name.is_empty() && !name.contains("::"))
}

/// Whether a source file belongs to a crate of the registry, of somebody else's repository, of the
/// standard library or of the lab. Folders that are merely called so are not taken for them.
fn is_foreign_source(file: &str) -> bool {
    is_of_a_registry(file)
        || file.contains("/git/checkouts/")
        || is_of_the_standard_library(file)
        || is_of_the_lab(file)
        || crate_of_file(file).is_some_and(|krate| is_foreign_crate(&krate))
}

/// `…/registry/src/INDEX/NAME-VERSION/…`, as cargo unpacks what it downloads.
fn is_of_a_registry(file: &str) -> bool {
    let Some((_, below)) = file.split_once("/registry/src/") else { return false };
    let package = below.split('/').nth(1).unwrap_or_default();
    package
        .match_indices('-')
        .any(|(at, _)| package[at + 1..].starts_with(|c: char| c.is_ascii_digit()))
}

/// `/rustc/COMMIT/library/…` or, where the sources are installed, `…/rust/library/…`; and the
/// crates that it is built with.
fn is_of_the_standard_library(file: &str) -> bool {
    let of_a_commit = file.strip_prefix("/rustc/").and_then(|rest| rest.split_once('/'));
    of_a_commit.is_some()
        || file.contains("/rustlib/src/rust/library/")
        || file.starts_with("/rust/deps/")
}

fn is_of_the_lab(file: &str) -> bool {
    let Some(packages) = Path::new(env!("CARGO_MANIFEST_DIR")).parent() else { return false };
    LAB_SOURCES.iter().any(|sources| Path::new(file).starts_with(packages.join(sources)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(function: &str, file: &str) -> Frame {
        Frame { function: function.into(), file: Some(file.into()), line: None }
    }

    #[test]
    fn own_code_is_that_of_the_scenario_or_else_of_nobody_else() {
        assert!(is_own(
            "<scenario_greedy::…::Import as core::future::Future>::poll",
            Some("scenario_greedy")
        ));
        assert!(!is_own("scenario_greedy_too::work", Some("scenario_greedy")));
        assert!(
            is_own("my_app::work", None)
                && !is_own("core::ptr::read", None)
                && !is_own("epoll_wait", None)
        );
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
        assert!(is_foreign(without_path) && !is_own(without_path, None), "unknown owner");
    }

    #[test]
    fn a_crate_whose_name_begins_like_a_librarys_is_somebodys_own() {
        for own in [
            "serde_shop::f",
            "futures_market::f",
            "tracing_parcels::f",
            "lab_runners::f",
            "tokio_shop::f",
        ] {
            assert!(!is_foreign(own), "{own}");
        }
        for foreign in
            ["parking_lot_core::f", "lock_api::f", "lab_recorder::f", "crossbeam_channel::f"]
        {
            assert!(is_foreign(foreign), "{foreign}");
        }
    }

    #[test]
    fn what_lost_its_path_is_known_by_the_crate_of_its_source() {
        assert!(is_own_frame(&named(
            "{async_fn#0}<fn(usize) -> std::x::Y>",
            "/home/me/shop/src/main.rs"
        )));
        assert!(is_own_frame(&named("hash<core::Ordering>", "/home/me/shop/src/main.rs")));
        assert!(!is_own_frame(&named("__rust_alloc", "/home/me/shop/src/main.rs")));
        for foreign in [
            "/rustc/5/library/core/src/slice/sort.rs",
            "/x/registry/src/i/futures-util-0.3/src/stream.rs",
            "/x/git/checkouts/tokio-1/2/tokio/src/lib.rs",
            "/home/me/shop/vendor/serde_json/src/de.rs",
            "/rust/deps/hashbrown-0.15/src/lib.rs",
            "/home/me/shop/target/release/build/tikv-jemalloc-sys-1/out/build/src/mutex.c",
            concat!(env!("CARGO_MANIFEST_DIR"), "/src/lib.rs"),
        ] {
            assert!(!is_own_frame(&named("f<shop::Order>", foreign)), "{foreign}");
        }
        let kit =
            Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("kit").join("src/requests.rs");
        assert!(!is_own_frame(&named("serve<shop::Order>", kit.to_str().unwrap())));
    }

    #[test]
    fn a_folder_that_is_called_like_one_of_somebody_else_is_own() {
        for own in [
            "/home/me/lab/src/main.rs",
            "/home/me/lab-runner/lab/src/main.rs",
            "/home/me/registry/src/main.rs",
            "/home/me/registry/src/api/orders.rs",
            "/home/me/rustc/shop/src/main.rs",
            "/home/me/library/std/main.rs",
        ] {
            assert!(is_own_frame(&named("f<shop::Order>", own)), "{own}");
        }
    }
}
