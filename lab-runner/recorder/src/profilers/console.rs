//! `lab run --console`: a run that serves tokio-console. It writes no profile, but has a run of its
//! own like a profiler. No other file depends on the feature `console`.

use crate::hooks::Hooks;
use crate::instrument::Instrument;
use crate::price::Priced;
use lab_recording::profiler::ProfilerStatus;
use std::net::TcpListener;
use std::path::Path;
use std::sync::OnceLock;

/// Whether this build can serve tokio-console.
pub const CAN_BE_WATCHED: bool = cfg!(feature = "console");

/// The error of a build that cannot, with a remedy.
pub const HOW_TO_BE_WATCHED: &str = "this lab was built without tokio-console: try cargo run \
    --release --package lab --features console --bin lab -- run greedy --console";

/// The default port of tokio-console.
const USUAL: u16 = 6_669;

/// The port of this lab's runs: the default one, or any free port if that is taken.
pub fn port() -> u16 {
    static PORT: OnceLock<u16> = OnceLock::new();
    let free = |port| Some(TcpListener::bind(("127.0.0.1", port)).ok()?.local_addr().ok()?.port());
    *PORT.get_or_init(|| free(USUAL).or_else(|| free(0)).unwrap_or(USUAL))
}

/// The environment variable by which the child gets the port.
pub(crate) fn environment() -> (&'static str, String) {
    ("TOKIO_CONSOLE_BIND", format!("127.0.0.1:{}", port()))
}

/// The console's server, from before any runtime is built until the end of the process.
pub(crate) struct Console;

impl Console {
    /// Starts the server at once: tasks that were spawned before are never shown.
    pub fn new() -> Console {
        #[cfg(feature = "console")]
        serve();
        Console
    }
}

/// Installs only the console's layer. Its own `init` would also install one that prints events for
/// `RUST_LOG`, which slows the run down.
#[cfg(feature = "console")]
fn serve() {
    use tracing_subscriber::layer::SubscriberExt;
    use tracing_subscriber::util::SubscriberInitExt;
    // Fails if the scenario has installed a subscriber; then the parent reports that no client can
    // attach.
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
