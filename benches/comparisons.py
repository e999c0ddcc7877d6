#!/usr/bin/env python3
"""Comparisons of `lab compare` on this host, a line each.

Usage: benches/comparisons.py nulls [--times N] > benches/nulls.txt
       benches/comparisons.py fixes             > benches/unordered-fixes.txt
       benches/comparisons.py traps             > benches/traps.txt

nulls     greedy --fixed against itself, with another seed each time: nothing changed, so nothing may be found.
fixes     unordered's buggy variant against each of five variants: which is a fix, and which is not.
traps     buggy against every trap of every scenario: none may come out as a fix of what it pretends to mend.

Builds what it needs, records into a temporary folder and judges nothing.
"""
import argparse, json, os, pathlib, subprocess, sys, tempfile, time

ROOT = pathlib.Path(__file__).resolve().parent.parent
LAB = ROOT / 'target' / 'release' / 'lab'
FIXES = ('fixed', 'spawn-await', 'bounded', 'unconstrained', 'spawn-join-all')


def build():
    subprocess.run(['cargo', 'build', '--release', '--quiet', '--package', 'lab'], cwd=ROOT, check=True)


def lab(folder, *args):
    """Runs the lab in a folder; returns what it printed and the seconds that it took."""
    begin = time.monotonic()
    printed = subprocess.run([LAB, *args], cwd=folder, stdout=subprocess.PIPE, text=True, env=dict(os.environ, NO_COLOR='1')).stdout
    return printed, time.monotonic() - begin


def compare(*args):
    """Runs a comparison that leaves nothing; returns its document as it was printed, and the seconds that it took."""
    with tempfile.TemporaryDirectory() as out:
        return lab(out, 'compare', *args, '--profile', 'none', '--format', 'json')


def interval(metric):
    if 'ci' not in metric:
        return metric.get('reason', 'not measured')
    low, high = ('?' if end is None else f'{end:.3f}' for end in metric['ci'])
    return f'{metric["ratio"]:.3f} ({low} to {high})'


def nulls(times):
    """A variant against itself, again and again."""
    words = ('improved', 'regressed', 'equivalent', 'inconclusive')
    counts = {True: dict.fromkeys(words, 0), False: dict.fromkeys(words, 0)}
    print('lab compare greedy fixed --null --seed 100, 200, ...: the default load, 8 pairs each\n')
    print(f'{"seed":>5} {"s":>4} {"dropped":>8}  {"response_p99_us":<28} {"cpu_us_per_op":<28} all judged metrics')
    for number in range(1, times + 1):
        printed, took = compare('greedy', 'fixed', '--null', '--seed', str(100 * number))
        result = json.loads(printed)
        judged = [metric for metric in result['comparison'] if metric['judged']]
        for metric in judged:
            counts[metric['primary']][metric['verdict']] += 1
        by_name = {metric['metric']: interval(metric) for metric in result['comparison']}
        dropped = sum('dropped' in pair for pair in result['pairs']['done'])
        shown = ', '.join(f'{sum(m["verdict"] == word for m in judged)} {word}' for word in words)
        invalid = ' INVALID: ' + result['pairs']['invalid'] if 'invalid' in result['pairs'] else ''
        print(f'{100 * number:>5} {took:>4.0f} {dropped:>8}  {by_name.get("response_p99_us", "-"):<28} '
              f'{by_name.get("cpu_us_per_op", "-"):<28} {shown}{invalid}', flush=True)
    for primary, what in ((True, 'the metric that decides'), (False, 'the other judged metrics')):
        print(f'\n{what}: ' + ', '.join(f'{counts[primary][word]} {word}' for word in words), end='')
    print()


def fixes():
    """One line a variant."""
    print('lab compare unordered buggy VARIANT --pairs 16; polls of each upload and CPU time, after over before\n')
    print(f'{"variant":<16} {"polls_per_op":<28} {"cpu_us_per_op, which decides":<30} verdict')
    for variant in FIXES:
        result = json.loads(compare('unordered', 'buggy', variant, '--pairs', '16')[0])
        by_name = {metric['metric']: metric for metric in result['comparison']}
        verdict = by_name['cpu_us_per_op']['verdict']
        print(f'{variant:<16} {interval(by_name["polls_per_op"]):<28} {interval(by_name["cpu_us_per_op"]):<30} {verdict}', flush=True)


def traps():
    """Each trap against the bug: the metric that decides, and what tells it from a fix."""
    listed = subprocess.run([LAB, 'list'], stdout=subprocess.PIPE, text=True, check=True).stdout
    scenario = None
    print('lab compare SCENARIO buggy TRAP --pairs 6; what a trap breaks tells it from a fix\n')
    for line in listed.splitlines():
        if not line:
            break  # The legend follows.
        if not line.startswith(' '):
            scenario = line.split()[0]
        elif line.split()[1] == 'trap':
            trap = line.split()[0]
            result = json.loads(compare(scenario, 'buggy', trap, '--pairs', '6')[0])
            first = result['comparison'][0] if result['comparison'] else None
            told = f'{first["metric"]} {interval(first)} {first["verdict"]}' if first else 'nothing to compare'
            lost = result['pairs']['lost']
            kept = '; '.join(f'{"breaks" if one["broken"] else "keeps"} "{one["claim"]}" in {one["broken"] or one["held"]}'
                             for one in result['pairs'].get('negative_controls', []))
            print(f'{scenario:<10} {trap:<16} {told}; {lost[1]:.0f} lost against {lost[0]:.0f}\n{"":11}{kept}', flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('what', choices=['nulls', 'fixes', 'traps'])
    parser.add_argument('--times', type=int, default=20, help='how many A/A comparisons')
    args = parser.parse_args()
    build()
    version = subprocess.run([LAB, '--version'], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    print(f'# {version}, {time.strftime("%Y-%m-%d", time.gmtime())}', file=sys.stderr)
    {'nulls': lambda: nulls(args.times), 'fixes': fixes, 'traps': traps}[args.what]()


main()
