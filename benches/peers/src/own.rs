//! Tokio's own measurements.

use crate::{beside, check_count};
use lab_kit::overhead::{Answer, Job};
use lab_kit::turns::builder;
use tokio::runtime::{HistogramConfiguration, LogHistogram, RuntimeMetrics};

/// Measures the histograms of poll times and of schedule latencies, with logarithmic buckets.
pub fn histograms(job: &Job) -> Result<Answer, String> {
    let buckets = || HistogramConfiguration::log(LogHistogram::default());
    let runtime = builder()
        .enable_metrics_poll_time_histogram()
        .metrics_poll_time_histogram_configuration(buckets())
        .enable_metrics_schedule_latency_histogram()
        .metrics_schedule_latency_histogram_configuration(buckets())
        .build()
        .map_err(|error| error.to_string())?;
    let measured = beside(job, &runtime)?;
    let metrics = runtime.metrics();
    // A worker publishes its last counts when it ends.
    drop(runtime);
    check_counts(&metrics, job.amount)?;
    Ok(measured)
}

fn check_counts(metrics: &RuntimeMetrics, polls: u64) -> Result<(), String> {
    let times = 0..metrics.poll_time_histogram_num_buckets();
    let times = times.map(|bucket| metrics.poll_time_histogram_bucket_count(0, bucket)).sum();
    let latencies = 0..metrics.schedule_latency_histogram_num_buckets();
    let latencies =
        latencies.map(|bucket| metrics.schedule_latency_histogram_bucket_count(0, bucket)).sum();
    check_count(times, polls, "poll times")?;
    check_count(latencies, polls, "schedule latencies")
}
