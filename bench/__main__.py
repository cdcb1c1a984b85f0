"""`./run bench [name] [--quick]`: measure, write bench/results/<name>.json, print a table."""

import argparse
import signal
import sys
from collections.abc import Callable

from rich.console import Console

from bench import (
    chaos,
    idle,
    lateness,
    model,
    mutants,
    queue,
    races,
    refunds,
    settle,
    submit,
    sweep,
)
from bench.results import NothingMeasured, Result

ALL = "all"
#: name -> (what it does, how to run it)
BENCHES: dict[str, tuple[str, Callable[[argparse.Namespace], Result]]] = {
    "races": ("two or three act at the same instant, a thousand times each", races.run),
    "sweep": ("100,000 clocks due at once, beside hand-written SQL and django-helpdesk", sweep.run),
    "lateness": ("how late 200 clocks a second fire on a whole desk in use", lateness.run),
    "submit": ("a dispute by web form, beside django-helpdesk's public form", submit.run),
    "queue": ("pages before 1,000, 100,000 and a million disputes", queue.run),
    "chaos": ("20,000 clocks while everything is killed", chaos.run),
    "model": ("2,000 lives of 50 steps, audited after each", model.run),
    "idle": ("a tick with nothing due, before millions of clocks", idle.run),
    "refunds": ("refunds under faults, killed workers and a flushed broker", refunds.run),
    "mutants": ("mistakes made on purpose: does a test notice?", mutants.run),
    "settle": ("refunds on a good day: how many a second, and where the time goes", settle.run),
}


def main(arguments: list[str]) -> int:
    console = Console(highlight=False)
    if not arguments:
        for name, (what, _run) in BENCHES.items():
            console.print(f"{name:<10}{what}")
        console.print(f"{ALL:<10}one after the other; --quick under a minute each")
        return 0
    options = _parse(arguments)
    # Whoever ends it, the desk and the database that it made go with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    names = list(BENCHES) if options.name == ALL else [options.name]
    return max(_measure(name, options, console) for name in names)


def _measure(name: str, options: argparse.Namespace, console: Console) -> int:
    """1 when nothing was measured or a promise was broken; a goal that was missed is only said."""
    console.print(f"\n=== {name}: {BENCHES[name][0]} ===")
    try:
        result = BENCHES[name][1](options)
    except NothingMeasured as error:
        console.print(f"[red]bench {name} measured nothing:[/red] {error}")
        return 1
    result.show(console)
    console.print(f"Written to {result.write()}")
    return 1 if result.is_broken else 0


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./run bench", description=__doc__)
    parser.add_argument("name", nargs="?", default=ALL, choices=[*BENCHES, ALL])
    parser.add_argument("--quick", action="store_true", help="small, under a minute")
    parser.add_argument("--n", type=_at_least_one, help="how many")
    parser.add_argument("--seed", type=int, help="another course of events")
    parser.add_argument("--runs", type=_at_least_one, default=1, help="with one seed after another")
    parser.add_argument("--only", default="", help="comma-separated parts of mutants' names")
    parser.add_argument("--channels", default="", help="comma-separated; default: all there are")
    parser.add_argument("--per-second", type=float, help="refunds: orders a second")
    parser.add_argument("--kill-every", type=float, help="refunds: seconds between two kills")
    parser.add_argument(
        "--patient", action="store_true", help="nobody presses “Query now”; takes up to an hour"
    )
    return parser.parse_args(arguments)


def _at_least_one(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
