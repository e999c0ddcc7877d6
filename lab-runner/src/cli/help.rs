//! The texts around the lists of commands and options: what the lab is, and how long each command
//! takes.

/// What the lab is.
pub(crate) const ABOUT: &str = "\
Reproduces faults of async Rust services on tokio, measures and diagnoses them,
and compares fixes.

A scenario is a small tokio service with one fault. Its variants are the faulty
code (buggy), the default fix (fixed), other fixes, tempting fixes that do not
fix it, and healthy code that only looks faulty. Each run is a process of its
own under an open-loop load: a request counts from when it should have been sent.";

/// Below the list of commands.
pub(crate) const AFTER: &str = "\
Examples:
  lab list                           scenarios and variants
  lab run greedy                     measure the faulty variant and name the
                                     function at fault, about 15 s
  lab run greedy --variant offload   the same for another variant
  lab compare greedy                 faulty against fixed, about 80 s
  lab report --open                  the newest recording as a page

Recordings are written to lab-runs/ in the current folder, some MB for each
command; lab clean removes old ones.

Exit codes: 0 no check failed; 1 the lab failed; 2 wrong usage; 3 a check or
comparison failed; 4 nothing could be decided, or with --strict something is
undecided; 128 + N ended by signal N.";

pub(crate) const RUN: &str = "\
Takes about 15 s with the default profilers, 7 s with --profile none, and with
--all about 5 s for each variant. The default fix is the variant fixed.

  lab run greedy --rate 1k --size 1.5kB
  lab run greedy --all
  lab run shutdown --trials 20

Raw logs of profilers, up to 30 MB a run, are removed once their results are
computed: --keep-raw keeps them. lab export --to perfetto does not need them.";

pub(crate) const COMPARE: &str = "\
Takes about 80 s: 8 pairs of runs of some 5 s each; --dry-run lists them. The two
runs of a pair share a seed, in an order drawn at random.

  lab compare greedy                      buggy against fixed
  lab compare greedy fixed offload        one fix against another
  lab compare greedy fixed --null         A/A: the noise of this machine
  lab compare greedy --load-b rate=4k     one variant under two loads
  lab compare lab-runs/A lab-runs/B       two recordings; nothing is run

Exit code 3: the primary metric regressed; 4: nothing could be compared, or with
--strict the result is undecided.";

pub(crate) const EXERCISE: &str = "\
A check takes about 5 s until counts are judged, and 30 s in all, without the
build. Alone, lab exercise shows where you are and what comes next.

  lab exercise list
  lab exercise check slow-quotes
  lab exercise hint

Progress is kept in .lab-progress of the pack, tries in .lab-tries.

Exit codes: 0 solved; 3 not yet, or the program hangs; 4 inconclusive;
5 the file does not build.";

pub(crate) const SWEEP: &str = "\
Takes from one to three minutes with the default sizes; the number of runs, the
sizes and an estimate of the time are printed before the first run. Only for
scenarios that are a batch and whose claims are about growth: unordered.";

pub(crate) const VERIFY: &str = "\
Takes about three minutes for all scenarios. A claim that fails is checked once
more in new processes before it counts as broken.";

pub(crate) const SCORE: &str = "\
Takes up to five minutes; with --thorough half an hour or more: --dry-run prints
the runs and the estimated time.";

pub(crate) const DOCTOR: &str = "\
Takes about a minute: it examines the machine, and compares a variant with itself
(A/A comparison) to find the smallest change that can be detected here.

Exit code 4: this machine cannot decide a comparison now.";

pub(crate) const OVERHEAD: &str = "\
Takes up to a minute. Each instrument is measured in a process of its own.";

pub(crate) const CLEAN: &str = "\
Takes a moment. Removes only folders that this lab recorded, and none of a lab
that is still running. Without options the newest 10 recordings are kept.

  lab clean --dry-run
  lab clean --keep 3
  lab clean --keep 0 --older-than 7d";

/// All of them, for tests.
#[cfg(test)]
pub(crate) const ALL: [&str; 10] =
    [ABOUT, AFTER, RUN, COMPARE, SWEEP, VERIFY, SCORE, DOCTOR, OVERHEAD, CLEAN];
