//! The child: a variant of the lab under dial9's recorder, set up as `dial9::recorder_from_env` does
//! it with the features of this build.

use anyhow::Context;
use dial9::cpu::{CpuProfilingConfig, SchedEventConfig};
use dial9::process::ProcessResourceUsageConfig;
use dial9::{
    Dial9Handle, Dial9HandleTokioExt, DiskBuffer, Recorder, RecorderPerfExt, TokioAttachOptions,
};
use lab_dial9::scan::TRACE;
use lab_kit::ProfilerHooks;
use lab_recorder::child;
use lab_recording::folder;
use lab_recording::spec::Spec;
use std::io;
use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

/// With this variable dial9 records the resources of the process too. Its scanner as shipped fails on
/// such a trace, so that they are left out unless somebody wants to see that.
const RESOURCES: &str = "LAB_DIAL9_RESOURCES";
/// Bytes that dial9 may use on disk: the default of its configuration by environment.
const BYTES: u64 = 1 << 30;
/// Time limit of dial9's last file.
const END: Duration = Duration::from_secs(10);
/// Exit code of a run that was still going on at its deadline.
pub const HUNG: u8 = 75;

/// Runs the variant that the spec in a folder names.
pub fn child(folder: &Path) -> ExitCode {
    match begin(folder) {
        Ok((dial9, spec)) => {
            let deadline = Duration::from_millis(spec.timeout_ms);
            dial9.clone().end_at(deadline);
            let find = |spec: &Spec| {
                let scenario = lab::SCENARIOS.iter().find(|of| of.name == spec.scenario);
                let variant = scenario.and_then(|scenario| scenario.variant(&spec.variant));
                let variant = variant.with_context(|| {
                    format!("this binary has no variant {} of {}", spec.variant, spec.scenario)
                })?;
                Ok(&variant.run as child::Run<'_>)
            };
            let code = child::main_beside(folder, dial9.clone(), find);
            dial9.finish();
            code
        }
        Err(error) => {
            crate::say(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn begin(folder: &Path) -> anyhow::Result<(Arc<Dial9>, Spec)> {
    let spec = folder::read_spec(folder)?;
    let trace = folder.join(TRACE);
    std::fs::create_dir(&trace)?;
    let buffer = DiskBuffer::builder().base_path(&trace).max_total_size(BYTES).build()?;
    let mut builder = dial9::recorder(buffer)
        .with_cpu_profiling(CpuProfilingConfig::default())
        .with_sched_events(SchedEventConfig::default());
    if std::env::var_os(RESOURCES).is_some() {
        builder = builder.with_process_resource_usage(ProcessResourceUsageConfig::default());
    }
    let recorder = builder.build();
    let handle = recorder.handle().clone();
    Ok((Arc::new(Dial9 { handle, recorder: Mutex::new(Some(recorder)) }), spec))
}

/// dial9's recorder in the place of a profiler of the lab.
#[derive(Debug)]
struct Dial9 {
    handle: Dial9Handle,
    recorder: Mutex<Option<Recorder>>,
}

impl Dial9 {
    /// Writes the last file of the trace. Others that call it wait for that.
    fn finish(&self) {
        let mut recorder = self.recorder.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(recorder) = recorder.take() {
            recorder.graceful_shutdown(END);
        }
    }

    /// Ends a run that hangs, with a whole trace: dial9 is not to be judged by a file that was cut off.
    #[expect(clippy::disallowed_methods, reason = "the main thread hangs and will not return")]
    fn end_at(self: Arc<Self>, deadline: Duration) {
        // Without this thread the parent ends the run, a little later.
        let _ = thread::Builder::new().name("lab-deadline".into()).spawn(move || {
            thread::sleep(deadline);
            self.finish();
            std::process::exit(HUNG.into());
        });
    }
}

impl ProfilerHooks for Dial9 {
    fn runtime(&self, _builder: &mut Builder) {}

    fn build(&self, builder: Builder) -> io::Result<Runtime> {
        let options = TokioAttachOptions::builder().task_tracking_enabled(true).build();
        self.handle.attach_tokio_runtime(builder, options)
    }

    fn begin(&self) {}
}
