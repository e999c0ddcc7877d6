#!/usr/bin/env python3
"""Whether the benches of the fixes and `lab compare` say that the same side is faster.

Usage: benches/agree.py [--criterion DIR] [COMPARISON ...]

COMPARISON  what `lab compare` printed: a document of `--format json`, or a text as in benches/comparisons.txt, which is
            read if none is given.
--criterion where criterion keeps its estimates; target/criterion unless said otherwise.

Of a comparison the metric that decides it is taken, of criterion the means of both variants, at the comparison's own size
where a bench has sizes. Each side's factor, after over before, has an interval; of criterion's the widest that its two means
allow. Where one contains 1, or where there is none, nothing can be told. Exit code 1 if a direction is another one, 2 if none
could be told at all or a file is not what it should be.
"""
import argparse, collections, json, math, pathlib, re, sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
UNTOLD = 'cannot tell'

Comparison = collections.namedtuple('Comparison', 'scenario before after size metric interval why')

HEAD = re.compile(r'^(\w+): (\S+) against (\S+), \d+ pairs')
BATCH = re.compile(r'^asked +a batch of ([\d ]+) at once')
# The metric with the star, and the interval behind its factor; an end may be open.
DECIDES = re.compile(r'^\*(\w+) .*? ([\d.]+) to ([\d.]+|\?), [\d.]+ %')


class Unreadable(Exception):
    pass


def of_document(document):
    """The comparison of one JSON document."""
    pairs, load = document['pairs'], document['load']
    primary = next((m for m in document.get('comparison', []) if m['primary']), {})
    low, high = primary.get('ci') or (None, None)
    interval = (low or 0.0, math.inf if high is None else high) if 'ci' in primary else None
    size = load['size'] if load['arrivals'] == 'batch' else None
    why = primary.get('reason') or pairs.get('invalid') or 'there is no interval'
    return Comparison(document['scenario'], pairs['before'], pairs['after'], size, primary.get('metric', '-'), interval, why)


def of_text(text):
    """The comparisons of a text, one for each head in it."""
    found = []
    for line in text.splitlines():
        if head := HEAD.match(line):
            found.append(Comparison(*head.groups(), None, '-', None, 'there is no interval'))
        elif found and (batch := BATCH.match(line)):
            found[-1] = found[-1]._replace(size=int(batch[1].replace(' ', '')))
        elif found and (decides := DECIDES.match(line)):
            high = math.inf if decides[3] == '?' else float(decides[3])
            found[-1] = found[-1]._replace(metric=decides[1], interval=(float(decides[2]), high))
    return found


def read(path):
    """All comparisons of a file."""
    try:
        text = path.read_text()
        found = [of_document(json.loads(text))] if text.lstrip().startswith('{') else of_text(text)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Unreadable(f'{path} is no comparison of the lab: {error}') from error
    if not found:
        raise Unreadable(f'{path} has no comparison in it: give what lab compare printed')
    return found


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
    return 'faster' if high < 1 else 'slower' if low > 1 else UNTOLD


def judge(comparison, criterion):
    """What criterion and the lab say of a comparison, and whether that is the same."""
    means = [mean(criterion, comparison.scenario, name, comparison.size) for name in (comparison.before, comparison.after)]
    for name, found in zip((comparison.before, comparison.after), means):
        if found is None:
            return None, f'{UNTOLD}: criterion has no estimate of {name}; what claims to hang has none'
    (before_low, before_high), (after_low, after_high) = means
    bench = after_low / before_high, after_high / before_low
    if comparison.interval is None:
        return bench, f'{UNTOLD}: by the lab, {comparison.why}'
    told, by_lab = direction(bench), direction(comparison.interval)
    for who, said in (('criterion', told), ('the lab', by_lab)):
        if said == UNTOLD:
            return bench, f'{UNTOLD}: by {who} it may be either'
    return bench, 'agrees' if told == by_lab else f'DISAGREES: {told} by criterion, {by_lab} by the lab'


def shown(interval):
    return '-' if interval is None else ' to '.join('?' if math.isinf(end) else f'{end:.3g}' for end in interval)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('comparisons', nargs='*', type=pathlib.Path, default=[ROOT / 'benches' / 'comparisons.txt'])
    parser.add_argument('--criterion', type=pathlib.Path, default=ROOT / 'target' / 'criterion')
    args = parser.parse_args()
    comparisons = [found for path in args.comparisons for found in read(path)]
    counts = collections.Counter()
    print(f'{"scenario":<10} {"before":<15} {"after":<15} {"criterion":<18} {"lab compare":<18} {"its metric":<16} direction')
    for comparison in comparisons:
        bench, says = judge(comparison, args.criterion)
        counts[says.split(':')[0]] += 1
        scenario = comparison.scenario
        print(f'{scenario:<10} {comparison.before:<15} {comparison.after:<15} {shown(bench):<18} '
              f'{shown(comparison.interval):<18} {comparison.metric:<16} {says}')
    print(f'\n{counts["agrees"]} agree, {counts["DISAGREES"]} disagree, {counts[UNTOLD]} could not be told')
    return 1 if counts['DISAGREES'] else 0 if counts['agrees'] else 2


if __name__ == '__main__':
    try:
        sys.exit(main())
    except Unreadable as error:
        print(error, file=sys.stderr)
        sys.exit(2)
