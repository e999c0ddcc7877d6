//! A child and everything it started: one process group, ended as one.

use crate::engine::supervise::{Event, Interrupts};
use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, kill_process, kill_process_group, waitid,
};
use std::process::Child;
use std::sync::mpsc::Sender;
use std::thread;
use std::time::{Duration, Instant};

/// The interval between two checks for an answer.
const LOOK: Duration = Duration::from_millis(10);

/// The process group that a child leads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ProcessGroup {
    leader: Pid,
}

impl ProcessGroup {
    pub fn new(child: &Child) -> ProcessGroup {
        ProcessGroup { leader: Pid::from_child(child) }
    }

    /// The number of the group, which is that of its leader.
    pub fn number(self) -> Pid {
        self.leader
    }

    /// Tells when the leader has exited. It stays a zombie until its parent reaps it, so the
    /// group's number cannot be given to strangers before [`ProcessGroup::sweep`] has used it.
    pub fn tell_exit(self, to: Sender<Event>) -> std::io::Result<()> {
        let wait = move || {
            let exited = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
            while let Err(rustix::io::Errno::INTR) = waitid(WaitId::Pid(self.leader), exited) {}
            let _ = to.send(Event::Exited);
        };
        thread::Builder::new().name("lab-waiter".into()).spawn(wait)?;
        Ok(())
    }

    /// Whether the leader has exited, whatever has been told of it until now.
    pub fn has_exited(self) -> bool {
        let now = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        matches!(waitid(WaitId::Pid(self.leader), now), Ok(Some(_)))
    }

    /// Asks the leader what it is at. Waits until `answered`, and says whether the leader has
    /// exited meanwhile. A Ctrl-C ends the wait.
    pub fn ask(
        self,
        interrupts: &Interrupts,
        limit: Duration,
        answered: impl Fn() -> bool,
    ) -> bool {
        let _ = kill_process(self.leader, Signal::QUIT);
        let until = Instant::now() + limit;
        while !answered() && Instant::now() < until {
            match interrupts.next(LOOK) {
                Some(Event::Exited) => return true,
                Some(Event::Signal(_)) => return false,
                None => {}
            }
        }
        false
    }

    /// Ends the group: asks, waits for the leader, kills. A second Ctrl-C shortens the wait.
    pub fn end(self, interrupts: &Interrupts, grace: Duration) {
        self.signal(Signal::TERM);
        if interrupts.next(grace) == Some(Event::Exited) {
            return;
        }
        self.signal(Signal::KILL);
        while interrupts.next(Duration::from_secs(60)) != Some(Event::Exited) {}
    }

    /// Kills what is left of the group once its leader has exited, and says how many that were.
    pub fn sweep(self) -> usize {
        let strays = self.strays();
        self.signal(Signal::KILL);
        strays
    }

    /// Kills the group.
    pub fn kill(self) {
        self.signal(Signal::KILL);
    }

    fn signal(self, signal: Signal) {
        // Fails only if nobody is left.
        let _ = kill_process_group(self.leader, signal);
    }

    /// Members of the group beside its leader. Known where there is `/proc`, else none are counted.
    fn strays(self) -> usize {
        let Ok(processes) = std::fs::read_dir("/proc") else { return 0 };
        let numbers =
            processes.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
        numbers.filter(|pid| *pid != self.leader.as_raw_pid() && self.has(*pid)).count()
    }

    fn has(self, pid: i32) -> bool {
        let group = || {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            // pid (name, which may hold blanks and brackets) state parent group
            let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
            let state = fields.next()?;
            let group: i32 = fields.nth(1)?.parse().ok()?;
            (state != "Z").then_some(group)
        };
        group() == Some(self.leader.as_raw_pid())
    }
}
