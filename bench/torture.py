"""Refunds of a running desk under everything that goes wrong: faults of every kind at its payment
channels, workers killed outright, the broker emptied, people who press the button three times.

Used by `./run bench refunds` and, small, by the tests. The judge is bench.oracle.
"""

import json
import random
import secrets
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx

from bench.faultmix import NOTIFY_SHARES, NOTIFYING, Share, arm, mix_for
from bench.harm import ROOT, Harm, Workers
from bench.oracle import Findings, compare
from tests.desk import Desk

#: A message that a killed worker had taken is handed out again after 90 s; then it is all over.
AFTERMATH_S = 95.0


@dataclass(frozen=True)
class Plan:
    orders: int
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
    #: This long after the last order the waits between tries are cut short; None: never.
    hurry_after_s: float | None = None
    #: Empty: all that the desk is connected to.
    channels: tuple[str, ...] = ()


@dataclass
class Course:
    """What happened, and what the two books say in the end."""

    channels: list[str] = field(default_factory=list)
    planned: Counter[str] = field(default_factory=Counter)
    #: (target, mode) -> calls that were hit.
    faults: Counter[tuple[str, str]] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)
    kills: Counter[str] = field(default_factory=Counter)
    flushes: int = 0
    longest_overdue_s: float = 0.0
    unscheduled: int = 0
    left_overdue_s: float = 0.0
    wall_s: float = 0.0
    settled_after_s: list[float] = field(default_factory=list)
    #: channel -> lines of its bill that the desk's own reconciliation matched.
    reconciled: dict[str, int] = field(default_factory=dict)
    findings: Findings = field(default_factory=Findings)

    @property
    def fault_share(self) -> float:
        """Of the calls about refunds, those that met a fault."""
        mixed = [t for t in self.calls if t.partition(".")[2] in ("refund", "query")]
        hits = sum(n for (_t, mode), n in self.faults.items() if mode not in NOTIFY_SHARES)
        return hits / max(sum(self.calls[target] for target in mixed), 1)


class Insider:
    """The desk-side process (see bench.insider)."""

    def __init__(self, desk: Desk) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.insider"],
            cwd=ROOT,
            env=desk.environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=(desk.data / "log" / "insider.log").open("ab"),
            text=True,
        )

    def ask(self, verb: str, **more: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": verb, **more}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the bench's process at the desk ended; see log/insider.log")
        return json.loads(line)

    def stop(self) -> None:
        self._process.kill()
        self._process.wait(10)


class Gateways:
    """The gateway simulator's control desk, from outside."""

    def __init__(self, desk: Desk) -> None:
        url = json.loads((desk.data / "simulator.json").read_text())["control_url"]
        self._http = httpx.Client(base_url=url, timeout=60, trust_env=False)

    def post(self, path: str, body: Mapping[str, Any]) -> None:
        answer = self._http.post(path, json=body)
        if answer.status_code != 200:
            raise RuntimeError(f"simulator {path}: {answer.status_code} {answer.text}")

    def get(self, path: str) -> dict[str, Any]:
        answer = self._http.get(path)
        answer.raise_for_status()
        body: dict[str, Any] = answer.json()
        return body


def torture(desk: Desk, plan: Plan, *, say: Callable[[str], None] = print) -> Course:
    """This function will put a running desk through the plan and hold its books against the
    simulator's."""
    course = Course()
    started = time.monotonic()
    with helpers(desk, plan) as (insider, workers, gateways):
        course.channels = choose_channels(plan, insider.ask("channels"))
        for fault in list_faults(course.channels, plan):
            gateways.post("/faults", fault)
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
            load(desk, plan, course, insider, gateways, say=say)
            wait_until_settled(plan, course, insider, harm, say=say)
            harm.calm_down()
            time.sleep(max(0.0, harm.last_at + plan.aftermath_s - time.monotonic()))
            course.kills, course.flushes = harm.kills, harm.flushes
            close_books(course, insider, gateways)
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
def helpers(desk: Desk, plan: Plan) -> Iterator[tuple[Insider, Workers, Gateways]]:
    workers = Workers(desk, desk.environment(), plan.extra_workers)
    insider = Insider(desk)
    try:
        yield insider, workers, Gateways(desk)
    finally:
        workers.stop()
        insider.stop()


def list_faults(channels: list[str], plan: Plan) -> Iterator[dict[str, Any]]:
    for index, channel in enumerate(channels):
        mix = mix_for(channel, share=plan.fault_share, long_waits=plan.long_waits)
        for offset, (target, shares) in enumerate(mix.items()):
            yield from arm(target, shares, seed=plan.seed + 10 * index + offset)
        modes = NOTIFY_SHARES if channel in NOTIFYING else {"late_notify": 0.1}
        news = [Share(mode, share, 2.0) for mode, share in modes.items()]
        yield from arm(f"{channel}.refund", news, seed=plan.seed + 10 * index + 5)


def load(
    desk: Desk,
    plan: Plan,
    course: Course,
    insider: Insider,
    gateways: Gateways,
    *,
    say: Callable[[str], None],
) -> None:
    """This function will place orders and want their money back, at the plan's pace."""
    chance = random.Random(plan.seed)
    started, placed = time.monotonic(), 0
    while placed < plan.orders:
        allowed = int((time.monotonic() - started) * plan.per_second) + 1
        count = min(allowed, plan.orders) - placed
        if count > 0:
            orders = [make_order(desk, course.channels, chance) for _n in range(min(count, 100))]
            placed += len(orders)
            trades = [trade for order in orders for trade in order["trades"]]
            gateways.post("/trades", {"trades": trades})
            course.planned.update(insider.ask("plan", orders=orders))
        look_on(course, insider, started, say=say)


def make_order(desk: Desk, channels: list[str], chance: random.Random) -> dict[str, Any]:
    """A paid order that never arrived; some were paid in two parts, some are refunded in part, and
    about some two people and a customer press at the same moment."""
    price = chance.randrange(100, 30_000)
    parts = [price] if chance.random() < 0.92 else [price // 3, price - price // 3]
    channel, now = chance.choice(channels), datetime.now(UTC).isoformat()
    trades = [
        {
            "channel": channel,
            "trade_no": f"B{secrets.token_hex(12).upper()}",
            "amount_fen": part,
            "paid_at": now,
            "notify_url": f"http://127.0.0.1:{desk.port}/callbacks/channels/{channel}/",
        }
        for part in parts
    ]
    return {
        "order_no": f"BENCH{secrets.token_hex(8).upper()}",
        "origin": str(uuid.uuid4()),
        "amount_fen": None if chance.random() < 0.9 else chance.randrange(1, price),
        "tries": 1 if chance.random() < 0.9 else 3,
        "extra_wakes": 0 if chance.random() < 0.9 else 2,
        "trades": trades,
        "payload": describe_order(price, trades, now),
    }


def describe_order(price: int, trades: list[dict[str, Any]], now: str) -> dict[str, Any]:
    payments = [
        {
            "channel": trade["channel"],
            "channel_trade_no": trade["trade_no"],
            "amount_fen": trade["amount_fen"],
            "paid_at": now,
            "status": "paid",
        }
        for trade in trades
    ]
    product = {"code": "hf", "name": "Phone credit", "kind": "instant", "arrival_within": "PT1H"}
    return {
        "product": product,
        "target_account": f"139{secrets.randbelow(10**8):08d}",
        "face_value_fen": price,
        "price_fen": price,
        "customer": {},
        "payments": payments,
        "status": "recharging",
        "confirmed_input": True,
        "reseller": False,
        "buyer_ref": f"bench-{secrets.token_hex(6)}",
        "facts_as_of": now,
    }


def look_on(
    course: Course, insider: Insider, started: float, *, say: Callable[[str], None]
) -> dict[str, Any]:
    """This function will look at the desk's refunds once, about a second after the last look."""
    time.sleep(1.0)
    seen: dict[str, Any] = insider.ask("watch")
    course.longest_overdue_s = max(course.longest_overdue_s, seen["overdue_s"])
    course.unscheduled = seen["unscheduled"]
    course.left_overdue_s = seen["overdue_s"]
    states = ", ".join(f"{count} {state}" for state, count in sorted(seen["states"].items()))
    say(f"{time.monotonic() - started:6.0f} s  {states}; longest due {seen['overdue_s']:.1f} s")
    return seen


def wait_until_settled(
    plan: Plan, course: Course, insider: Insider, harm: Harm, *, say: Callable[[str], None]
) -> None:
    """This function will return when nothing is under way, or patience ends."""
    started = time.monotonic()
    while time.monotonic() - started < plan.patience_s:
        if plan.hurry_after_s is not None and time.monotonic() - started > plan.hurry_after_s:
            insider.ask("hurry")
        seen = look_on(course, insider, started, say=say)
        if not seen["live"] and harm.is_done():
            return


def close_books(course: Course, insider: Insider, gateways: Gateways) -> None:
    """This function will read both books, when nobody writes any more, and compare them."""
    ours, theirs = insider.ask("read_books", channels=course.channels), gateways.get("/ledger")
    for fault in gateways.get("/faults")["faults"]:
        mode = f"{fault['mode']}:{fault['code']}" if fault["code"] else str(fault["mode"])
        course.faults[fault["target"], mode] += fault["hits"]
    course.calls.update(call["target"] for call in theirs["calls"])
    course.settled_after_s = sorted(
        refund["settled_after_s"]
        for refund in ours["refunds"]
        if refund["settled_after_s"] is not None
    )
    course.reconciled = ours["reconciled"].get("matched", {})
    course.findings = compare(ours, theirs)
