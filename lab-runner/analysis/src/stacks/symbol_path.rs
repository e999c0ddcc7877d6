//! The one parser of `<…>` in the names of functions: parts of a path, and what stands outside of
//! all angle brackets.

/// The bytes of a name with how many angle brackets are open before each.
///
/// An opening bracket has the depth outside of it, and so has the one that closes it. The arrow of
/// a function's type (`fn() -> u8`) closes nothing. A name that was cut off may close more than it
/// opened: that leaves the depth at zero.
pub fn with_depth(name: &str) -> impl Iterator<Item = (usize, u8, usize)> {
    let mut depth = 0_usize;
    let mut before = b' ';
    name.bytes().enumerate().map(move |(at, byte)| {
        let here = match byte {
            b'<' => {
                depth += 1;
                depth - 1
            }
            b'>' if before != b'-' => {
                depth = depth.saturating_sub(1);
                depth
            }
            _ => depth,
        };
        before = byte;
        (at, byte, here)
    })
}

/// Where the bracket is closed that a text begins with.
pub fn closing(text: &str) -> Option<usize> {
    let mut bytes = with_depth(text);
    let (_, first, _) = bytes.next()?;
    let closes = |(at, byte, depth): (usize, u8, usize)| {
        // An arrow inside the bracket has a depth of at least one.
        (byte == b'>' && depth == 0).then_some(at)
    };
    if first == b'<' { bytes.find_map(closes) } else { None }
}

/// What stands before and behind the first occurrence of a word that is in no brackets.
pub fn split_outside<'a>(text: &'a str, word: &str) -> Option<(&'a str, &'a str)> {
    let (at, ..) = with_depth(text).find(|(at, byte, depth)| {
        *depth == 0 && *byte != b'<' && text.as_bytes()[*at..].starts_with(word.as_bytes())
    })?;
    Some((&text[..at], &text[at + word.len()..]))
}

/// The parts of a path between the `::` that are in no brackets, each with what it is generic over.
fn parts(name: &str) -> impl DoubleEndedIterator<Item = &str> {
    let colons = with_depth(name)
        .filter(|(at, _, depth)| *depth == 0 && name.as_bytes()[*at..].starts_with(b"::"));
    let ends: Vec<usize> = colons.map(|(at, ..)| at).collect();
    let begins =
        std::iter::once(0).chain(ends.clone().into_iter().map(|at| at + 2)).collect::<Vec<_>>();
    let ends = ends.into_iter().chain([name.len()]).collect::<Vec<_>>();
    begins.into_iter().zip(ends).map(move |(begin, end)| name.get(begin..end).unwrap_or_default())
}

/// A part of a path without what it is generic over.
fn bare(part: &str) -> &str {
    part.split('<').next().unwrap_or_default()
}

/// Whether a part of a path is a closure, an `async` body or a shim, and no name that somebody
/// wrote.
pub fn is_closure(part: &str) -> bool {
    part.starts_with('{')
}

/// The path of a function, crate first, without generics: of `<a::B<C> as d::E>::f` it is `a`, `B`,
/// `f`; of a function that drops a value (`core::ptr::drop_in_place<a::B>`) it is `a`, `B`,
/// `drop_in_place`.
pub fn segments(name: &str) -> Vec<&str> {
    let mut path: Vec<&str> = Vec::new();
    for part in parts(name) {
        match part.strip_prefix('<') {
            // `<T as Trait>` and `<T>` at the front stand for their type; behind a module they are
            // an impl or generics.
            Some(_) if path.is_empty() => {
                let inner = closing(part).map_or(&part[1..], |end| &part[1..end]);
                let of_type = split_outside(inner, " as ").map_or(inner, |(of_type, _)| of_type);
                path.extend(segments(without_reference(of_type)));
            }
            Some(_) => {}
            None => path.push(bare(part)),
        }
    }
    path.retain(|part| !part.is_empty());
    match (path.as_slice(), name.split_once("drop_in_place<")) {
        (["core", "ptr", "drop_in_place"], Some((_, dropped))) => {
            let dropped = dropped.strip_suffix('>').unwrap_or(dropped);
            segments(without_reference(dropped)).into_iter().chain(["drop_in_place"]).collect()
        }
        _ => path,
    }
}

fn without_reference(name: &str) -> &str {
    let name = name.trim_start_matches(['&', '*']);
    ["mut ", "const ", "dyn "]
        .iter()
        .fold(name, |name, word| name.strip_prefix(word).unwrap_or(name))
}

/// The crate that a path begins with, as code writes it: none of a name without a path, which an
/// inlined function may have (`for_each<fn(&my_app::Task)>`), and none of what is no path at all.
pub fn crate_of(name: &str) -> Option<&str> {
    let path = name.trim_start_matches(['<', '&']).trim_start_matches("mut ");
    let (of, _) = path.split_once("::")?;
    let is_name = !of.is_empty() && of.chars().all(|c| c.is_alphanumeric() || c == '_');
    is_name.then_some(of)
}

/// The last name of a path, without what it is generic over and without the closures in it; empty
/// if it has none.
pub fn last_name(name: &str) -> &str {
    parts(name)
        .rev()
        .map(bare)
        .find(|part| !part.is_empty() && !is_closure(part))
        .unwrap_or_default()
}

/// The last part of a path, be it a closure, without what it is generic over.
pub fn last_part(name: &str) -> &str {
    parts(name).next_back().map(bare).unwrap_or_default()
}

/// The function whose body it is: an `async fn` is a closure to the compiler, and in it closures
/// are too.
pub fn without_closures(function: &str) -> String {
    let mut name = function;
    while is_closure(last_part(name))
        && let Some(last) = parts(name).next_back()
        && let Some(rest) = name[..name.len() - last.len()].strip_suffix("::")
    {
        name = rest;
    }
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_a_function_has_its_crate_first_and_no_generics() {
        let cases: [(&str, &[&str]); 10] = [
            (
                "tokio::runtime::task::raw::poll::<a::B, C>",
                &["tokio", "runtime", "task", "raw", "poll"],
            ),
            ("<a::B<c::D> as e::F>::f", &["a", "B", "f"]),
            ("<a::B>::f::{closure#0}", &["a", "B", "f", "{closure#0}"]),
            ("<&mut a::B as c::D>::f", &["a", "B", "f"]),
            ("a::b::<impl c::D for e::F>::g", &["a", "b", "g"]),
            ("core::ptr::drop_in_place<a::B<c::D>>", &["a", "B", "drop_in_place"]),
            ("a::Core<fn() -> u8, S>::poll", &["a", "Core", "poll"]),
            ("poll<my_app::Task>", &["poll"]),
            ("read", &["read"]),
            ("", &[]),
        ];
        for (name, path) in cases {
            assert_eq!(segments(name), path, "{name}");
        }
    }

    #[test]
    fn last_names_leave_out_generics_and_closures() {
        let names = [
            ("tokio::runtime::task::raw::poll::<scenario::a::{async_fn_env#0}, S>", "poll"),
            ("poll<scenario::a::B, alloc::sync::Arc<tokio::x::Handle>>", "poll"),
            ("tokio::runtime::task::harness::poll_future::{{closure}}", "poll_future"),
            (
                "<tokio::runtime::blocking::pool::BlockingPool as core::ops::drop::Drop>::drop",
                "drop",
            ),
            (
                "core::ptr::drop_in_place<tokio::runtime::blocking::pool::BlockingPool>",
                "drop_in_place",
            ),
            ("tokio::runtime::task::core::Core<fn() -> u8, S>::poll", "poll"),
            ("{closure#0}<u8>", ""),
            ("epoll_wait", "epoll_wait"),
            ("", ""),
        ];
        for (function, name) in names {
            assert_eq!(last_name(function), name, "{function}");
        }
    }

    #[test]
    fn the_last_part_of_a_name_is_the_function_called() {
        let cases = [
            ("tokio::runtime::task::core::Core<T,S>::poll::{{closure}}", "{{closure}}"),
            ("<shop::Import as core::future::Future>::poll", "poll"),
            ("{async_fn#0}<fn(usize) -> shop::a::B>", "{async_fn#0}"),
            ("poll_next<a::B<c::D>>", "poll_next"),
            ("read", "read"),
        ];
        for (name, last) in cases {
            assert_eq!(last_part(name), last, "{name}");
        }
        assert_eq!(without_closures("shop::serve::{closure#1}<a::B>::{async_fn#0}"), "shop::serve");
        assert_eq!(without_closures("{async_fn#0}"), "{async_fn#0}");
    }

    #[test]
    fn a_bracket_is_closed_by_its_own_and_never_by_an_arrow() {
        assert_eq!(closing("<a<b> -> c>d>"), Some(10));
        assert_eq!((closing("<a<b>"), closing("a>"), closing("")), (None, None, None));
        assert_eq!(split_outside("a<b as c> as d", " as "), Some(("a<b as c>", "d")));
        assert_eq!(split_outside("a<b as c>", " as "), None);
        assert_eq!(segments(">>a::b<"), [">>a", "b"], "what was cut off is taken as it is");
    }

    #[test]
    fn an_inlined_function_without_a_path_has_no_crate() {
        assert_eq!(crate_of("<&mut core::x::Y as Z>::f"), Some("core"));
        assert_eq!(crate_of("my_app::f"), Some("my_app"));
        for none in
            ["for_each<fn(&my_app::Task)>", "{closure#0}<a::B>", "read", "", "[thread start]"]
        {
            assert_eq!(crate_of(none), None, "{none}");
        }
    }
}
