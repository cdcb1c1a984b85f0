"""Faults that hit some calls and spare others, by a seed: what a bench can repeat."""

from typing import Any

import httpx
import pytest

from orders.channels import sandbox
from orders.channels.base import TradeRef


def codes(simulator: Any, calls: int, **armed: Any) -> list[str]:
    simulator.reset()
    fault = {"target": "sandbox.query", "mode": "reject:A", "times": None, **armed}
    simulator.control.post("faults", fault)
    trade = TradeRef(channel_trade_no="T1")
    return [sandbox.query(refund_no="RF1", trade=trade).code for _ in range(calls)]


def test_a_third_of_the_calls_and_the_same_ones_again(simulator):
    first = codes(simulator, 60, probability=0.3, seed=7)
    assert 8 <= first.count("A") <= 28
    assert set(first) == {"A", "REFUND_NOT_FOUND"}
    assert codes(simulator, 60, probability=0.3, seed=7) == first
    assert codes(simulator, 60, probability=0.3, seed=8) != first


def test_a_spared_call_meets_the_next_fault(simulator):
    simulator.reset()
    rare = {"target": "sandbox.query", "mode": "reject:A", "times": None, "probability": 1e-9}
    simulator.control.post("faults", rare)
    simulator.fault("sandbox.query", "reject:B")
    assert sandbox.query(refund_no="RF1", trade=TradeRef(channel_trade_no="T1")).code == "B"


def test_what_was_drawn_and_what_hit_can_be_read(simulator):
    seen = codes(simulator, 20, probability=0.5, seed=3)
    (fault,) = simulator.control.get("faults")["faults"]
    assert fault["draws"] == 20
    assert fault["hits"] == seen.count("A")


def test_times_counts_hits_only(simulator):
    seen = codes(simulator, 40, probability=0.5, seed=3, times=2)
    assert seen.count("A") == 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"probability": 0},
        {"probability": 1.1},
        {"probability": "0.3"},
        {"probability": True},
        {"probability": 0.3, "seed": 1.5},
        {"probability": 0.3, "seed": 2**64},
    ],
)
def test_a_chance_that_is_none(simulator, wrong):
    body = {"target": "sandbox.query", "mode": "reject:A", **wrong}
    answer = httpx.post(f"{simulator.url}/control/faults", json=body, trust_env=False)
    assert answer.status_code == 400
    assert answer.json()["field"] == list(wrong)[-1]
