#!/usr/bin/env python3
"""What the build costs a learner, and how long a run takes beyond its load.

Usage: benches/build.py [--cold N] [--warm N] > benches/build.txt

Cold: `cargo lab list` in a clone with an empty target folder, crates downloaded before. Warm: the same after a comment was added to each
scenario's faulty variant in turn. Then `lab run greedy --profile none` against the time that its load asks for. Prints median, range and
rounds; judges nothing by exit code: it shows. Needs a machine on which nobody else builds.
"""
import argparse, os, pathlib, statistics, subprocess, tempfile, time

ROOT = pathlib.Path(__file__).resolve().parent.parent
SCENARIOS = ['greedy', 'blocking', 'unordered', 'shutdown']
# Warm-up and measured time of greedy's default load, in seconds.
LOAD = 0.3 + 3.0


def seconds(*command, cwd):
    begin = time.monotonic()
    subprocess.run(command, cwd=cwd, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.monotonic() - begin


def cold(tree):
    subprocess.run(['rm', '-rf', tree / 'target'], check=True)
    return seconds('cargo', 'lab', 'list', cwd=tree)


def warm(tree, scenario, number):
    with open(tree / 'scenarios' / scenario / 'src' / 'buggy.rs', 'a') as source:
        source.write(f'// Edit {number}.\n')
    return seconds('cargo', 'lab', 'list', cwd=tree)


def beyond(tree, out):
    lab = tree / 'target' / 'release' / 'lab'
    return seconds(lab, 'run', 'greedy', '--profile', 'none', '--out', out, cwd=tree) - LOAD


def row(what, target, values):
    low, high = min(values), max(values)
    print(f'{what:<56} {target:>8} {statistics.median(values):>10.2f}   {low:.2f} to {high:.2f}, {len(values)}', flush=True)


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    arguments.add_argument('--cold', type=int, default=1)
    arguments.add_argument('--warm', type=int, default=6)
    rounds = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        tree = pathlib.Path(folder) / 'lab'
        subprocess.run(['git', 'clone', '--quiet', ROOT, tree], check=True)
        subprocess.run(['cargo', 'fetch', '--quiet', '--locked'], cwd=tree, check=True)
        print(f'{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f} at the begin\n')
        print(f'{"seconds":<56} {"target":>8} {"median":>10}   range, rounds')
        row('cargo lab list, nothing built before', '<= 240', [cold(tree) for _ in range(rounds.cold)])
        for scenario in SCENARIOS:
            row(f'cargo lab list after an edit of {scenario}', '<= 8', [warm(tree, scenario, n) for n in range(rounds.warm)])
        row('lab run greedy --profile none beyond its load', '<= 0.3', [beyond(tree, pathlib.Path(folder) / 'runs') for _ in range(rounds.warm)])


if __name__ == '__main__':
    main()
