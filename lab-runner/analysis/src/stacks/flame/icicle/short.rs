//! Names that fit a frame: `Type::method`, or the crate and the function.

use crate::stacks::without_closures;

/// `Import::poll` of `<shop::buggy::Import as core::future::Future>::poll`, `shop::import` of
/// `shop::buggy::import::{closure}`, `serde_json::from_str` of
/// `serde_json::de::from_str<shop::Order>`.
pub fn short(name: &str) -> String {
    let function = without_closures(name);
    let Some(rest) = function.strip_prefix('<') else {
        return of_path(&without_arguments(&function));
    };
    let Some(end) = closing(rest) else { return name.to_owned() };
    let of_type = before_as(&rest[..end]);
    let of_type =
        without_arguments(of_type.trim_start_matches(['&', '*']).trim_start_matches("mut "));
    let method = without_arguments(&rest[end + 1..]);
    let parts = (of_type.rsplit("::").next(), method.rsplit("::").next());
    match parts {
        (Some(of_type), Some(method)) if !of_type.is_empty() && !method.is_empty() => {
            format!("{of_type}::{method}")
        }
        _ => name.to_owned(),
    }
}

/// The same of own code, whose crate goes without saying: `import`, `Store::put`.
pub fn short_of_own(name: &str) -> String {
    let short = short(name);
    match short.split_once("::") {
        Some((of, function)) if !of.starts_with(char::is_uppercase) && !of.is_empty() => {
            function.to_owned()
        }
        _ => short,
    }
}

/// The last two parts of a path if the first of them is a type, else the crate and the last part.
fn of_path(path: &str) -> String {
    let parts: Vec<&str> = path.split("::").collect();
    let [first, .., owner, last] = parts[..] else { return path.to_owned() };
    let is_type = owner.starts_with(|c: char| c.is_uppercase());
    if is_type { format!("{owner}::{last}") } else { format!("{first}::{last}") }
}

/// Where the bracket is closed that was opened before the text.
fn closing(text: &str) -> Option<usize> {
    let mut open = 1_usize;
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        match c {
            '<' => open += 1,
            '>' if before == '-' => {}
            '>' if open == 1 => return Some(at),
            '>' => open -= 1,
            _ => {}
        }
        before = c;
    }
    None
}

/// The type of `Type as Trait`; the type may be such a path itself.
fn before_as(text: &str) -> &str {
    let mut open = 0_usize;
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        match c {
            '<' => open += 1,
            '>' if before != '-' => open = open.saturating_sub(1),
            ' ' if open == 0 && text[at..].starts_with(" as ") => return &text[..at],
            _ => {}
        }
        before = c;
    }
    text
}

/// The path without what its parts are generic over.
fn without_arguments(path: &str) -> String {
    let mut plain = String::new();
    let mut open = 0_usize;
    let mut before = ' ';
    for c in path.chars() {
        match c {
            '<' => open += 1,
            '>' if open > 0 && before != '-' => open -= 1,
            _ if open == 0 => plain.push(c),
            _ => {}
        }
        before = c;
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::{short, short_of_own};

    #[test]
    fn a_name_is_a_type_and_its_method_or_a_crate_and_its_function() {
        let names = [
            ("<shop::buggy::Import as core::future::Future>::poll", "Import::poll"),
            (
                "<alloc::boxed::Box<dyn core::ops::FnOnce() -> u8> as \
                 core::ops::FnOnce<()>>::call_once",
                "Box::call_once",
            ),
            ("shop::…::import::{closure}::{closure}", "shop::import"),
            ("serde_json::de::from_str<shop::Order>", "serde_json::from_str"),
            ("serde_json::map::Map<K, V>::insert", "Map::insert"),
            (
                "<<json::Value as serde::Deserialize>::deserialize::ValueVisitor as \
                 serde::Visitor>::visit_map",
                "ValueVisitor::visit_map",
            ),
            ("epoll_wait", "epoll_wait"),
            ("[no stack]", "[no stack]"),
            ("a::b", "a::b"),
            ("<", "<"),
            ("<>", "<>"),
        ];
        for (name, expected) in names {
            assert_eq!(short(name), expected, "{name}");
        }
        let own = ["shop::…::import::{closure}", "shop::Store::put", "<shop::A as core::B>::c"]
            .map(short_of_own);
        assert_eq!(own, ["import", "Store::put", "A::c"]);
    }
}
