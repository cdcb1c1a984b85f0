"""Refunds on a good day: how many a second, and where the time of one goes."""

import argparse
import random
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.ends import Gateways, Insider
from bench.harm import Workers
from bench.machine import CpuMeter, describe_machine, describe_versions
from bench.postgres import own_database
from bench.results import NothingMeasured, Result
from bench.wishes import make_order
from tests.desk import Desk, wait_until

#: Channels whose answer to a request settles it; WeChat Pay only ever accepts.
CHANNELS = ("sandbox", "shop", "alipay")
GOAL_PER_SECOND = 20.0
SEED = 20261124
PATIENCE_S = 300.0


@dataclass(frozen=True)
class Drained:
    """How a heap of refunds went."""

    refunds: int
    per_second: float
    p50_s: float
    p99_s: float
    #: Who used the processors: name -> share of all of them, in percent.
    cpu: dict[str, float]


def run(options: argparse.Namespace) -> Result:
    """This function will measure on a desk and a database of its own, without any fault."""
    heap, steps = (150, 60) if options.quick else (1000, 300)
    heap = options.n or heap
    seed = SEED if options.seed is None else options.seed
    machine = describe_machine()
    with running_desk() as desk:
        result = Result("settle", machine, describe_versions(desk.database_url))
        result.setup = {"heap": heap, "steps": steps, "seed": seed, "quick": options.quick}
        insider, gateways = Insider(desk), Gateways(desk)
        try:
            for channel in CHANNELS:
                write_steps(result, channel, time_steps(desk, insider, gateways, channel, steps))
            for extra in (0, 3):
                drained = drain(desk, insider, gateways, extra, heap, seed + extra)
                write_drained(result, 2 * (1 + extra), drained)
        finally:
            insider.stop()
    best = max(row.value for row in result.rows if row.unit == "refunds/s")
    target = f">= {GOAL_PER_SECOND:.0f}/s"
    result.goal("refunds settled a second", target, best, best >= GOAL_PER_SECOND)
    result.notes = [
        "Desk, workers, database and simulator share this one machine; no fault, no kill.",
        f"Channels {', '.join(CHANNELS)}: their answer settles a refund.",
    ]
    return result


@contextmanager
def running_desk() -> Iterator[Desk]:
    with own_database("settle") as url, tempfile.TemporaryDirectory(prefix="bench-") as folder:
        desk = Desk(Path(folder) / "data", url)
        desk.data.mkdir(mode=0o700)
        try:
            desk.start()
            wait_until(desk.is_up, 90)
            yield desk
        finally:
            desk.stop()


def make_orders(
    desk: Desk, gateways: Gateways, channels: tuple[str, ...], count: int, seed: int
) -> list[dict[str, Any]]:
    """Whole refunds, each wanted once."""
    chance = random.Random(seed)
    orders = [make_order(desk.port, channels, chance) for _order in range(count)]
    trades = [trade for order in orders for trade in order["trades"]]
    gateways.post("/trades", {"trades": trades})
    return [order | {"tries": 1, "extra_wakes": 0, "amount_fen": None} for order in orders]


def time_steps(
    desk: Desk, insider: Insider, gateways: Gateways, channel: str, count: int
) -> dict[str, list[float]]:
    orders = make_orders(desk, gateways, (channel,), count, SEED)
    taken: dict[str, list[float]] = insider.ask("time_steps", orders=orders)
    return taken


def drain(
    desk: Desk, insider: Insider, gateways: Gateways, extra: int, heap: int, seed: int
) -> Drained:
    """This function will want all these refunds at once and wait until the workers are done."""
    workers = Workers(desk, desk.environment(), extra)
    try:
        wait_until(workers.are_ready, 90)
        orders = make_orders(desk, gateways, CHANNELS, heap, seed)
        insider.ask("place", orders=orders)
        insider.ask("plan", orders=orders, held=True)
        meter = CpuMeter(workers.pids() | desk.children())
        origins = [order["origin"] for order in orders]
        insider.ask("release", origins=origins)
        until = time.monotonic() + PATIENCE_S
        while (seen := insider.ask("watch"))["unsettled"]:
            if time.monotonic() > until:
                raise NothingMeasured(f"not settled after {PATIENCE_S:.0f} s: {seen['states']}")
            time.sleep(0.2)
        cpu = meter.read()
        return Drained(cpu=cpu, **insider.ask("read_pace", origins=origins))
    finally:
        workers.stop()


def write_steps(result: Result, channel: str, taken: dict[str, list[float]]) -> None:
    for step, milliseconds in taken.items():
        ordered = sorted(milliseconds)
        result.row(f"{channel}: {step}, p50", ordered[len(ordered) // 2], "ms")
        result.row(f"{channel}: {step}, p99", ordered[int(len(ordered) * 0.99)], "ms")


def write_drained(result: Result, processes: int, drained: Drained) -> None:
    name = f"{processes} worker processes"
    result.row(f"{name}: settled", drained.per_second, "refunds/s")
    result.row(f"{name}: refunds at once", drained.refunds, "refunds")
    result.row(f"{name}: time to settle, p50", drained.p50_s, "s")
    result.row(f"{name}: time to settle, p99", drained.p99_s, "s")
    for who, share in sorted(drained.cpu.items()):
        result.row(f"{name}: processors used by {who}", share, "%")
