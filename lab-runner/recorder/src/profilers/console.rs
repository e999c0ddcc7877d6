//! `lab run --console`: a run that is watched live with tokio-console. It writes no profile, but
//! like one it has a run of its own. The only file that knows whether this build has it.

use crate::hooks::Hooks;
use crate::instrument::Instrument;
use crate::price::Priced;
use lab_recording::profiler::ProfilerStatus;
use std::net::TcpListener;
use std::path::Path;
use std::sync::OnceLock;

/// Whether this build can be watched.
pub const CAN_BE_WATCHED: bool = cfg!(feature = "console");

/// What to do when it cannot.
pub const HOW_TO_BE_WATCHED: &str = "this lab was built without tokio-console: try cargo run --release --package \
                                            lab --features console --bin lab -- run greedy --console";

/// The port that tokio-console tries by itself.
const USUAL: u16 = 6_669;

/// The port at which this lab's runs are watched: the usual one, or any where that is taken.
pub fn port() -> u16 {
    static PORT: OnceLock<u16> = OnceLock::new();
    let free = |port| Some(TcpListener::bind(("127.0.0.1", port)).ok()?.local_addr().ok()?.port());
    *PORT.get_or_init(|| free(USUAL).or_else(|| free(0)).unwrap_or(USUAL))
}

/// What the child needs in its environment to be watched there.
pub(crate) fn environment() -> (&'static str, String) {
    ("TOKIO_CONSOLE_BIND", format!("127.0.0.1:{}", port()))
}

/// Serves clients that attach, from before any runtime is built until the process ends.
pub(crate) struct Console;

impl Console {
    /// Begins to serve at once: a task that is spawned before is never seen.
    pub fn new() -> Console {
        #[cfg(feature = "console")]
        serve();
        Console
    }
}

/// The console's layer alone: its own `init` adds one that prints what `RUST_LOG` asks for, at the
/// cost of what is watched.
#[cfg(feature = "console")]
fn serve() {
    use tracing_subscriber::layer::SubscriberExt;
    use tracing_subscriber::util::SubscriberInitExt;
    // Nobody else subscribes in a child that is watched; if somebody did, nobody would be served,
    // which the parent tells.
    let _ = tracing_subscriber::registry().with(console_subscriber::spawn()).try_init();
}

impl Instrument for Console {
    fn start(&mut self, _folder: &Path) -> Result<(), String> {
        if CAN_BE_WATCHED { Ok(()) } else { Err(HOW_TO_BE_WATCHED.into()) }
    }

    fn prices(&mut self, _hooks: &Hooks, _folder: &Path) -> Vec<Priced> {
        vec![("each span", Err("its CPU time cannot be separated from the program's".into()))]
    }

    fn stop(&mut self, _folder: &Path) -> anyhow::Result<ProfilerStatus> {
        Ok(ProfilerStatus {
            notes: vec!["it served tokio-console and writes no profile".into()],
            ..ProfilerStatus::default()
        })
    }
}
