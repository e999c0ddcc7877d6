//! The signal by which a thread is requested to record its stack, and its handler. The stall
//! sampler and the thread dump share the signal.

#![expect(
    unsafe_code,
    reason = "signal handlers, their contexts and signals to single threads are libc's"
)]

use crate::walk::{Registers, Text};
use std::ffi::{c_int, c_void};
use std::io;
use std::mem::MaybeUninit;
use std::sync::OnceLock;

/// Address range of the executable's code; set before the first signal is sent.
static TEXT: OnceLock<Text> = OnceLock::new();

/// A realtime signal, beyond those that libc reserves and beyond the first ones, which other
/// profilers and debuggers use.
fn number() -> c_int {
    libc::SIGRTMIN() + 3
}

fn handler() -> libc::sighandler_t {
    on_signal as extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void) as libc::sighandler_t
}

/// A user of the signal. Each has an action of its own, and one signal may serve both.
#[derive(Clone, Copy, Debug)]
pub(crate) enum User {
    /// The stall sampler.
    Sampler,
    /// The thread dump.
    ThreadDump,
}

/// The action of a user in the signal handler, which neither locks nor allocates. Its arguments are
/// the registers of the interrupted thread, the executable's code, and whether a system call was
/// interrupted.
pub(crate) type Action = fn(&Registers, Text, bool);

static ACTIONS: [OnceLock<Action>; 2] = [const { OnceLock::new() }; 2];

/// Installs the handler. It is never removed: the default action of a signal that arrives after the
/// end of the sampling would end the process.
///
/// # Errors
/// If other code handles the signal.
pub(crate) fn install(text: Text, user: User, action: Action) -> Result<(), String> {
    TEXT.get_or_init(|| text);
    ACTIONS[user as usize].get_or_init(|| action);
    let before =
        disposition(None).map_err(|e| format!("signal {} cannot be examined: {e}", number()))?;
    if before == handler() {
        return Ok(());
    }
    if before != libc::SIG_DFL {
        return Err(format!("signal {} has another handler", number()));
    }
    disposition(Some(handler()))
        .map_err(|e| format!("signal {} cannot be handled: {e}", number()))?;
    Ok(())
}

/// Sets the handler of the signal, if one is given, and returns the previous one.
fn disposition(new: Option<libc::sighandler_t>) -> io::Result<libc::sighandler_t> {
    let mut before = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: all zeros are a valid `sigaction` without flags and with an empty mask.
    let mut action = unsafe { MaybeUninit::<libc::sigaction>::zeroed().assume_init() };
    action.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART;
    action.sa_sigaction = new.unwrap_or(libc::SIG_DFL);
    let set = if new.is_some() { &raw const action } else { std::ptr::null() };
    // SAFETY: both pointers are null or to live locals. The handler has the signature that
    // SA_SIGINFO requires and is async-signal-safe: an `Action` neither allocates nor locks.
    let result = unsafe { libc::sigaction(number(), set, before.as_mut_ptr()) };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call above filled it, and it was initialised before.
    Ok(unsafe { before.assume_init() }.sa_sigaction)
}

/// Sends the signal to a thread of this process.
///
/// # Errors
/// If the thread has ended, or if the kernel's queue of signals is full.
pub fn send(tid: i32) -> io::Result<()> {
    // SAFETY: the call takes numbers only, and a thread that gets the signal has the handler:
    // `install` came first.
    let result = unsafe { libc::syscall(libc::SYS_tgkill, libc::getpid(), tid, number()) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Sends SIGPROF, the signal of CPU profilers, to the calling thread. It must have a handler.
///
/// # Errors
/// The kernel's error.
pub fn send_of_profiler() -> io::Result<()> {
    // SAFETY: the call takes numbers only; the signal is for this very thread.
    let result = unsafe { libc::raise(libc::SIGPROF) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

extern "C" fn on_signal(_signal: c_int, _info: *mut libc::siginfo_t, context: *mut c_void) {
    let Some(text) = TEXT.get() else { return };
    // SAFETY: the kernel gives a handler that was installed with SA_SIGINFO a `ucontext_t`, on this
    // very stack.
    let context = unsafe { &*context.cast::<libc::ucontext_t>() };
    let registers = registers(context);
    let in_syscall = interrupted_syscall(registers.pc);
    for action in ACTIONS.iter().filter_map(OnceLock::get) {
        action(&registers, *text, in_syscall);
    }
}

#[cfg(target_arch = "x86_64")]
fn registers(context: &libc::ucontext_t) -> Registers {
    let get = |register: c_int| context.uc_mcontext.gregs[register as usize] as usize;
    Registers { pc: get(libc::REG_RIP), fp: get(libc::REG_RBP), sp: get(libc::REG_RSP), link: 0 }
}

#[cfg(target_arch = "aarch64")]
fn registers(context: &libc::ucontext_t) -> Registers {
    let machine = &context.uc_mcontext;
    Registers {
        pc: machine.pc as usize,
        fp: machine.regs[29] as usize,
        sp: machine.sp as usize,
        link: machine.regs[30] as usize,
    }
}

/// The instruction that calls the kernel.
#[cfg(target_arch = "x86_64")]
const SYSCALL: [u8; 2] = [0x0f, 0x05];
/// The instruction that calls the kernel.
#[cfg(target_arch = "aarch64")]
const SYSCALL: [u8; 4] = 0xd400_0001_u32.to_le_bytes();

/// Bytes of the smallest page.
const PAGE: usize = 4_096;

/// Whether a thread at this instruction was in a system call. Then `pc` is behind the instruction
/// of the call, or on it if the kernel restarts the call.
fn interrupted_syscall(pc: usize) -> bool {
    let size = SYSCALL.len();
    let same_page = |at: usize| at / PAGE == pc / PAGE && (at + size - 1) / PAGE == pc / PAGE;
    [pc.wrapping_sub(size), pc].into_iter().filter(|at| same_page(*at)).any(|at| {
        // SAFETY: the bytes are on the page that the thread executes from, so they are mapped; code
        // is readable on the systems that this is compiled for.
        unsafe { (at as *const [u8; SYSCALL.len()]).read() == SYSCALL }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interrupted_call_is_recognised_behind_its_instruction_and_on_it() {
        let mut page = vec![0x90u8; 2 * PAGE];
        let begin = page.as_ptr().addr().next_multiple_of(PAGE) - page.as_ptr().addr();
        page[begin + 64..][..SYSCALL.len()].copy_from_slice(&SYSCALL);
        let at = page.as_ptr().addr() + begin + 64;
        assert!(interrupted_syscall(at));
        assert!(interrupted_syscall(at + SYSCALL.len()));
        assert!(!interrupted_syscall(at + 1));
        assert!(!interrupted_syscall(at - 32));
    }
}
