"""`./run bench [name] [--quick]`: measure, write bench/results/<name>.json, print a table."""

import argparse
import sys
from collections.abc import Callable

from rich.console import Console

from bench import refunds
from bench.results import NothingMeasured, Result

#: name -> (what it does, how to run it)
BENCHES: dict[str, tuple[str, Callable[[argparse.Namespace], Result]]] = {
    "refunds": ("refunds under faults, killed workers and a flushed broker", refunds.run),
}


def main(arguments: list[str]) -> int:
    options = _parse(arguments)
    console = Console(highlight=False)
    failed = []
    for name in [options.name] if options.name else sorted(BENCHES):
        console.print(f"\n=== {name}: {BENCHES[name][0]} ===")
        try:
            result = BENCHES[name][1](options)
        except NothingMeasured as error:
            console.print(f"[red]bench {name} measured nothing:[/red] {error}")
            failed.append(name)
            continue
        result.show(console)
        console.print(f"Written to {result.write()}")
    return 1 if failed else 0


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./run bench", description=__doc__)
    parser.add_argument("name", nargs="?", choices=sorted(BENCHES), help="default: all")
    parser.add_argument("--quick", action="store_true", help="small, under a minute")
    parser.add_argument("--seed", type=int, default=None, help="another course of events")
    parser.add_argument("--channels", default="", help="comma-separated; default: all there are")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
