//! Settings of a child process.

/// Lets the kernel kill this process when its parent dies: no other process could end it if it
/// hangs.
pub fn die_with_the_parent() {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL));
}
