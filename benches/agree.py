#!/usr/bin/env python3
"""Whether the benches of the fixes and `lab compare` say that the same side is faster.

Usage: benches/agree.py [--criterion DIR] COMPARISON ...

COMPARISON   a document of `lab compare SCENARIO --format json`.
--criterion  the folder of criterion's estimates, target/criterion by default.

The primary metric of a comparison is set against the means of both variants in criterion, at the size of the comparison
where a bench has sizes. Each ratio, after over before, has an interval; that of criterion is the widest that its two means
allow. A direction is unknown where an interval contains 1 or is missing. Exit code 1 if two directions differ, 2 if none is
known or a file cannot be read.
"""
import argparse, collections, json, math, pathlib, sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
UNKNOWN = 'unknown'

Comparison = collections.namedtuple('Comparison', 'scenario before after size metric interval why')

class Unreadable(Exception):
    pass


def of_document(document):
    """The comparison of one JSON document."""
    pairs, load = document['pairs'], document['load']
    primary = next((m for m in document.get('comparison', []) if m['primary']), {})
    low, high = primary.get('ci') or (None, None)
    interval = (low or 0.0, math.inf if high is None else high) if 'ci' in primary else None
    size = load['size'] if load['arrivals'] == 'batch' else None
    why = primary.get('reason') or pairs.get('invalid') or 'no interval'
    return Comparison(document['scenario'], pairs['before'], pairs['after'], size, primary.get('metric', '-'), interval, why)


def read(path):
    """The comparison in a file."""
    try:
        return of_document(json.loads(path.read_text()))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Unreadable(f'{path} is no document of lab compare --format json: {error}') from error


def mean(criterion, scenario, variant, size):
    """The interval of a variant's mean, or none if it was not measured."""
    folder = criterion / scenario / variant
    path = (folder / str(size) if size else folder) / 'new' / 'estimates.json'
    try:
        interval = json.loads(path.read_text())['mean']['confidence_interval']
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError) as error:
        raise Unreadable(f'{path} is no estimate of criterion: {error}') from error
    return interval['lower_bound'], interval['upper_bound']


def direction(interval):
    low, high = interval
    return 'faster' if high < 1 else 'slower' if low > 1 else UNKNOWN


def judge(comparison, criterion):
    """The interval of criterion, and whether both directions agree."""
    means = [mean(criterion, comparison.scenario, name, comparison.size) for name in (comparison.before, comparison.after)]
    for name, found in zip((comparison.before, comparison.after), means):
        if found is None:
            return None, f'{UNKNOWN}: criterion has no estimate of {name}; a variant that hangs has none'
    (before_low, before_high), (after_low, after_high) = means
    bench = after_low / before_high, after_high / before_low
    if comparison.interval is None:
        return bench, f'{UNKNOWN}: by the lab, {comparison.why}'
    by_criterion, by_lab = direction(bench), direction(comparison.interval)
    for source, found in (('criterion', by_criterion), ('the lab', by_lab)):
        if found == UNKNOWN:
            return bench, f'{UNKNOWN}: the interval of {source} contains 1'
    if by_criterion == by_lab:
        return bench, 'agrees'
    return bench, f'DISAGREES: {by_criterion} by criterion, {by_lab} by the lab'


def shown(interval):
    return '-' if interval is None else ' to '.join('?' if math.isinf(end) else f'{end:.3g}' for end in interval)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('comparisons', nargs='+', type=pathlib.Path)
    parser.add_argument('--criterion', type=pathlib.Path, default=ROOT / 'target' / 'criterion')
    args = parser.parse_args()
    comparisons = [read(path) for path in args.comparisons]
    counts = collections.Counter()
    print(f'{"scenario":<10} {"before":<15} {"after":<15} {"criterion":<18} {"lab compare":<18} {"metric":<16} direction')
    for comparison in comparisons:
        bench, result = judge(comparison, args.criterion)
        counts[result.split(':')[0]] += 1
        scenario = comparison.scenario
        print(f'{scenario:<10} {comparison.before:<15} {comparison.after:<15} {shown(bench):<18} '
              f'{shown(comparison.interval):<18} {comparison.metric:<16} {result}')
    print(f'\n{counts["agrees"]} agree, {counts["DISAGREES"]} disagree, {counts[UNKNOWN]} unknown')
    return 1 if counts['DISAGREES'] else 0 if counts['agrees'] else 2


if __name__ == '__main__':
    try:
        sys.exit(main())
    except Unreadable as error:
        print(error, file=sys.stderr)
        sys.exit(2)
