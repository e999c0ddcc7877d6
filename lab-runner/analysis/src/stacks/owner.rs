//! The owner of the code of a frame, and the function that a stack is charged to when two
//! profiles are compared.

use crate::stacks::own::is_foreign;
use crate::stacks::{Folded, without_closures};
use std::collections::HashMap;

/// The owner of the code of a frame, which gives the colour in flame graphs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// The program under test.
    Own,
    /// A library that it uses.
    Dependency,
    /// The runtime.
    Tokio,
    /// The standard library, the C library, the kernel.
    Std,
}

/// Crates that are the runtime's.
const TOKIO: [&str; 5] = ["tokio", "tokio_util", "tokio_stream", "tokio_macros", "mio"];
/// Crates of the toolchain.
const STD: [&str; 5] = ["std", "core", "alloc", "__rustc", "compiler_builtins"];

/// The owner of the code of a frame; `own_crate` is the crate under test, if known.
pub fn owner(frame: &str, own_crate: Option<&str>) -> Owner {
    match crate_of(frame) {
        None if frame == "[tokio]" => Owner::Tokio,
        None => Owner::Std,
        Some(of) if STD.contains(&of) => Owner::Std,
        Some(of) if TOKIO.contains(&of) => Owner::Tokio,
        Some(of) if own_crate.map_or(!is_foreign(frame), |own| of == own) => Owner::Own,
        Some(_) => Owner::Dependency,
    }
}

/// The crate that a name begins with.
fn crate_of(frame: &str) -> Option<&str> {
    let mut path = frame.trim_start_matches(['<', '&', '*', '(']);
    for word in ["mut ", "const ", "dyn ", "impl "] {
        path = path.strip_prefix(word).unwrap_or(path);
    }
    let is_name = |of: &&str| !of.is_empty() && of.chars().all(|c| c.is_alphanumeric() || c == '_');
    path.split_once("::").map(|(of, _)| of).filter(is_name)
}

/// The profile with each stack reduced to what it is charged to: its own functions, without
/// closures and generic arguments, and the one crate that the innermost of them calls.
///
/// The compiler inlines each instance of a generic function differently, so that frames *inside* a
/// library come and go although the program does the same. Own functions and crates do not come and
/// go with them.
pub fn charged(folded: &Folded, own_crate: Option<&str>) -> Folded {
    // A profile has thousands of stacks and hundreds of functions.
    let mut known: HashMap<&str, Charge> = HashMap::new();
    for (frames, _) in folded.stacks() {
        for frame in frames {
            known.entry(frame).or_insert_with(|| Charge::new(frame, own_crate));
        }
    }
    folded.renamed(|frames| charges(frames, &known))
}

/// The name that a frame is charged to.
enum Charge {
    /// An own function.
    Own(String),
    /// A library, or the runtime, by its crate.
    Crate(String),
    /// Nothing: the standard library is inlined anywhere.
    None,
}

impl Charge {
    fn new(frame: &str, own_crate: Option<&str>) -> Charge {
        match owner(frame, own_crate) {
            Owner::Own => Charge::Own(own_function(frame)),
            Owner::Dependency => {
                Charge::Crate(format!("crate {}", crate_of(frame).unwrap_or(frame)))
            }
            Owner::Tokio => Charge::Crate("crate tokio".into()),
            Owner::Std => Charge::None,
        }
    }
}

fn charges(frames: &[&str], known: &HashMap<&str, Charge>) -> Vec<String> {
    let mut charges: Vec<String> = Vec::new();
    let mut called: Option<&String> = None;
    for charge in frames.iter().filter_map(|frame| known.get(frame)) {
        match charge {
            Charge::Own(function) => {
                if charges.last() != Some(function) {
                    charges.push(function.clone());
                }
                called = None;
            }
            Charge::Crate(of) => called = called.or(Some(of)),
            Charge::None => {}
        }
    }
    charges.extend(called.cloned());
    match charges.is_empty() {
        true => nobodys(frames),
        false => charges,
    }
}

/// What a stack without own code and without a library is charged to: names without a path, as the
/// steps of a request have them; else its innermost frame.
fn nobodys(frames: &[&str]) -> Vec<String> {
    let plain = frames.iter().filter(|frame| !frame.starts_with('[') && !frame.contains("::"));
    let plain: Vec<String> = plain.map(|frame| (*frame).to_owned()).collect();
    match plain.is_empty() {
        true => frames.last().map(|frame| (*frame).to_owned()).into_iter().collect(),
        false => plain,
    }
}

/// An own function under the name that all of its instances and closures share.
pub fn own_function(frame: &str) -> String {
    without_closures(&without_generics(&without_closures(frame)))
}

/// `shop::parse` of `shop::parse<shop::Order>`; what stands in brackets at the beginning is part of
/// the path.
fn without_generics(name: &str) -> String {
    let mut plain = String::new();
    let mut depth = 0_usize;
    let mut before = ' ';
    for c in name.chars() {
        match c {
            '<' if depth > 0 || before.is_alphanumeric() || before == '_' => depth += 1,
            '>' if depth > 0 && before != '-' => depth -= 1,
            _ if depth == 0 => plain.push(c),
            _ => {}
        }
        before = c;
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_belongs_to_the_program_a_dependency_tokio_or_std() {
        let of = |frame| owner(frame, Some("shop"));
        assert_eq!(of("<shop::…::Import as core::future::Future>::poll"), Owner::Own);
        assert_eq!(
            of("<&mut serde_json::de::Deserializer<R> as serde::Deserializer>::x"),
            Owner::Dependency
        );
        assert_eq!(
            (of("[tokio]"), of("tokio::sync::mutex::Mutex::lock")),
            (Owner::Tokio, Owner::Tokio)
        );
        assert_eq!(
            (of("core::ptr::read"), of("epoll_wait"), of("[no stack]")),
            (Owner::Std, Owner::Std, Owner::Std)
        );
        assert_eq!(
            (owner("app::work", None), owner("serde::x", None)),
            (Owner::Own, Owner::Dependency)
        );
    }

    #[test]
    fn all_instances_and_closures_of_a_function_share_a_name() {
        let names = [
            "shop::parse<shop::Order>::{closure}",
            "shop::parse<fn(u8) -> u8>",
            "shop::parse",
            "shop::parse::{closure}::{closure}",
        ];
        assert!(
            names.iter().all(|name| own_function(name) == "shop::parse"),
            "{:?}",
            names.map(own_function)
        );
        assert_eq!(
            own_function("<shop::Order as serde::Deserialize>::x<A>"),
            "<shop::Order as serde::Deserialize>::x"
        );
    }

    #[test]
    fn a_stack_is_charged_to_own_functions_and_the_crate_that_they_call() {
        let of = |stack: &str| {
            let mut one = Folded::default();
            one.add(stack.split(';'), 1.0);
            let charged = charged(&one, Some("shop"));
            charged.stacks().map(|(frames, _)| frames.join(";")).collect::<String>()
        };
        assert_eq!(
            of("[tokio];shop::a::{closure};shop::b<T>;core::x;serde_json::y;alloc::z;memcpy"),
            "shop::a;shop::b;crate serde_json"
        );
        assert_eq!(of("[thread start];[tokio];epoll_wait"), "crate tokio");
        assert_eq!(
            (of("request;fetch"), of("[no stack]")),
            ("request;fetch".into(), "[no stack]".into())
        );
    }
}
