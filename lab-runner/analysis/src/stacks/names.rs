//! Names of functions that match across variants, builds and profilers.
//!
//! A profiler may hand over mangled symbols, its own demangler's output or names from debug
//! information. They differ in hashes, in how closures are numbered and in how generics are
//! written; what is compared must not.

mod plumbing;
mod raw;
mod tidy;

use crate::stacks::Folded;
use std::cell::RefCell;
use std::collections::HashMap;

/// The treatment of frames between the executor and a future.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Plumbing {
    /// They stay.
    #[default]
    Shown,
    /// Runs of the runtime's frames become `[tokio]`, what starts a thread becomes `[thread
    /// start]`.
    Tokio,
}

/// How frames are named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// Paths of modules that are to have the same name, and that name.
    unified: Vec<(String, String)>,
    plumbing: Plumbing,
}

impl Names {
    /// Names without hashes, numbers and the noise of generics.
    pub fn new() -> Names {
        Names::default()
    }

    /// Gives the same items of these modules of a crate one name: variants have functions of the
    /// same names on purpose, and `my_crate::buggy::import` and `my_crate::fixed::import` both
    /// become `my_crate::…::import`.
    ///
    /// The crate is given as code writes it, with underscores.
    pub fn unify_variants(mut self, in_crate: &str, modules: &[&str]) -> Names {
        let one = format!("{in_crate}::…");
        self.unified
            .extend(modules.iter().map(|module| (format!("{in_crate}::{module}"), one.clone())));
        self
    }

    /// Folds the frames of plumbing.
    pub fn fold(mut self, plumbing: Plumbing) -> Names {
        self.plumbing = plumbing;
        self
    }

    /// The comparable name of one frame. A name that is already clean stays as it is.
    pub fn clean(&self, frame: &str) -> String {
        if let Some(unknown) = raw::unknown(frame.trim()) {
            return unknown;
        }
        let named = raw::without_numbers(&raw::demangled(frame.trim()));
        let one_name =
            |name: String, (module, one): &(String, String)| with_path(&name, module, one);
        tidy::tidy(&self.unified.iter().fold(named, one_name))
    }

    /// The comparable names of a stack, root first. What only calls a closure is left out, for
    /// whether it is there depends on what was inlined; what a closure was inlined into goes by the
    /// closure's name.
    pub fn stack(&self, frames: &[&str]) -> Vec<String> {
        self.named(frames.iter().map(|frame| self.clean(frame)).collect())
    }

    /// The names of a stack whose frames are clean already.
    fn named(&self, cleaned: Vec<String>) -> Vec<String> {
        let calls = |at: usize| cleaned.get(at + 1).map(String::as_str);
        let named: Vec<String> = cleaned
            .iter()
            .enumerate()
            .filter_map(|(at, name)| without_shim(name, calls(at)))
            .map(str::to_owned)
            .collect();
        let named = if named.is_empty() { cleaned } else { named };
        match self.plumbing {
            Plumbing::Shown => named,
            Plumbing::Tokio => plumbing::folded(named),
        }
    }

    /// The profile under comparable names.
    pub fn apply(&self, folded: &Folded) -> Folded {
        // A profile has thousands of stacks and hundreds of functions.
        let known: RefCell<HashMap<String, String>> = RefCell::default();
        let clean = |frame: &&str| {
            let mut known = known.borrow_mut();
            if let Some(name) = known.get(*frame) {
                return name.clone();
            }
            known.entry((*frame).to_owned()).or_insert(self.clean(frame)).clone()
        };
        folded.renamed(|frames| self.named(frames.iter().map(clean).collect()))
    }
}

/// The text with one path for another, where it begins and ends as a path of its own.
fn with_path(text: &str, path: &str, other: &str) -> String {
    let mut replaced = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(path) {
        let (before, after) = (&rest[..at], &rest[at + path.len()..]);
        let begins = !before.ends_with(|c: char| is_word(c) || c == ':');
        let ends = after.is_empty() || after.starts_with("::");
        replaced.push_str(before);
        replaced.push_str(if begins && ends { other } else { path });
        rest = after;
    }
    replaced + rest
}

/// Whether a name can go on with this.
fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// What a frame that calls another goes by; none if all it does is to call a closure.
fn without_shim<'a>(name: &'a str, callee: Option<&str>) -> Option<&'a str> {
    if !is_shim(name) {
        return Some(name);
    }
    let (of_type, _) = name.strip_prefix('<')?.split_once(" as core::ops::function::Fn")?;
    (of_type.ends_with("{closure}") && callee != Some(of_type)).then_some(of_type)
}

/// Whether this is `FnOnce::call_once` of whatever, or the entry of a vtable.
fn is_shim(name: &str) -> bool {
    let called = name.trim_end_matches("{shim:vtable}").trim_end_matches("::");
    let method = called.rsplit("::").next();
    called.contains("core::ops::function::Fn")
        && matches!(method, Some("call_once" | "call_mut" | "call"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_function_has_one_name_whoever_names_it() {
        let cases = [
            (
                "scenario_greedy::buggy::import::{closure}",
                "_ZN15scenario_greedy5buggy6import28_$u7b$$u7b$closure$u7d$$u7d$17h0123456789abcdefE",
            ),
            (
                "scenario_greedy::buggy::import::{closure}",
                "_RNCNvNtCs1234_15scenario_greedy5buggy6import0B5_",
            ),
            (
                "scenario_greedy::buggy::import::{closure}",
                "scenario_greedy::buggy::import::{{closure}}::h0123456789abcdef",
            ),
            (
                "scenario_greedy::buggy::import::{closure}",
                "scenario_greedy[6c1d8a1bf3a3e8a4]::buggy::import::{closure#3}",
            ),
            (
                "scenario_greedy::buggy::import::{closure}",
                "scenario_greedy::buggy::import::{async_fn_env#0}",
            ),
            (
                "scenario_greedy::buggy::import::{closure}",
                "scenario_greedy::buggy::import::{{closure}}::h0123456789abcdef.llvm.1234567",
            ),
            (
                "tokio::runtime::park::CachedParkThread::park",
                "tokio::runtime::park::CachedParkThread::park+0x1f",
            ),
            ("alloc::vec::Vec<T, A>::push", "<alloc::vec::Vec<T,A>>::push"),
            ("alloc::vec::Vec<T, A>::push", "alloc::vec::Vec<T,A>::push"),
            (
                "<i32 as core::fmt::Display>::fmt",
                "core::fmt::num::imp::<impl core::fmt::Display for i32>::fmt",
            ),
            ("<i32 as core::fmt::Display>::fmt", "<i32 as core::fmt::Display>::fmt"),
            ("str::trim", "core::str::<impl str>::trim"),
            ("<[T]>::iter", "core::slice::<impl [T]>::iter"),
            ("core::ptr::drop_in_place<shop::Order>", "core::ptr::drop_in_place::<shop::Order>"),
            ("<[u8; 8] as core::fmt::Debug>::fmt", "<[u8; 8usize] as core::fmt::Debug>::fmt"),
            ("f8usize::g<[usize; 2], usize>", "f8usize::g::<[usize; 2usize], usize>"),
            ("memcpy", "memcpy@plt"),
            ("__memmove_avx_unaligned_erms", "__memmove_avx_unaligned_erms@@GLIBC_2.2.5"),
        ];
        for (name, raw) in cases {
            assert_eq!(Names::new().clean(raw), name, "{raw}");
            assert_eq!(Names::new().clean(name), name, "clean names stay");
        }
    }

    #[test]
    fn long_generics_are_shortened_from_the_inside() {
        let raw = "<tokio::runtime::blocking::task::BlockingTask<<alloc::sync::Arc<store::Store> \
                   as tokio::fs::File>::poll::{closure#0}> as core::future::future::Future>::poll";
        assert_eq!(
            Names::new().clean(raw),
            "<tokio::runtime::blocking::task::BlockingTask<..> as \
             core::future::future::Future>::poll"
        );
        let raw = "tokio::runtime::task::raw::poll::<tokio::runtime::blocking::task::BlockingTask<a::b>, tokio::runtime::blocking::schedule::BlockingSchedule>";
        assert_eq!(Names::new().clean(raw), "tokio::runtime::task::raw::poll<..>");
        let shape = "serde_json::read::parse<fn(&str) -> bool, [u8; 8]>::{closure}";
        assert_eq!(Names::new().clean(shape), shape);
    }

    #[test]
    fn what_has_no_symbol_says_where_it_is() {
        let cases = [
            ("[libc.so.6]", "[unknown in libc.so.6]"),
            ("/usr/lib/x86_64-linux-gnu/libc.so.6+0x9f2a1", "[unknown in libc.so.6]"),
            ("0x7f12ab34 (/usr/lib/libc.so.6)", "[unknown in libc.so.6]"),
            ("[unknown] (/opt/my lab)", "[unknown in my lab]"),
            ("[kernel.kallsyms]", "[unknown in kernel.kallsyms]"),
            ("[[vdso]]", "[unknown in vdso]"),
            ("0x00007f12ab34", "[unknown]"),
            ("", "[unknown]"),
            ("??", "[unknown]"),
            ("[unknown in libc.so.6]", "[unknown in libc.so.6]"),
            ("[tokio]", "[tokio]"),
        ];
        for (raw, name) in cases {
            assert_eq!(Names::new().clean(raw), name, "{raw}");
        }
    }

    #[test]
    fn variants_have_one_name_and_their_namesakes_keep_theirs() {
        let names = Names::new().unify_variants("scenario_greedy", &["buggy", "fixed"]);
        let cases = [
            (
                "scenario_greedy::buggy::import::{{closure}}::h0123456789abcdef",
                "scenario_greedy::…::import::{closure}",
            ),
            (
                "scenario_greedy::fixed::import::{closure#0}",
                "scenario_greedy::…::import::{closure}",
            ),
            (
                "core::ptr::drop_in_place::<scenario_greedy::fixed::Order>",
                "core::ptr::drop_in_place<scenario_greedy::…::Order>",
            ),
            (
                "<scenario_greedy[1f2e3d4c]::buggy::Order as core::ops::drop::Drop>::drop",
                "<scenario_greedy::…::Order as core::ops::drop::Drop>::drop",
            ),
            ("scenario_greedy::buggy_too::f", "scenario_greedy::buggy_too::f"),
            ("my_scenario_greedy::buggy::f", "my_scenario_greedy::buggy::f"),
            ("scenario_greedy::drive::buggy::f", "scenario_greedy::drive::buggy::f"),
        ];
        for (raw, name) in cases {
            assert_eq!(names.clean(raw), name, "{raw}");
        }
    }

    #[test]
    fn shims_of_closures_are_left_out_unless_there_is_nothing_else() {
        let shims = [
            "core::ops::function::FnOnce::call_once{{vtable.shim}}::h0123456789abcdef",
            "<F as core::ops::function::FnOnce<()>>::call_once::{shim:vtable#0}",
            "core::ops::function::impls::<impl core::ops::function::FnMut<A> for &mut F>::call_mut",
            "<alloc::boxed::Box<F,A> as core::ops::function::Fn<Args>>::call",
        ];
        for shim in shims {
            assert_eq!(Names::new().stack(&["main", shim, "phone::call"]), ["main", "phone::call"]);
            assert_eq!(Names::new().stack(&[shim]).len(), 1, "a weight is never lost");
        }
        let (shim, closure) = (
            "<app::f::{closure#0} as core::ops::function::FnOnce<()>>::call_once",
            "app::f::{closure#0}",
        );
        for stack in [
            &[shim][..],
            &[closure],
            &[shim, closure],
            &[shim, "core::ops::function::FnOnce::call_once"],
        ] {
            assert_eq!(Names::new().stack(stack), ["app::f::{closure}"], "inlined or not");
        }
    }

    #[test]
    fn hostile_names_neither_panic_nor_overflow() {
        let deep = format!("{}a{}", "f<".repeat(20_000), ">".repeat(20_000));
        let braces = format!("{}{}", "{".repeat(20_000), "}".repeat(20_000));
        for raw in [
            &deep,
            &braces,
            "a<b",
            "a>b",
            "<>",
            "< as >",
            "a::<impl >",
            "{#0}",
            "}{",
            "é<ü>{ö#1}[ä]",
            "x[",
            "x]",
            "_ZN",
            "_R",
            "+0x",
            "@",
        ] {
            assert!(
                Names::new().clean(raw).len() <= raw.len() + 20,
                "{}",
                &raw[..raw.len().min(20)]
            );
        }
    }
}
