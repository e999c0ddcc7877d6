//! Shared by the benches: nothing yet but the reading of a request log into a lag histogram.
