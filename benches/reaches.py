#!/usr/bin/env python3
"""What the lab reaches on this machine: its own targets, measured through its command line.

Usage: benches/reaches.py [--rounds N] [--only pacer|greedy]

Prints a row a target: median, range and number of rounds that could measure it. Six rounds make the range a 97 % interval of the median.
Builds what it needs, records into a temporary folder, judges nothing by exit code: it shows.
"""
import argparse, json, os, pathlib, statistics, subprocess, sys, tempfile, time

ROOT = pathlib.Path(__file__).resolve().parent.parent
RELEASE = ROOT / 'target' / 'release'


def build():
    for target in (['--bin', 'lab'], ['--bin', 'endings', '--features', 'fixtures']):
        subprocess.run(['cargo', 'build', '--release', '--quiet', '--package', 'lab', *target], cwd=ROOT, check=True)


def lab(binary, *args):
    """Runs a lab binary; returns its document, its wall time in seconds, and the peak memory of the parent in MB.

    The parent's memory peaks when it reads the recordings at its end, too briefly to be seen from outside; so the
    same reading is done again by a process without children, whose peak the kernel tells.
    """
    with tempfile.TemporaryDirectory() as out:
        begin = time.monotonic()
        document = tempfile.TemporaryFile()  # not a pipe, which would have to be read meanwhile
        process = subprocess.Popen([binary, 'run', *args, '--format', 'json', '--out', out], stdout=document)
        peak = 0
        while process.poll() is None:
            peak = max(peak, peak_kb(process.pid))
            time.sleep(0.2)
        wall = time.monotonic() - begin
        reader = subprocess.Popen([binary, 'report', '--out', out], stdout=subprocess.DEVNULL)
        _, _, usage = os.wait4(reader.pid, 0)
        document.seek(0)
        return json.load(document), wall, max(peak, usage.ru_maxrss) / 1000


def peak_kb(pid):
    try:
        status = pathlib.Path(f'/proc/{pid}/status').read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in status.splitlines() if line.startswith('VmHWM')), 0)


def pacer(rounds):
    """The pacer against a target that only counts."""
    cores = len(os.sched_getaffinity(0))
    idle = {'2 000/s, spare core': ['--rate', '2000'],
            '2 000/s, no spare core, idle workers': ['--rate', '2000', '--workers', str(cores)],
            '100 000/s, spare core': ['--rate', '100000']}
    lag_target = dict(zip(idle, (5, 150, '-')))
    for _ in range(rounds):
        for name, args in idle.items():
            run = lab(RELEASE / 'endings', 'endings', '--variant', 'quick', '--duration', '3s', *args)[0]['runs'][0]
            metrics = run['metrics']
            yield f'pacer lag p99 at {name}, µs', lag_target[name], metrics['pacer_lag_p99_us']
            if 'no spare' not in name:  # a pacer that sleeps to each deadline pays for its sleep, not for injecting
                yield f'injection at {name}, µs', 1, metrics['pacer_inject_us_per_op']
                yield f'  and waking a sleeping runtime at {name}, µs', '-', metrics['pacer_wake_us_per_op']
            yield f'valid at {name}', 1, float(run['validity'] == 'valid')
        run = lab(RELEASE / 'lab', 'greedy', '--variant', 'more-workers')[0]['runs'][0]
        yield 'pacer lag p99 at 2 000/s, no spare core, busy workers, µs', 150, run['metrics']['pacer_lag_p99_us']


def greedy(rounds):
    """The main job."""
    for _ in range(rounds):
        document, wall, peak = lab(RELEASE / 'lab', 'greedy', '--all')
        p99 = {run['variant']: run['metrics']['response_p99_us'] for run in document['runs'] if 'scaled' not in run}
        yield 'p99 of buggy over fixed', '>= 25', p99['buggy'] / p99['fixed']
        yield 'p99 of buggy over offload', '>= 200', p99['buggy'] / p99['offload']
        broken = [(run['variant'], c) for run in document['runs'] for c in run['claims'] if c['verdict'] == 'broken']
        for variant, claim in broken:
            print(f'broken: {variant}: {claim}', file=sys.stderr)
        yield 'claims broken in --all', 0, len(broken)
        yield 'wall time of --all, s', 60, wall
        yield 'peak memory of the parent, MB', 32, peak
        document, wall, _ = lab(RELEASE / 'lab', 'greedy', '--fixed')
        load = document['load']
        yield 'wall time of --fixed beyond its load, s', 2, wall - (load['warmup_ms'] + load['duration_ms']) / 1e3


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--rounds', type=int, default=6)
    parser.add_argument('--only', choices=['pacer', 'greedy'])
    args = parser.parse_args()
    build()
    values, targets = {}, {}
    for name, part in (('pacer', pacer), ('greedy', greedy)):
        if args.only in (None, name):
            for what, target, value in part(args.rounds):
                values.setdefault(what, []).append(value)
                targets[what] = target if isinstance(target, str) else f'<= {target}'
                if what.startswith('valid'):
                    targets[what] = 'always 1'
    print(f'{"":62} {"target":>9} {"median":>10}   range, rounds')
    for what, seen in values.items():
        row = f'{what:62} {targets[what]:>9} {statistics.median(seen):10.4g}   {min(seen):.4g} to {max(seen):.4g}'
        print(f'{row}, {len(seen)}')


main()
