//! Names for addresses, after the run and in another process: from the maps that were recorded, and
//! the files that were mapped.

use addr2line::Context;
use gimli::{
    AbbreviationsCacheStrategy, AttributeValue, EndianReader, RunTimeEndian, SectionId, UnitOffset,
};
use lab_recording::frame::Frame;
use lab_recording::mapped::Mapped;
use lab_recording::maps::{self, Mapping};
use lab_recording::plain_file;
use lab_recording::stall::Recording;
use lab_recording::stall::format::stamp;
use object::{Object, ObjectSection, ObjectSegment, ObjectSymbol};
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// The names of one recording's addresses. Files are read when the first address of them is asked
/// for.
pub struct Symbols {
    mappings: Vec<Mapping>,
    modules: HashMap<String, Option<Module>>,
    frames: HashMap<u64, Vec<Frame>>,
    /// Lines where functions begin, by function and file.
    starts: HashMap<(String, String), u32>,
    /// The executable if it has changed since: its names would be wrong.
    changed: Option<PathBuf>,
}

impl fmt::Debug for Symbols {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Symbols").field("mappings", &self.mappings).finish_non_exhaustive()
    }
}

impl Symbols {
    /// The names of what was mapped when the recording began.
    pub fn for_recording(recording: &Recording) -> Symbols {
        Symbols::of_program(&recording.maps, &recording.executable, recording.stamp)
    }

    /// The names of what was mapped into a program, which is known again by its stamp, or trusted
    /// without one: by zeros.
    pub fn of_program(maps: &str, executable: &Path, known_by: (u64, u64)) -> Symbols {
        let same = known_by == (0, 0) || stamp(executable) == Some(known_by);
        Symbols {
            mappings: maps::executable(maps),
            modules: HashMap::new(),
            frames: HashMap::new(),
            starts: HashMap::new(),
            changed: (!same).then(|| executable.to_owned()),
        }
    }

    /// Whether the executable is another one than was recorded, so that its functions have no names
    /// any more.
    pub fn executable_has_changed(&self) -> bool {
        self.changed.is_some()
    }

    /// The functions of a stack, innermost first, inlined ones included. The first address is an
    /// instruction, the others are where calls come back to, and belong to the call before them.
    pub fn stack(&mut self, addresses: &[u64]) -> Vec<Frame> {
        let calls = addresses.iter().skip(1).map(|back| back.saturating_sub(1));
        let instructions = addresses.iter().copied().take(1).chain(calls);
        let mut stack: Vec<Frame> =
            instructions.flat_map(|address| self.frames_at(address).to_vec()).collect();
        for at in 1..stack.len() {
            if let Some(name) = named_by_its_caller(&stack[at - 1].function, &stack[at].function) {
                stack[at - 1].function = name;
            }
        }
        stack
    }

    /// The functions at an instruction, innermost first: more than one if calls were inlined there.
    pub fn frames_at(&mut self, address: u64) -> &[Frame] {
        if !self.frames.contains_key(&address) {
            let frames = self.look_up(address);
            self.frames.insert(address, frames);
        }
        &self.frames[&address]
    }

    /// The line where a function begins that [`Symbols::frames_at`] has returned, if debug
    /// information tells.
    pub fn start_line(&self, frame: &Frame) -> Option<u32> {
        let file = frame.file.clone()?;
        self.starts.get(&(frame.function.clone(), file)).copied()
    }

    fn look_up(&mut self, address: u64) -> Vec<Frame> {
        let Some(mapping) =
            self.mappings.iter().find(|mapping| mapping.addresses.contains(&address))
        else {
            return vec![unnamed("[unknown]".to_owned())];
        };
        let path = &mapping.path;
        let wrong =
            self.changed.as_ref().is_some_and(|changed| changed.as_os_str() == path.as_str());
        let module = self
            .modules
            .entry(path.clone())
            .or_insert_with(|| if wrong { None } else { Module::open(path) });
        let offset = address - mapping.addresses.start + mapping.offset;
        let found = module.as_ref().map(|module| module.frames(offset)).unwrap_or_default();
        let mut frames = Vec::new();
        for (frame, start) in found {
            if let (Some(file), Some(start)) = (&frame.file, start) {
                self.starts.insert((frame.function.clone(), file.clone()), start);
            }
            frames.push(frame);
        }
        if frames.is_empty() { vec![unnamed(unknown_in(path))] } else { frames }
    }
}

/// The path of an `async fn` that was inlined into the code that polls it, and lost its path there:
/// what polls a future is generic over it, and names it last.
fn named_by_its_caller(function: &str, caller: &str) -> Option<String> {
    let kind =
        ["{async_fn#", "{async_block#"].into_iter().find(|kind| function.starts_with(kind))?;
    let number: &str = function[kind.len()..].split('}').next()?;
    let environment = format!("::{}_env#{number}}}", &kind[..kind.len() - 1]);
    let (before, _) = caller.rsplit_once(&environment)?;
    let begin = before.rfind([' ', '<', ',', '(', '>']).map_or(0, |at| at + 1);
    let path = Some(&before[begin..]).filter(|path| !path.is_empty() && !path.ends_with(':'))?;
    Some(format!("{path}::{function}"))
}

fn unnamed(function: String) -> Frame {
    Frame { function, file: None, line: None }
}

fn unknown_in(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or_default();
    match name {
        "" => "[unknown]".to_owned(),
        kernel if kernel.starts_with('[') => kernel.to_owned(),
        file => format!("[unknown in {file}]"),
    }
}

pub(super) type Slice = EndianReader<RunTimeEndian, Mapped>;

/// A file that was mapped into the program. Little of it is read: only what names the addresses
/// that were asked for.
struct Module {
    bytes: Mapped,
    segments: Vec<Segment>,
    /// Sorted by their addresses.
    symbols: Vec<Symbol>,
    lines: Option<Context<Slice>>,
}

/// A part of a file, and where the file wants it in memory.
struct Segment {
    offset: u64,
    size: u64,
    address: u64,
}

struct Symbol {
    address: u64,
    size: u64,
    /// Where its name lies in the file: a binary has a hundred thousand of them.
    name: Range<usize>,
}

impl Module {
    fn open(path: &str) -> Option<Module> {
        let bytes = Mapped::open(Path::new(path), plain_file::LOG).ok()?;
        let file = object::File::parse(&bytes[..]).ok()?;
        let segment = |segment: object::Segment<'_, '_, _>| {
            let (offset, size) = segment.file_range();
            Segment { offset, size, address: segment.address() }
        };
        let segments = file.segments().map(segment).collect();
        let (symbols, lines) = (symbols(&file, &bytes), lines(&file, &bytes));
        Some(Module { segments, symbols, lines, bytes })
    }

    /// The functions at an offset in the file, innermost first, each with the line where it begins.
    fn frames(&self, offset: u64) -> Vec<(Frame, Option<u32>)> {
        let here =
            |segment: &&Segment| offset >= segment.offset && offset - segment.offset < segment.size;
        let Some(segment) = self.segments.iter().find(here) else { return Vec::new() };
        let address = offset - segment.offset + segment.address;
        let symbol = self.symbol(address);
        let mut frames =
            self.lines.as_ref().map(|lines| inlined(lines, address)).unwrap_or_default();
        match (frames.last_mut(), symbol) {
            // The symbol names the function with its path, which slim debug information leaves out.
            (Some((outermost, _)), Some(symbol)) => outermost.function = symbol,
            (None, Some(symbol)) => frames.push((unnamed(symbol), None)),
            (_, None) => {}
        }
        frames.retain(|(frame, _)| !frame.function.is_empty());
        frames
    }

    fn symbol(&self, address: u64) -> Option<String> {
        let after = self.symbols.partition_point(|symbol| symbol.address <= address);
        let symbol = self.symbols.get(after.checked_sub(1)?)?;
        let name = std::str::from_utf8(&self.bytes[symbol.name.clone()]).ok()?;
        (address - symbol.address < symbol.size).then(|| demangled(name))
    }
}

fn demangled(name: &str) -> String {
    let name = addr2line::demangle_auto(name.into(), None);
    // An old mangling ends with a hash that names nothing.
    match name.rsplit_once("::h") {
        Some((path, hash)) if hash.len() == 16 && hash.bytes().all(|b| b.is_ascii_hexdigit()) => {
            path.to_owned()
        }
        _ => name.into_owned(),
    }
}

/// The functions of a file, from the table of all symbols or, where that was stripped, of those
/// that others link to.
fn symbols(file: &object::File<'_>, bytes: &Mapped) -> Vec<Symbol> {
    let all = file.symbols().chain(file.dynamic_symbols());
    let mut symbols: Vec<Symbol> = all.filter_map(|symbol| named(&symbol, bytes)).collect();
    // Of several names for one function the shortest is the one that is called: `read`, not
    // `__libc_read`.
    symbols.sort_by(|a, b| {
        let of = |symbol: &Symbol| &bytes[symbol.name.clone()];
        (a.address, b.name.len(), of(b)).cmp(&(b.address, a.name.len(), of(a)))
    });
    symbols
}

fn named<'a>(symbol: &impl ObjectSymbol<'a>, bytes: &Mapped) -> Option<Symbol> {
    let code = symbol.kind() == object::SymbolKind::Text && symbol.size() > 0;
    let name = symbol.name_bytes().ok().filter(|_| code)?;
    let begin = name.as_ptr().addr().checked_sub(bytes.as_ptr().addr())?;
    let name = begin..begin + name.len();
    Some(Symbol { address: symbol.address(), size: symbol.size(), name })
}

/// The lines of a file's debug information, if it has any.
fn lines(file: &object::File<'_>, bytes: &Mapped) -> Option<Context<Slice>> {
    Context::from_dwarf(dwarf(file, bytes)?).ok()
}

/// A file's debug information, empty if it has none.
pub(super) fn dwarf(file: &object::File<'_>, bytes: &Mapped) -> Option<gimli::Dwarf<Slice>> {
    let endian = if file.is_little_endian() { RunTimeEndian::Little } else { RunTimeEndian::Big };
    let section = |id: SectionId| -> Result<Slice, gimli::Error> {
        let found = file.section_by_name(id.name());
        let data = found.and_then(|section| in_file(&section, bytes));
        Ok(Slice::new(data.unwrap_or_else(|| Mapped::from(Vec::new())), endian))
    };
    let mut dwarf = gimli::Dwarf::load(section).ok()?;
    // The linker lets many units share a table of abbreviations, and each would parse its own.
    dwarf.populate_abbreviations_cache(AbbreviationsCacheStrategy::Duplicates);
    Some(dwarf)
}

/// The bytes of a section: where they lie in the file, or a copy of what was compressed.
fn in_file<'a>(section: &impl ObjectSection<'a>, bytes: &Mapped) -> Option<Mapped> {
    let data = section.uncompressed_data().ok()?;
    match data {
        Cow::Borrowed(data) => {
            let begin = data.as_ptr().addr().checked_sub(bytes.as_ptr().addr())?;
            bytes.part(begin..begin + data.len())
        }
        Cow::Owned(data) => Some(Mapped::from(data)),
    }
}

/// The function at an address and those that are inlined there, innermost first, each with the line
/// where it begins.
fn inlined(lines: &Context<Slice>, address: u64) -> Vec<(Frame, Option<u32>)> {
    let Ok(mut found) = lines.find_frames(address).skip_all_loads() else { return Vec::new() };
    let mut frames = Vec::new();
    while let Ok(Some(frame)) = found.next() {
        let function = frame
            .function
            .and_then(|name| Some(demangled(&name.raw_name().ok()?)))
            .unwrap_or_default();
        let file = frame.location.as_ref().and_then(|at| at.file.map(str::to_owned));
        let start = frame.dw_die_offset.and_then(|entry| start_line(lines, address, entry));
        let line = frame.location.and_then(|at| at.line);
        frames.push((Frame { function, file, line }, start));
    }
    frames
}

/// The line of a function's declaration. What is inlined refers to the function for it, and a
/// method to its declaration.
fn start_line(lines: &Context<Slice>, address: u64, entry: UnitOffset) -> Option<u32> {
    const MOST_REFERENCES: usize = 4;
    let unit = lines.find_dwarf_and_unit(address).skip_all_loads()?;
    let mut entry = entry;
    for _ in 0..MOST_REFERENCES {
        let attributes = unit.entry(entry).ok()?;
        if let Some(line) = attributes.attr_value(gimli::DW_AT_decl_line) {
            return line.udata_value().and_then(|line| u32::try_from(line).ok());
        }
        let reference = [gimli::DW_AT_abstract_origin, gimli::DW_AT_specification];
        let next = reference.into_iter().find_map(|name| attributes.attr_value(name))?;
        let AttributeValue::UnitRef(next) = next else { return None };
        entry = next;
    }
    None
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[inline(never)]
    fn known(number: u64) -> u64 {
        std::hint::black_box(number) + 1
    }

    fn of_this_process() -> Recording {
        let executable = std::env::current_exe().unwrap();
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        Recording { stamp: stamp(&executable).unwrap(), executable, maps, ..Recording::default() }
    }

    #[test]
    fn a_function_is_named_with_its_file_and_its_line() {
        assert_eq!(known(1), 2);
        let address = known as fn(u64) -> u64 as usize as u64;
        let mut symbols = Symbols::for_recording(&of_this_process());
        let frame = symbols.frames_at(address).last().unwrap();
        assert!(frame.function.ends_with("symbols::tests::known"), "{frame}");
        assert!(frame.file.as_ref().unwrap().ends_with("stacks/symbols.rs"), "{frame}");
        let there = symbols.frames_at(address).to_vec();
        // What a call comes back to belongs to the instruction before it.
        assert_eq!(symbols.stack(&[address, address + 1]), [there.clone(), there].concat());
    }

    #[test]
    fn a_library_without_debug_information_tells_what_others_link_to() {
        let address = libc::getpid as unsafe extern "C" fn() -> libc::pid_t as usize as u64;
        assert_eq!(
            Symbols::for_recording(&of_this_process()).frames_at(address),
            [unnamed("getpid".to_owned())]
        );
    }

    #[test]
    fn another_executable_gives_no_names() {
        let mut recording = of_this_process();
        recording.stamp.0 += 1;
        let mut symbols = Symbols::for_recording(&recording);
        assert!(symbols.executable_has_changed());
        let function = &symbols.frames_at(known as fn(u64) -> u64 as usize as u64)[0].function;
        assert!(function.starts_with("[unknown in lab_analysis"), "{function}");
        assert_eq!(symbols.frames_at(7)[0].function, "[unknown]");
    }

    #[test]
    fn a_closure_is_told_by_its_place_and_no_name_parts_a_line() {
        let frame = |function: &str| Frame {
            function: function.to_owned(),
            file: Some("/src/a.rs".to_owned()),
            line: Some(7),
        };
        assert_eq!(frame("{async_fn#0}").name(), "{async_fn#0} a.rs:7");
        assert_eq!(frame("fill<[u8; 4]>").name(), "fill<[u8: 4]>");
    }

    #[test]
    fn an_async_fn_that_lost_its_path_is_named_by_what_polls_it() {
        let polls = "poll<kit::serve::{async_fn_env#0}<fn(usize) -> \
                     shop::report::{async_fn_env#0}>, shop::report::{async_fn_env#0}>";
        assert_eq!(
            named_by_its_caller("{async_fn#0}", polls).unwrap(),
            "shop::report::{async_fn#0}"
        );
        assert_eq!(named_by_its_caller("{async_fn#1}", polls), None);
        assert_eq!(named_by_its_caller("shop::report::{{closure}}", polls), None);
        let block = "push<shop::all::{async_fn#0}::{closure#0}::{async_block_env#0}>";
        assert_eq!(
            named_by_its_caller("{async_block#0}", block).unwrap(),
            "shop::all::{async_fn#0}::{closure#0}::{async_block#0}"
        );
    }

    #[test]
    fn names_lose_the_hash_of_an_old_mangling() {
        assert_eq!(demangled("_ZN3lab4main17h0123456789abcdefE"), "lab::main");
        assert_eq!(demangled("read"), "read");
        assert_eq!(unknown_in("[vdso]"), "[vdso]");
        assert_eq!(unknown_in(""), "[unknown]");
    }
}
