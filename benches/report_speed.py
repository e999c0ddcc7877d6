#!/usr/bin/env python3
"""How long it takes from a scheduler's recording of ten million events to its page.

Usage: benches/report_speed.py [--rounds N] [--before ADD_UP] > benches/report-speed.txt

Makes two recordings in a temporary folder: a batch whose tasks all wait at once, and requests that come faster than they are served. Of each
it then times, in processes of their own and one after the other, the adding up of `sched.bin` with all that `lab run` does after such a run
(the example `add_up`), and `lab report --html`, which reads what that left. Prints median, range and rounds; six rounds make the range a
97 % interval of the median. With --before an `add_up` of an older commit is timed in each round too. Builds what it needs and judges nothing
by exit code: it shows.
"""
import argparse, json, os, pathlib, statistics, subprocess, tempfile, time

ROOT = pathlib.Path(__file__).resolve().parent.parent
RELEASE = ROOT / 'target' / 'release'
LAB, ADD_UP = RELEASE / 'lab', RELEASE / 'examples' / 'add_up'
RUNS = {'unordered --fixed --size 1250000': 'a batch, all of whose tasks wait at once',
        'greedy --fixed --rate 1000000 --duration 2s': 'requests that come faster than they are served'}


def build():
    for target in (['lab', '--bin', 'lab'], ['lab-runner', '--example', 'add_up']):
        subprocess.run(['cargo', 'build', '--release', '--quiet', '--package', *target], cwd=ROOT, check=True)


def record(args, out):
    """An invocation with one profile by the profiler sched."""
    subprocess.run([LAB, 'run', *args.split(), '--profile', 'sched', '--out', out], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return next(out.iterdir())


def timed(*command):
    """Seconds by the clock, seconds of CPU time, and the peak of memory in MB."""
    begin = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, _, usage = os.wait4(process.pid, 0)
    return time.monotonic() - begin, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1000


def round_of(invocation, before):
    """One of each, the older one first: what it leaves is replaced."""
    folder = next(path for path in (invocation / 'profiles').iterdir() if path.is_dir())
    page = invocation / 'page.html'
    taken = {}
    for name, add_up in {'added up, before': before, 'added up': ADD_UP}.items():
        if add_up:
            (folder / 'profiler.json').unlink()  # or its notes would stand there twice
            taken[name] = timed(add_up, folder)
            assert (folder / 'profiler.json').exists() and (folder / 'sched.json').exists(), 'it was added up'
    page.unlink(missing_ok=True)
    taken['page'] = timed(LAB, 'report', invocation, '--html', page)
    assert page.stat().st_size > 0, 'there is a page'
    whole = zip(taken['added up'], taken['page'], (lambda a, b: a + b, lambda a, b: a + b, max))
    taken['from the recording to its page'] = tuple(how(a, b) for a, b, how in whole)
    return taken


def of(values, digits):
    return f'{statistics.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})'


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--rounds', type=int, default=6)
    parser.add_argument('--before', type=pathlib.Path, help='an add_up of an older commit')
    args = parser.parse_args()
    build()
    print('From a recording of the profiler sched to its page: median (range) of its rounds. Asked: at most 3 s for ten million events.')
    print(f'machine   {os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f} at the begin; rounds {args.rounds}')
    for run, shows in RUNS.items():
        with tempfile.TemporaryDirectory() as out:
            invocation = record(run, pathlib.Path(out))
            binary = next(invocation.glob('profiles/*/sched.bin'))
            events = json.loads((binary.parent / 'sched.json').read_text())['events']
            rounds = [round_of(invocation, args.before) for _ in range(args.rounds)]
            print(f'\n{run}: {shows}')
            print(f'{events:,} events in {binary.stat().st_size / 1e6:.0f} MB'.replace(',', ' '))
            print(f'{"":32}{"s":>22}{"s of CPU time":>22}{"MB at most":>18}')
            for name in rounds[0]:
                wall, cpu, peak = zip(*(taken[name] for taken in rounds))
                print(f'{name:32}{of(wall, 2):>22}{of(cpu, 2):>22}{of(peak, 0):>18}')


main()
