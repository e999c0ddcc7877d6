//! What profilers put around a name: manglings, hashes, offsets, numbers; and what they say where
//! there is no name.

use crate::stacks::names::is_word;

/// Hexadecimal digits of a legacy hash.
const HASH: usize = 16;
/// Fewer hexadecimal digits than this are no crate's disambiguator but an index.
const DISAMBIGUATOR: usize = 6;

/// The name for a frame without a symbol; none if it has one.
pub fn unknown(frame: &str) -> Option<String> {
    if matches!(frame, "" | "??" | "unknown" | "[unknown]") || is_address(frame) {
        return Some("[unknown]".into());
    }
    let object =
        if let Some(inside) = frame.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            inside.strip_prefix("unknown in ").or_else(|| is_object(inside).then_some(inside))
        } else if let Some((what, object)) =
            frame.strip_suffix(')').and_then(|rest| rest.split_once(" ("))
        {
            unknown(what).map(|_| object)
        } else {
            frame.rsplit_once("+0x").map(|(object, _)| object).filter(|object| is_object(object))
        }?;
    let file = object.rsplit('/').next().unwrap_or(object);
    Some(format!("[unknown in {}]", file.trim_matches(['[', ']'])))
}

fn is_address(frame: &str) -> bool {
    frame.strip_prefix("0x").is_some_and(|digits| is_hex(digits, 1))
}

/// Whether this names a file or the kernel, and no function.
fn is_object(name: &str) -> bool {
    name.contains(".so")
        || name.contains('/')
        || matches!(name, "kernel.kallsyms" | "[vdso]" | "vdso" | "[vsyscall]")
}

fn is_hex(digits: &str, fewest: usize) -> bool {
    (fewest..=HASH).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
}

/// The name in words, without what linkers and demanglers put behind it.
pub fn demangled(frame: &str) -> String {
    let bare = without_offset(frame);
    let name = match rustc_demangle::try_demangle(bare) {
        Ok(name) => format!("{name:#}"),
        Err(_) => bare.to_owned(),
    };
    let mut name = name.as_str();
    while let Some(shorter) = without_suffix(name) {
        name = shorter;
    }
    name.to_owned()
}

fn without_offset(frame: &str) -> &str {
    match frame.rsplit_once("+0x") {
        Some((name, digits)) if is_hex(digits, 1) && !name.is_empty() => name,
        _ => frame,
    }
}

/// The name less its last suffix: the legacy hash, a symbol's version, what an optimiser adds to
/// its copies.
fn without_suffix(name: &str) -> Option<&str> {
    let hash =
        name.rsplit_once("::h").filter(|(_, digits)| digits.len() == HASH && is_hex(digits, HASH));
    let version = || name.split_once('@').filter(|(symbol, _)| symbol.chars().all(is_word));
    let copy = || {
        [".llvm.", ".cold", ".part.", ".constprop.", ".isra."].iter().find_map(|suffix| {
            let (symbol, number) = name.rsplit_once(suffix)?;
            number.bytes().all(|c| c.is_ascii_hexdigit() || c == b'.').then_some((symbol, number))
        })
    };
    let shorter = hash.or_else(version).or_else(copy).map(|(shorter, _)| shorter)?;
    (!shorter.is_empty()).then_some(shorter)
}

/// Without what only tells closures and versions of crates apart: `{closure#3}` and
/// `tokio[6c1d8a1bf3a3e8a4]`.
pub fn without_numbers(name: &str) -> String {
    let mut kept = String::new();
    let mut rest = name;
    while let Some(at) = rest.find(['{', '[']) {
        kept.push_str(&rest[..at]);
        rest = &rest[at..];
        let (replaced, length) =
            if rest.starts_with('{') { braces(rest) } else { brackets(rest, &kept) };
        kept.push_str(&replaced);
        rest = &rest[length..];
    }
    untyped(&(kept + rest))
}

/// Without the type of a constant, which not all demanglers write: `[u8; 8usize]`.
fn untyped(name: &str) -> String {
    let mut parts = name.split("usize");
    let mut kept = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let before = kept.trim_end_matches(|c: char| c.is_ascii_digit());
        let constant = before.len() < kept.len() && !before.ends_with(is_word);
        kept.push_str(if constant { "" } else { "usize" });
        kept.push_str(part);
    }
    kept
}

/// What a text that begins with `{` is to begin with instead, and how much of it that replaces.
fn braces(text: &str) -> (String, usize) {
    let Some(end) = text.find('}') else { return ("{".into(), 1) };
    let double = text.starts_with("{{") && text[end..].starts_with("}}");
    let end = end + usize::from(double);
    let inner = text[1..end].trim_start_matches('{').trim_end_matches('}');
    let inner = match inner.rsplit_once('#') {
        Some((what, number)) if number.bytes().all(|digit| digit.is_ascii_digit()) => what,
        _ => inner,
    };
    (format!("{{{}}}", kind(inner)), end + 1)
}

/// Debug information calls the body of an async function other than its symbol does.
fn kind(inner: &str) -> &str {
    match inner.strip_suffix("_env").unwrap_or(inner) {
        "closure" | "async_fn" | "async_block" | "async_closure" | "coroutine" => "closure",
        "vtable.shim" => "shim:vtable",
        _ => inner,
    }
}

/// What a text that begins with `[` is to begin with instead, after this, and how much of it that
/// replaces.
fn brackets(text: &str, before: &str) -> (String, usize) {
    let end = text
        .find(']')
        .filter(|end| is_hex(&text[1..*end], DISAMBIGUATOR) && before.ends_with(is_word));
    match end {
        Some(end) => (String::new(), end + 1),
        None => ("[".into(), 1),
    }
}
