//! Walks the frame pointers of the calling thread, also from inside a signal handler.
//!
//! Without locks, allocations or an unwinder: a walk reads words of the live part of the thread's
//! own stack, and bytes of the executable's code. It ends at the first word that is not part of a
//! valid frame.
//!
//! A function with a frame saves the frame pointer of its caller below its return address, and the
//! frame pointer register points to that pair. So frames form a list:
//!
//! ```text
//! high   …
//!        return address into main
//!   ┌──> frame pointer of main          frame of serve
//!   │    …
//!   │    return address into serve
//!   └─── frame pointer of serve  <── fp frame of lock
//! low    …                       <── sp
//! ```
//!
//! From `fp` the walk finds the return addresses into `serve` and `main`.

#![expect(
    unsafe_code,
    reason = "a stack is walked by reading raw memory, and only libc knows its bounds"
)]

pub(crate) mod mapped;

use lab_recording::maps;
use std::hint::black_box;
use std::marker::PhantomData;
use std::mem::MaybeUninit;

/// Bytes of a stack word.
const WORD: usize = size_of::<usize>();
/// Words from the top of the stack that are searched for the caller of a function without a frame.
const SEARCHED: usize = 64;

/// The bounds of one thread's stack. Not `Send`, because only that thread may read there.
#[derive(Clone, Copy, Debug)]
pub struct StackBounds {
    low: usize,
    high: usize,
    own_thread: PhantomData<*const ()>,
}

impl StackBounds {
    /// An empty stack, in which no word can be read.
    pub const NONE: StackBounds = StackBounds { low: 0, high: 0, own_thread: PhantomData };

    /// The same stack, up to an address at most.
    pub fn below(self, high: usize) -> StackBounds {
        StackBounds { high: self.high.min(high), ..self }
    }

    /// The bounds of the calling thread's stack from libc, which may allocate and open files. Not
    /// for a signal handler.
    pub fn of_this_thread() -> Option<StackBounds> {
        let mut attributes = MaybeUninit::<libc::pthread_attr_t>::uninit();
        let (mut low, mut size) = (std::ptr::null_mut(), 0);
        // SAFETY: `pthread_getattr_np` fills the attributes of the calling thread, which lives, or
        // fails. They are read and given back only when it did not fail, and both out-pointers are
        // to live locals.
        let known = unsafe {
            libc::pthread_getattr_np(libc::pthread_self(), attributes.as_mut_ptr()) == 0 && {
                let known =
                    libc::pthread_attr_getstack(attributes.as_ptr(), &raw mut low, &raw mut size)
                        == 0;
                libc::pthread_attr_destroy(attributes.as_mut_ptr());
                known
            }
        };
        let low = low.addr();
        known.then_some(StackBounds { low, high: low.checked_add(size)?, own_thread: PhantomData })
    }
}

/// The address range of the executable's code.
#[derive(Clone, Copy, Debug)]
pub struct Text {
    low: usize,
    high: usize,
}

impl Text {
    /// Finds the executable in `/proc/self/maps`. It stays mapped until the process ends.
    ///
    /// # Errors
    /// If the file cannot be read or does not name the executable.
    pub fn of_executable() -> Result<Text, String> {
        let maps = std::fs::read_to_string("/proc/self/maps")
            .map_err(|e| format!("/proc/self/maps: {e}"))?;
        let executable =
            std::env::current_exe().map_err(|e| format!("the executable has no path: {e}"))?;
        let code = maps::executable(&maps)
            .into_iter()
            .find(|mapping| executable.as_os_str() == mapping.path.as_str());
        let code = code.ok_or("/proc/self/maps does not name the executable")?;
        Ok(Text { low: code.addresses.start as usize, high: code.addresses.end as usize })
    }

    fn contains(self, address: usize) -> bool {
        (self.low..self.high).contains(&address)
    }

    /// The `N` bytes before an address, if all of them belong to the executable's code.
    fn before<const N: usize>(self, address: usize) -> Option<[u8; N]> {
        let from = address.checked_sub(N)?;
        // SAFETY: the bytes lie within the code of the executable, which is mapped readable from
        // its start to its end, for as long as the process lives, and never changes.
        (from >= self.low && address < self.high)
            .then(|| unsafe { (from as *const [u8; N]).read() })
    }

    /// Whether an address can be a return address: the instruction before it is a call.
    #[cfg(target_arch = "x86_64")]
    fn follows_call(self, address: usize) -> bool {
        let Some(bytes) = self.before::<7>(address) else { return false };
        match bytes {
            [.., 0xe8, _, _, _, _] => true, // call near
            // call [rip + 4 bytes], [reg + 4 bytes]
            [.., 0xff, 0x15 | 0x90..=0x97, _, _, _, _] => true,
            [.., 0xff, 0x50..=0x57, _] => true, // call [reg + a byte]
            [.., 0xff, 0xd0..=0xd7 | 0x10..=0x17] => true, // call reg, [reg]
            [.., 0xff, 0x54, 0x24, _] | [0xff, 0x94, 0x24, ..] => true, // call [rsp + …]
            _ => false,
        }
    }

    /// Whether an address can be a return address: the instruction before it is a call.
    #[cfg(target_arch = "aarch64")]
    fn follows_call(self, address: usize) -> bool {
        self.before(address).map(u32::from_le_bytes).is_some_and(|instruction| {
            let (bl, blr) =
                (instruction >> 26 == 0b10_0101, instruction & 0xffff_fc1f == 0xd63f_0000);
            bl || blr
        })
    }
}

/// The registers of an interrupted thread.
#[derive(Clone, Copy, Debug, Default)]
pub struct Registers {
    /// Program counter: the current instruction.
    pub pc: usize,
    /// Frame pointer.
    pub fp: usize,
    /// Stack pointer: the top of the stack.
    pub sp: usize,
    /// Link register; 0 on architectures without one.
    pub link: usize,
}

/// The live part of a stack.
#[derive(Clone, Copy)]
struct Stack {
    low: usize,
    high: usize,
}

impl Stack {
    /// The part above `sp`. It does not extend below the frame of this function, because memory
    /// further down may not be mapped yet.
    fn above(sp: usize, bounds: StackBounds) -> Stack {
        let here = 0u8;
        let own = (&raw const here).addr();
        let inside = (bounds.low..bounds.high).contains(&own);
        Stack { low: sp.max(own), high: if inside { bounds.high } else { 0 } }
    }

    fn word(self, at: usize) -> Option<usize> {
        let inside =
            at.is_multiple_of(WORD) && at >= self.low && at.checked_add(WORD)? <= self.high;
        // SAFETY: the word is aligned and lies between a live frame and the end of the calling
        // thread's stack, because `StackBounds` cannot leave its thread. Volatile, because the word
        // belongs to the frame of another function.
        inside.then(|| unsafe { (at as *const usize).read_volatile() })
    }

    /// Whether `fp` points to the frame of a function that was called by the executable's code.
    fn has_frame(self, fp: usize, text: Text) -> bool {
        fp.checked_add(WORD).and_then(|at| self.word(at)).is_some_and(|to| text.follows_call(to))
    }
}

/// Writes the addresses of a stack into `frames`, innermost first: the current instruction, then
/// return addresses. Returns their number. If it is the length of `frames`, the stack may be
/// deeper.
pub fn walk(from: &Registers, bounds: StackBounds, text: Text, frames: &mut [usize]) -> usize {
    let stack = Stack::above(from.sp, bounds);
    let mut into = Into { frames, depth: 0 };
    into.push(from.pc);
    let mut fp = from.fp;
    // The executable is built with frame pointers; libraries such as libc may not be.
    if !text.contains(from.pc) {
        let (caller, its_fp) = caller_of_frameless(from, stack, text);
        caller.into_iter().for_each(|caller| into.push(caller));
        fp = its_fp;
    }
    follow(fp, stack, &mut into);
    into.depth
}

/// Writes the return addresses of the calling thread's stack into `frames`, innermost first, and
/// returns their number. The first one is in the caller of this function.
#[inline(never)]
pub fn callers(bounds: StackBounds, frames: &mut [usize]) -> usize {
    let fp = frame_pointer();
    let mut into = Into { frames, depth: 0 };
    follow(fp, Stack::above(fp, bounds), &mut into);
    into.depth
}

struct Into<'a> {
    frames: &'a mut [usize],
    depth: usize,
}

impl Into<'_> {
    fn push(&mut self, address: usize) {
        if let Some(frame) = self.frames.get_mut(self.depth) {
            *frame = address;
            self.depth += 1;
        }
    }
}

/// Follows the list of frames. Frame pointers must rise from frame to frame, which also ends the
/// walk in a damaged stack; the outermost frame has a return address or a frame pointer of zero.
fn follow(mut fp: usize, stack: Stack, into: &mut Into<'_>) {
    while into.depth < into.frames.len() {
        let (Some(next), Some(back)) = (stack.word(fp), stack.word(fp.wrapping_add(WORD))) else {
            return;
        };
        if back == 0 {
            return;
        }
        into.push(back);
        if next <= fp {
            return;
        }
        fp = next;
    }
}

/// The return address into the executable, and the frame pointer there, of a thread that was
/// interrupted in a library without frame pointers.
///
/// The return address is a word near the top of the stack that follows a call instruction. The
/// frame pointer is in one of two places:
///
/// - The library has not used the register, so it still holds the caller's frame pointer. The
///   return address then lies below that frame, and the first candidate is taken.
/// - The library has saved the register below the return address. The first candidate may be left
///   over from an earlier call. So the first candidate with a saved frame pointer below it is
///   taken, and the first candidate of all if there is none.
///
/// *Example*, from `sp` upwards: `[7, old, 5, saved fp, ret, …]`, where `old` and `ret` follow a
/// call. There is no frame pointer below `old`, so `old` is not taken; `ret` has one below it.
#[cfg(target_arch = "x86_64")]
fn caller_of_frameless(from: &Registers, stack: Stack, text: Text) -> (Option<usize>, usize) {
    let fp_is_callers = stack.has_frame(from.fp, text);
    let reach = from.sp.saturating_add(SEARCHED * WORD);
    let reach = if fp_is_callers { reach.min(from.fp) } else { reach };
    // Addresses and values of the words from the top of the stack to `end`.
    let words =
        |end: usize| (from.sp..end).step_by(WORD).map_while(move |at| Some((at, stack.word(at)?)));
    let candidates = || words(reach).filter(|(_, word)| text.follows_call(*word));
    let first = candidates().next().map(|(_, caller)| caller);
    if fp_is_callers {
        return (first, from.fp);
    }
    for (at, caller) in candidates() {
        let saved_fp = words(at).find(|(_, word)| *word > at && stack.has_frame(*word, text));
        if let Some((_, saved_fp)) = saved_fp {
            return (Some(caller), saved_fp);
        }
    }
    (first, from.fp)
}

/// The caller of a leaf function of a library: the link register, unless the frame has the same
/// return address, which the walk then finds by itself.
#[cfg(target_arch = "aarch64")]
fn caller_of_frameless(from: &Registers, stack: Stack, text: Text) -> (Option<usize>, usize) {
    let in_frame = from.fp.checked_add(WORD).and_then(|at| stack.word(at)) == Some(from.link);
    ((!in_frame && text.follows_call(from.link)).then_some(from.link), from.fp)
}

/// Tests whether this binary was built with frame pointers: a walk in a function must find the
/// function's caller and the caller of that.
///
/// # Errors
/// If the walk does not find them; the message names the build flag.
pub fn frame_pointers_work() -> Result<(), String> {
    let mut frames = [0; 8];
    let depth = outer(&mut frames);
    let callers =
        [middle as fn(&mut [usize]) -> usize as usize, outer as fn(&mut [usize]) -> usize as usize];
    let found = frames[..depth]
        .iter()
        .skip(1)
        .zip(callers)
        .filter(|(at, caller)| (*caller..caller + CODE).contains(*at));
    if found.count() == callers.len() {
        return Ok(());
    }
    Err("this binary has no frame pointers: build it with \
         RUSTFLAGS=\"-C force-frame-pointers=yes\""
        .to_owned())
}

/// More bytes than the code of any function of the test, at any optimisation level.
const CODE: usize = 1_024;

#[inline(never)]
fn outer(frames: &mut [usize]) -> usize {
    // Work after the call prevents a tail call, which would leave no frame.
    black_box(middle(black_box(frames)))
}

#[inline(never)]
fn middle(frames: &mut [usize]) -> usize {
    black_box(inner(black_box(frames))).min(64)
}

#[inline(never)]
fn inner(frames: &mut [usize]) -> usize {
    let fp = frame_pointer();
    let bounds = StackBounds::of_this_thread().unwrap_or(StackBounds::NONE);
    let here = inner as fn(&mut [usize]) -> usize as usize;
    walk(
        &Registers { pc: here, fp, sp: fp, link: 0 },
        bounds,
        Text { low: here, high: here + 1 },
        frames,
    )
}

/// The thread pointer of the calling thread. On a stack that libc allocated it marks the upper end.
fn thread_pointer() -> usize {
    // SAFETY: the function has no arguments and reads a register.
    unsafe { libc::pthread_self() as usize }
}

/// The frame pointer of the function that this is inlined into.
#[inline(always)]
fn frame_pointer() -> usize {
    let fp;
    // SAFETY: copies one register into another.
    unsafe {
        #[cfg(target_arch = "x86_64")]
        std::arch::asm!("mov {}, rbp", out(reg) fp, options(nomem, nostack, preserves_flags));
        #[cfg(target_arch = "aarch64")]
        std::arch::asm!("mov {}, x29", out(reg) fp, options(nomem, nostack, preserves_flags));
    }
    fp
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_build_has_frame_pointers() {
        assert_eq!(frame_pointers_work(), Ok(()));
    }

    #[test]
    fn callers_are_found_from_within() {
        #[inline(never)]
        fn here(frames: &mut [usize]) -> usize {
            black_box(callers(StackBounds::of_this_thread().unwrap(), black_box(frames)))
        }
        let mut frames = [0; 64];
        let depth = here(&mut frames);
        assert!((4..64).contains(&depth), "{depth}");
        let begin = here as fn(&mut [usize]) -> usize as usize;
        assert!((begin..begin + CODE).contains(&frames[0]), "the first call is that of the walk");
        assert_eq!(callers(StackBounds::NONE, &mut frames), 0);
    }

    #[test]
    fn invalid_registers_end_the_walk() {
        let bounds = StackBounds::of_this_thread().unwrap();
        let text = Text::of_executable().unwrap();
        let mut frames = [0; 8];
        for fp in [0, 1, usize::MAX, usize::MAX - 7, bounds.high, bounds.high - 8, bounds.low] {
            for sp in [0, bounds.low, bounds.high, usize::MAX] {
                let from = Registers { pc: 7, fp, sp, link: 0 };
                assert!(walk(&from, bounds, text, &mut frames) >= 1, "{from:?}");
                assert_eq!(
                    walk(&from, StackBounds::NONE, text, &mut frames),
                    1,
                    "no stack, no callers"
                );
                assert_eq!(walk(&from, bounds, text, &mut []), 0);
            }
        }
    }

    #[test]
    fn a_walk_stops_when_there_is_no_more_room() {
        let bounds = StackBounds::of_this_thread().unwrap();
        let text = Text::of_executable().unwrap();
        let fp = frame_pointer();
        let mut frames = [0; 2];
        assert_eq!(
            walk(&Registers { pc: text.low, fp, sp: fp, link: 0 }, bounds, text, &mut frames),
            2
        );
    }

    #[test]
    fn frames_must_rise() {
        let mut words = [0usize; 6];
        let at = |index: usize, words: &[usize; 6]| (&raw const words[index]).addr();
        words[0] = at(2, &words);
        words[1] = 11;
        words[2] = at(0, &words);
        words[3] = 22;
        let stack = Stack { low: at(0, &words), high: at(5, &words) + WORD };
        let mut frames = [0; 8];
        let mut into = Into { frames: &mut frames, depth: 0 };
        follow(at(0, &words), stack, &mut into);
        let depth = into.depth;
        assert_eq!(frames[..depth], [11, 22], "the second frame points back to the first");
    }
}
