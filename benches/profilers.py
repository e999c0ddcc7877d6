#!/usr/bin/env python3
"""What the stall profiler costs and how much it sees, on greedy --fixed.

Usage: benches/profilers.py [--pairs N] > benches/profilers.txt

Each pair is one invocation of `lab run greedy --fixed --profile stall`: the measuring run, and the same load under the profiler.
Prints the factor of the import's time (work is the same, so its inverse is throughput) with the exact signed-rank interval, and the
share of ticks inside polls that samples stand for. Builds what it needs and judges nothing by exit code: it shows.
"""
import argparse, itertools, json, math, pathlib, statistics, subprocess, tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
LAB = ROOT / 'target' / 'release' / 'lab'


def metrics(folder):
    printed = subprocess.run([LAB, 'report', folder, '--format', 'json'], stdout=subprocess.PIPE, text=True).stdout
    return json.loads(printed)['runs'][0]['metrics']


def pair(seed):
    """Import times without and with the profiler in microseconds, and what the profiler counted."""
    with tempfile.TemporaryDirectory() as out:
        subprocess.run([LAB, 'run', 'greedy', '--fixed', '--profile', 'stall', '--duration', '2s', '--seed', str(seed), '--out', out],
                       stdout=subprocess.DEVNULL)
        invocation = next(pathlib.Path(out).iterdir())
        profiler = invocation / 'profiles' / 'fixed-stall'
        times = metrics(invocation / '01-fixed')['import_us'], metrics(profiler)['import_us']
        return times, json.loads((profiler / 'profiler.json').read_text())['counts']


def estimate(ratios):
    """Hodges-Lehmann and the exact signed-rank interval at 95 % or the next level above that there is."""
    n = len(ratios)
    averages = sorted((ratios[i] + ratios[j]) / 2 for i in range(n) for j in range(i, n))
    ways = [1]
    for rank in range(1, n + 1):
        ways = [(ways[s] if s < len(ways) else 0) + (ways[s - rank] if s >= rank and s - rank < len(ways) else 0)
                for s in range(len(ways) + rank)]
    below = list(itertools.accumulate(way / 2 ** n for way in ways))
    k = max(k for k, chance in enumerate(below) if chance <= 0.025)
    return statistics.median(averages), averages[k], averages[-1 - k], 1 - 2 * below[k]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--pairs', type=int, default=12)
    args = parser.parse_args()
    subprocess.run(['cargo', 'build', '--release', '--quiet', '--package', 'lab'], cwd=ROOT, check=True)
    ratios, shares = [], []
    for seed in range(args.pairs):
        (without, under), counts = pair(100 + seed)
        ratios.append(math.log(under / without))
        shares.append(counts['ticks_covered'] / counts['ticks_in_polls'])
    ratio, low, high, level = (f(value) for f, value in zip((math.exp,) * 3 + (float,), estimate(ratios)))
    print(f'greedy --fixed, {args.pairs} pairs: the import under the stall profiler at 1 kHz takes {ratio:.4f} times as long '
          f'({low:.4f} to {high:.4f}, {100 * level:.1f} %)')
    print(f'throughput lost: {100 * (1 - 1 / ratio):.1f} % ({100 * (1 - 1 / low):.1f} to {100 * (1 - 1 / high):.1f} %); asked: at most 3 %')
    print(f'ticks inside polls that samples stand for: {100 * statistics.median(shares):.2f} % ({100 * min(shares):.2f} to '
          f'{100 * max(shares):.2f} %); asked: at least 98 %')


main()
