//! The one list of the scenarios that come with the lab.

use lab_kit::Scenario;

/// Every scenario of `scenarios/`, in the order of the book.
pub const SCENARIOS: &[&Scenario] = &[
    &scenario_greedy::SCENARIO,
    &scenario_blocking::SCENARIO,
    &scenario_unordered::SCENARIO,
    &scenario_shutdown::SCENARIO,
    &scenario_leak::SCENARIO,
    &scenario_await::SCENARIO,
    &scenario_driver::SCENARIO,
];
