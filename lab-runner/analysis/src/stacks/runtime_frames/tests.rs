use crate::stacks::runtime_frames::*;

fn frame(function: &str, file: Option<&str>) -> Frame {
    Frame { function: function.to_owned(), file: file.map(str::to_owned), line: None }
}

fn is_in(function: &str, table: &[Functions]) -> bool {
    Named::new(&frame(function, None)).is_in(table)
}

fn in_file(function: &str, file: &str, table: &[Functions]) -> bool {
    Named::new(&frame(function, Some(file))).is_in(table)
}

#[test]
fn locks_of_the_standard_library_and_of_parking_lot_are_locks() {
    for lock in [
        "<std::sys::sync::mutex::futex::Mutex>::lock_contended",
        "std::sys::sync::rwlock::futex::RwLock::write_contended",
        "std::sync::poison::rwlock::RwLock<T>::read",
        "parking_lot::raw_mutex::RawMutex::lock_slow",
        "parking_lot::raw_rwlock::RawRwLock::lock_exclusive_slow",
        "<parking_lot::raw_rwlock::RawRwLock>::lock_shared_slow",
        "parking_lot::raw_rwlock::RawRwLock::lock_upgradable_slow",
    ] {
        assert!(is_in(lock, LOCK), "{lock}");
    }
}

#[test]
fn a_name_that_contains_a_locks_name_is_no_lock() {
    for own in [
        "my_app::lock_slow_query",
        "my_app::Store::lock_slow",
        "my_app::parking_lot::raw_mutex::RawMutex::lock_slow",
        "my_app::lock_contended::query",
        "tokio::sync::mutex::Mutex<T>::lock",
    ] {
        assert!(!is_in(own, LOCK), "{own}");
    }
}

#[test]
fn a_module_of_the_same_path_in_another_crate_is_not_tokios() {
    assert!(is_in("tokio::runtime::task::raw::poll", TASK_POLL));
    assert!(is_in("<tokio::runtime::task::harness::Harness<T, S>>::poll_inner", TASK_POLL));
    assert!(is_in("tokio::runtime::task::core::Core<T,S>::poll::{{closure}}", TASK_POLL));
    for own in [
        "my_app::runtime::task::raw::poll",
        "my_tokio::runtime::task::raw::poll",
        "tokio::runtime::task::rawest::poll",
        "tokio::runtime::task::raw::poll_all",
        "my_app::tokio::runtime::task::raw::poll",
    ] {
        assert!(!is_in(own, TASK_POLL), "{own}");
    }
}

#[test]
fn an_inlined_function_is_known_by_the_crate_of_its_file() {
    let registry = "/root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/tokio-1.54.1/src/runtime/task/core.rs";
    assert!(in_file("poll<my_app::X, S>", registry, TASK_POLL));
    assert!(in_file(
        "poll<my_app::X, S>",
        "/home/me/fork/tokio/src/runtime/task/core.rs",
        TASK_POLL
    ));
    assert!(!in_file("poll<my_app::X, S>", "/home/me/my-app/src/runtime/task/core.rs", TASK_POLL));
    assert!(!in_file(
        "poll<my_app::X, S>",
        "/home/me/tokio-like/src/runtime/task/core.rs",
        TASK_POLL
    ));
    let path_decides = in_file("my_app::poll", registry, TASK_POLL);
    assert!(!path_decides, "a function with a path is known by it");
    let std = "/rustc/5/library/std/src/sync/poison/mutex.rs";
    assert!(
        in_file("lock<u8>", std, LOCK)
            && !in_file("lock<u8>", "/home/me/src/sync/poison/mutex.rs", LOCK)
    );
}

#[test]
fn combinators_are_modules_of_futures_util_and_nobody_elses() {
    for combinator in [
        "<futures_util::stream::futures_unordered::FuturesUnordered<Fut> as Stream>::poll_next",
        "<futures_util::future::join_all::JoinAll<F> as core::future::future::Future>::poll",
        "futures_util::stream::futures_ordered::FuturesOrdered<Fut>::poll_next",
    ] {
        assert!(is_in(combinator, COMBINATOR), "{combinator}");
    }
    for other in [
        "<futures_util::stream::stream::map::Map<St, F> as Stream>::poll_next",
        "my_app::FuturesUnordered::poll_next",
        "futures_util::stream::futures_unordered::FuturesUnordered<Fut>::push",
    ] {
        assert!(!is_in(other, COMBINATOR), "{other}");
    }
    let file = "/x/registry/src/i/futures-util-0.3.34/src/stream/futures_unordered/mod.rs";
    assert!(in_file("poll_next<Upload>", file, COMBINATOR));
}

#[test]
fn the_end_of_a_runtime_is_its_drop_its_shutdown_and_what_waits_for_its_threads() {
    for end in [
        "core::ptr::drop_in_place<tokio::runtime::blocking::pool::BlockingPool>",
        "<tokio::runtime::blocking::pool::BlockingPool as core::ops::drop::Drop>::drop",
        "tokio::runtime::blocking::pool::BlockingPool::shutdown",
        "tokio::runtime::blocking::shutdown::Receiver::wait",
        "tokio::runtime::runtime::Runtime::shutdown_timeout",
    ] {
        assert!(is_in(end, RUNTIME_END), "{end}");
    }
    for other in ["my_app::BlockingPool::shutdown", "core::ptr::drop_in_place<my_app::Pool>"] {
        assert!(!is_in(other, RUNTIME_END), "{other}");
    }
}

#[test]
fn iterators_call_closures_and_boxes_poll_futures() {
    let calls = |function: &str| Named::new(&frame(function, None)).calls_closures();
    assert!(calls("core::iter::adapters::map::map_fold") && calls("serde_json::from_str"));
    assert!(calls("tokio::task::blocking::block_in_place"));
    assert!(!calls("<alloc::boxed::Box<F, A> as core::future::future::Future>::poll"));
    assert!(
        !calls("my_app::block_in_place")
            && !calls("my_app::serde::from_str")
            && !calls("serde_shop::poll")
    );
}

#[test]
fn the_crate_of_a_file_is_the_folder_above_its_sources() {
    let cases = [
        ("/r/registry/src/i/futures-util-0.3.34/src/stream/mod.rs", Some("futures_util")),
        ("/home/me/my-app/src/main.rs", Some("my_app")),
        ("src/main.rs", None),
    ];
    for (file, krate) in cases {
        assert_eq!(crate_of_file(file).as_deref(), krate, "{file}");
    }
}
