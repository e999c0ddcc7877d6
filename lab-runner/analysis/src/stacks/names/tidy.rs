//! One way of writing impls and generics, of the three that the manglings and debug information
//! have.
//!
//! `<T as Trait>::method` stays, `module::<impl Trait for T>::method` becomes it, `<T>::method`
//! becomes `T::method`, and `f::<T>` becomes `f<T>`.

use crate::stacks::names::is_word;
use crate::stacks::symbol_path::{closing, split_outside};

/// Characters of generic arguments; longer ones are `<..>`.
const GENERICS: usize = 32;
/// Brackets in brackets; nobody reads deeper, and a hostile name must not overflow the stack.
const DEEPEST: usize = 32;

pub fn tidy(name: &str) -> String {
    at_depth(name, 0)
}

fn at_depth(name: &str, depth: usize) -> String {
    if depth == DEEPEST {
        return "..".into();
    }
    let mut tidied = String::new();
    let mut rest = name;
    while let Some(at) = rest.find('<') {
        let Some(end) = closing(&rest[at..]) else { break };
        tidied.push_str(&rest[..at]);
        append(&mut tidied, &rest[at + 1..at + end], depth + 1);
        rest = &rest[at + end + 1..];
    }
    tidied + rest
}

/// Appends what stands in brackets, as what it is by its place: the beginning of a path, an impl,
/// or generics.
fn append(tidied: &mut String, inner: &str, depth: usize) {
    let goes_on = tidied.ends_with(|c: char| is_word(c) || matches!(c, ':' | '}' | '>' | '…'));
    match inner.strip_prefix("impl ") {
        Some(of) => {
            tidied.truncate(path_start(tidied));
            tidied.push_str(&implementation(of, depth));
        }
        None if goes_on => {
            tidied.truncate(tidied.trim_end_matches("::").len());
            tidied.push_str(&generics(inner, depth));
        }
        None => tidied.push_str(&qualified(inner, depth)),
    }
}

/// Where the path begins that the text ends with.
fn path_start(text: &str) -> usize {
    text.rfind([' ', '&', '(', '[', ',', '*']).map_or(0, |before| before + 1)
}

/// Of `Trait for Type` or `Type`.
fn implementation(of: &str, depth: usize) -> String {
    match split_outside(of, " for ") {
        Some((of_trait, of_type)) => as_trait(of_type, of_trait, depth),
        None => inherent(of, depth),
    }
}

/// Of `Type as Trait` or `Type`.
fn qualified(inner: &str, depth: usize) -> String {
    match split_outside(inner, " as ") {
        Some((of_type, of_trait)) => as_trait(of_type, of_trait, depth),
        None => inherent(inner, depth),
    }
}

fn as_trait(of_type: &str, of_trait: &str, depth: usize) -> String {
    format!("<{} as {}>", at_depth(of_type, depth), at_depth(of_trait, depth))
}

fn inherent(of_type: &str, depth: usize) -> String {
    let tidied = at_depth(of_type, depth);
    let path = tidied.starts_with(|c: char| is_word(c) || c == '{');
    let words = ["dyn ", "fn(", "extern ", "unsafe "].iter().any(|word| tidied.starts_with(word));
    if path && !words { tidied } else { format!("<{tidied}>") }
}

fn generics(inner: &str, depth: usize) -> String {
    let tidied = at_depth(inner, depth).replace(", ", ",").replace(',', ", ").replace(", )", ",)");
    if tidied.chars().count() > GENERICS { "<..>".into() } else { format!("<{tidied}>") }
}
