//! The profiler `cpu` in the child: it records addresses, which the parent resolves to names.

use crate::cpu::HZ;
use crate::cpu::sampler::{Sampler, price_of_a_sample};
use crate::hooks::Hooks;
use crate::instrument::Instrument;
use crate::price::Priced;
use lab_recording::profiler::ProfilerStatus;
use std::path::Path;

/// The profiler `cpu`.
#[derive(Default)]
pub(crate) struct CpuProfiler {
    sampler: Option<Sampler>,
    /// Number of samples, after the profiler has stopped.
    samples: Option<u64>,
}

/// Event on the threads of the program: a sample.
const SAMPLE: &str = "sample";

impl Instrument for CpuProfiler {
    fn start(&mut self, folder: &Path) -> Result<(), String> {
        self.sampler = Some(Sampler::start(folder, HZ)?);
        Ok(())
    }

    fn threads(&self) -> Vec<&'static str> {
        vec!["lab-cpu"]
    }

    fn prices(&mut self, _hooks: &Hooks, folder: &Path) -> Vec<Priced> {
        vec![(SAMPLE, price_of_a_sample(folder))]
    }

    fn counted(&self) -> Vec<(&'static str, u64)> {
        self.samples.into_iter().map(|samples| (SAMPLE, samples)).collect()
    }

    fn stop(&mut self, _folder: &Path) -> anyhow::Result<ProfilerStatus> {
        if let Some(sampler) = self.sampler.take() {
            self.samples = Some(sampler.stop()?);
        }
        // The counts are in the profiler's file, which the parent reads.
        Ok(ProfilerStatus::default())
    }
}
