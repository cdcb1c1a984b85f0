"""A tick of the sweep with nothing due, before ever more clocks that wait."""

import argparse
import tempfile
from pathlib import Path

from bench.inside import migrate, run_inside
from bench.machine import describe_machine, describe_versions
from bench.postgres import own_database
from bench.results import Result

SIZES = (10_000, 1_000_000, 5_000_000)
QUICK = (2_000, 20_000)
GOAL_MS, GOAL_GROWTH = 2.0, 1.3


def run(options: argparse.Namespace) -> Result:
    """This function will measure on a database of its own that grows from size to size."""
    sizes = QUICK if options.quick else SIZES
    rounds, runs = (50, 5) if options.quick else (300, 5)
    machine = describe_machine()
    with own_database("idle") as url, tempfile.TemporaryDirectory(prefix="bench-") as folder:
        data = Path(folder) / "data"
        migrate(url, data)
        result = Result("idle", machine, describe_versions(url))
        result.setup = {"sizes": sizes, "rounds": rounds, "runs": runs, "quick": options.quick}
        middles = []
        for size in sizes:
            run_inside("prepare_idle", url, data, pending=size)
            found = run_inside("tick", url, data, rounds=rounds, runs=runs)
            result.row_of(f"tick, {size:,} clocks pending", found["medians_ms"], "ms")
            result.row_of(f"its claim alone, {size:,} clocks pending", found["claim_ms"], "ms")
            middles.append(sorted(found["medians_ms"])[runs // 2])
    biggest, growth = middles[-1], middles[-1] / middles[0]
    result.goal(f"tick with {sizes[-1]:,} pending", f"<= {GOAL_MS} ms", biggest, biggest <= GOAL_MS)
    target = f"<= {GOAL_GROWTH} x that at {sizes[0]:,}"
    result.goal("growth of a tick", target, growth, growth <= GOAL_GROWTH)
    result.notes = [
        "A tick reads the database's clock, claims, and writes down that it looked, for "
        "/healthz/timers: that commit waits for the disk."
    ]
    return result
