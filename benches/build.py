#!/usr/bin/env python3
"""What the build costs a learner and a contributor, and how long a run takes beyond its load.

Usage: benches/build.py learner [--cold N] [--warm N]     > benches/build.txt
       benches/build.py contributor [--cold N] [--warm N] > benches/test-times.txt
       benches/build.py ci                                > benches/ci-times.txt

A learner: `cargo lab list` in a clone with an empty target folder, crates downloaded before; the same after a comment
was added to each scenario's faulty variant in turn; the same edit until a run of 200 ms has been reported; `lab run
greedy --profile none` against the time that its load takes.
A contributor: `cargo test` in a clone with an empty target folder; `cargo test -p lab-analysis` after an edit of it.
CI: `.ci/run` from nothing, and again with what that has built. A test that fails ends the script.
Prints median, range and rounds. Needs a host on which nothing else builds.
"""
import argparse, os, pathlib, statistics, subprocess, tempfile, time

ROOT = pathlib.Path(__file__).resolve().parent.parent
SCENARIOS = ['greedy', 'blocking', 'unordered', 'shutdown']
# Warm-up and measured time of greedy's default load, in seconds.
LOAD = 0.3 + 3.0
# An edit is judged by a run that hardly takes time itself.
SHORT_RUN = ('--duration', '200ms', '--profile', 'none')


def seconds(*command, cwd, codes=(0,), env=None):
    begin = time.monotonic()
    done = subprocess.run(command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, env=dict(os.environ, **(env or {})))
    took = time.monotonic() - begin
    if done.returncode not in codes:
        raise SystemExit(f'{" ".join(map(str, command))}: exit code {done.returncode}\n{done.stdout[-3000:]}')
    return took


def remove_target(tree):
    subprocess.run(['rm', '-rf', tree / 'target'], check=True)


def edit(file, number):
    with open(file, 'a') as source:
        source.write(f'// Edit {number}.\n')


def cold(tree, *command, **more):
    remove_target(tree)
    return seconds(*command, cwd=tree, **more)


def after_edit(tree, scenario, number, *command, codes=(0,)):
    edit(tree / 'scenarios' / scenario / 'src' / 'buggy.rs', number)
    return seconds('cargo', 'lab', *command, cwd=tree, codes=codes)


def beyond(tree):
    lab = tree / 'target' / 'release' / 'lab'
    return seconds(lab, 'run', 'greedy', '--profile', 'none', '--out', tree / 'target' / 'runs', cwd=tree) - LOAD


def analysis(tree, number):
    edit(tree / 'lab-runner' / 'analysis' / 'src' / 'host.rs', number)
    return seconds('cargo', 'test', '--locked', '-p', 'lab-analysis', cwd=tree)


def row(what, target, values):
    low, high = min(values), max(values)
    print(f'{what:<56} {target:>8} {statistics.median(values):>10.2f}   {low:.2f} to {high:.2f}, {len(values)}', flush=True)


def learner(tree, rounds):
    row('cargo lab list, nothing built before', '<= 240', [cold(tree, 'cargo', 'lab', 'list') for _ in range(rounds.cold)])
    for scenario in SCENARIOS:
        edits = [after_edit(tree, scenario, n, 'list') for n in range(rounds.warm)]
        row(f'cargo lab list after an edit of {scenario}', '<= 8', edits)
    # A broken claim is no failure of the build: a run of 200 ms decides little.
    runs = [after_edit(tree, 'greedy', n, 'run', 'greedy', *SHORT_RUN, codes=(0, 3, 4)) for n in range(rounds.warm)]
    row('an edit of greedy to the report of a run of 200 ms', '<= 8', runs)
    row('lab run greedy --profile none beyond its load', '<= 0.3', [beyond(tree) for _ in range(rounds.warm)])


def contributor(tree, rounds):
    tests = [cold(tree, 'cargo', 'test', '--locked') for _ in range(rounds.cold)]
    row('cargo test, nothing built before', '<= 600', tests)
    row('cargo test -p lab-analysis after an edit of it', '<= 20', [analysis(tree, n) for n in range(rounds.warm)])


def ci(tree, _rounds):
    row('.ci/run, nothing built before', '<= 1200', [cold(tree, 'bash', '.ci/run', env={'CI': 'true'})])
    row('.ci/run, dependencies built', '<= 720', [seconds('bash', '.ci/run', cwd=tree, env={'CI': 'true'})])


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parts = {'learner': learner, 'contributor': contributor, 'ci': ci}
    arguments.add_argument('part', choices=parts)
    arguments.add_argument('--cold', type=int, default=1)
    arguments.add_argument('--warm', type=int, default=6)
    rounds = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        tree = pathlib.Path(folder) / 'lab'
        subprocess.run(['git', 'clone', '--quiet', ROOT, tree], check=True)
        subprocess.run(['cargo', 'fetch', '--quiet', '--locked'], cwd=tree, check=True)
        print(f'{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f} at the begin\n')
        print(f'{"seconds":<56} {"target":>8} {"median":>10}   range, rounds')
        parts[rounds.part](tree, rounds)


if __name__ == '__main__':
    main()
