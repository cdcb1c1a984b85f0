"""Refunds of a running desk under everything that goes wrong: faults of every kind at its payment
channels, workers killed outright, the broker emptied, people who press the button three times.

Used by `./run bench refunds` and, small, by the tests. The judge is bench.oracle.
"""

import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from bench.ends import Gateways, Insider
from bench.faultmix import NOTIFY_MODES, Armed, count_hits, list_faults
from bench.harm import Harm, Workers
from bench.oracle import Findings, compare
from bench.wishes import list_intended, make_order, plan_outcome
from tests.desk import Desk

#: A message that a killed worker had taken is handed out again after 90 s; then it is all over.
AFTERMATH_S = 95.0
BATCH = 100


@dataclass(frozen=True)
class Plan:
    #: Refunds wanted. An order that was paid in two parts wants two.
    refunds: int
    seed: int
    #: Orders whose refund is wanted, a second.
    per_second: float
    #: Celery workers of two processes each beside the desk's own one.
    extra_workers: int = 3
    fault_share: float = 0.3
    #: Whether a lost call keeps the desk waiting until it gives up.
    long_waits: bool = True
    kill_every_s: float = 5.0
    most_kills: int | None = None
    flush_after_s: float = 60.0
    #: After the last order, for everything to settle.
    patience_s: float = 1500.0
    aftermath_s: float = AFTERMATH_S
    #: This long after the last order people begin to press "Query now"; None: never.
    query_now_after_s: float | None = None
    #: Empty: all that the desk is connected to.
    channels: tuple[str, ...] = ()


@dataclass
class Course:
    """What happened, and what the two books say in the end."""

    channels: list[str] = field(default_factory=list)
    #: Payment -> fen that shall go back.
    intended: dict[str, int] = field(default_factory=dict)
    planned: Counter[str] = field(default_factory=Counter)
    ordered_again: int = 0
    queried_now: int = 0
    #: (target, kind) -> calls that were hit.
    faults: Counter[tuple[str, str]] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)
    effects: Counter[str] = field(default_factory=Counter)
    kills: Counter[str] = field(default_factory=Counter)
    flushes: int = 0
    #: Steps that a killed worker had begun and did not finish.
    cut_off: int = 0
    longest_overdue_s: float = 0.0
    unscheduled: int = 0
    loads: list[float] = field(default_factory=list)
    wall_s: float = 0.0
    settled_after_s: list[float] = field(default_factory=list)
    #: channel -> lines of its bill that the desk's own reconciliation matched.
    reconciled: dict[str, int] = field(default_factory=dict)
    findings: Findings = field(default_factory=Findings)

    @property
    def fault_share(self) -> float:
        """Of the calls about refunds, those that met a fault."""
        mixed = [t for t in self.calls if t.partition(".")[2] in ("refund", "query")]
        hits = sum(n for (_t, kind), n in self.faults.items() if kind not in NOTIFY_MODES)
        return hits / max(sum(self.calls[target] for target in mixed), 1)

    def count_faults(self) -> Counter[str]:
        """This function will count the faults by kind, over all channels."""
        counted: Counter[str] = Counter()
        for (_target, kind), hits in self.faults.items():
            counted[kind] += hits
        return counted


@dataclass
class Scene:
    """Who takes part: the desk, a process of its kind, workers beside it, the other side."""

    desk: Desk
    plan: Plan
    insider: Insider
    workers: Workers
    gateways: Gateways
    course: Course
    say: Callable[[str], None]


def torture(desk: Desk, plan: Plan, *, say: Callable[[str], None] = print) -> Course:
    """This function will put a running desk through the plan and hold its books against the
    simulator's."""
    course, started, since = Course(), time.monotonic(), datetime.now(UTC)
    with helpers(desk, plan) as (insider, workers):
        scene = Scene(desk, plan, insider, workers, Gateways(desk), course, say)
        course.channels = choose_channels(plan, insider.ask("channels"))
        armed = arm_faults(scene)
        harm = Harm(
            desk,
            workers,
            seed=plan.seed,
            kill_every_s=plan.kill_every_s,
            most_kills=plan.most_kills,
            flush_after_s=plan.flush_after_s,
        )
        harm.start()
        try:
            load(scene)
            wait_until_settled(scene, harm)
            harm.calm_down()
            time.sleep(max(0.0, harm.last_at + plan.aftermath_s - time.monotonic()))
            course.kills, course.flushes = harm.kills, harm.flushes
            close_books(scene, armed, since)
        finally:
            harm.stop()
    course.wall_s = time.monotonic() - started
    return course


def choose_channels(plan: Plan, connected: list[str]) -> list[str]:
    chosen = [code for code in connected if not plan.channels or code in plan.channels]
    if not chosen:
        raise ValueError(f"none of {plan.channels}; this desk is connected to {connected}")
    return chosen


@contextmanager
def helpers(desk: Desk, plan: Plan) -> Iterator[tuple[Insider, Workers]]:
    workers = Workers(desk, desk.environment(), plan.extra_workers)
    insider = Insider(desk)
    try:
        yield insider, workers
    finally:
        workers.stop()
        insider.stop()


def arm_faults(scene: Scene) -> list[Armed]:
    plan = scene.plan
    armed = list(
        list_faults(
            scene.course.channels,
            share=plan.fault_share,
            long_waits=plan.long_waits,
            seed=plan.seed,
        )
    )
    for fault in armed:
        scene.gateways.post("/faults", fault.describe())
    return armed


def load(scene: Scene) -> None:
    """This function will place orders and want their money back, at the plan's pace."""
    plan, course = scene.plan, scene.course
    chance, started, placed = random.Random(plan.seed), time.monotonic(), 0
    while len(course.intended) < plan.refunds:
        allowed = int((time.monotonic() - started) * plan.per_second) + 1
        count = min(allowed - placed, plan.refunds - len(course.intended), BATCH)
        if count > 0:
            port, channels = scene.desk.port, course.channels
            want(scene, [make_order(port, channels, chance) for _order in range(count)], chance)
            placed += count
        look_on(scene, started)


def want(scene: Scene, orders: list[dict[str, Any]], chance: random.Random) -> None:
    """This function will make payments known to the other side, and want them back."""
    trades = [trade for order in orders for trade in order["trades"]]
    scene.gateways.post("/trades", {"trades": trades})
    numbers = scene.insider.ask("place", orders=orders)
    for order in orders:
        scene.course.intended.update(list_intended(order))
        if order["trades"][0]["channel"] == "wechatpay":
            for outcome in (plan_outcome(number, chance) for number in numbers[order["order_no"]]):
                if outcome is not None:
                    scene.gateways.post("/wechatpay/plans", outcome)
    scene.course.planned.update(scene.insider.ask("plan", orders=orders))


def look_on(scene: Scene, started: float) -> dict[str, Any]:
    """This function will look at the desk's refunds once, about a second after the last look."""
    time.sleep(1.0)
    course = scene.course
    course.ordered_again += scene.insider.ask("order_again")
    seen: dict[str, Any] = scene.insider.ask("watch")
    course.longest_overdue_s = max(course.longest_overdue_s, seen["overdue_s"])
    course.unscheduled = max(course.unscheduled, seen["unscheduled"])
    course.loads.append(os.getloadavg()[0])
    states = ", ".join(f"{count} {state}" for state, count in sorted(seen["states"].items()))
    overdue = f"most overdue step {seen['overdue_s']:.1f} s"
    scene.say(f"{time.monotonic() - started:6.0f} s  {states}; {overdue}")
    return seen


def wait_until_settled(scene: Scene, harm: Harm) -> None:
    """This function will return when nothing is under way, or patience ends."""
    plan, started = scene.plan, time.monotonic()
    while time.monotonic() - started < plan.patience_s:
        waited = time.monotonic() - started
        if plan.query_now_after_s is not None and waited > plan.query_now_after_s:
            scene.course.queried_now += scene.insider.ask("query_now")
        seen = look_on(scene, started)
        if not seen["unsettled"] and harm.is_done():
            return


def close_books(scene: Scene, armed: list[Armed], since: datetime) -> None:
    """This function will read both books, when nobody writes any more, and compare them."""
    course = scene.course
    ours = scene.insider.ask("read_books", channels=course.channels, since=since.isoformat())
    theirs = scene.gateways.get("/ledger")
    course.faults = count_hits(armed, scene.gateways.get("/faults")["faults"])
    course.calls.update(call["target"] for call in theirs["calls"])
    course.effects.update(effect["target"] for effect in theirs["effects"])
    course.cut_off = sum(refund["cut_off"] for refund in ours["refunds"])
    course.settled_after_s = sorted(time_to_settle(ours["refunds"]))
    course.reconciled = ours["reconciled"]["matched"]
    course.findings = compare(course.intended, ours, theirs)


def time_to_settle(refunds: list[Mapping[str, Any]]) -> Iterator[float]:
    """From the first number's request to the last number's success, in seconds."""
    begun: dict[str, datetime] = {}
    for refund in refunds:
        requested_at = datetime.fromisoformat(refund["requested_at"])
        first = begun.setdefault(refund["intent"], requested_at)
        if refund["state"] == "succeeded":
            yield (datetime.fromisoformat(refund["settled_at"]) - first).total_seconds()
