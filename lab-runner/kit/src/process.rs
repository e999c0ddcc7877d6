//! What a process that was started by another one asks of the system.

/// If the parent is killed no process is left to end a child that hangs, or to read its result: let
/// the kernel end it.
pub fn die_with_the_parent() {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL));
}
