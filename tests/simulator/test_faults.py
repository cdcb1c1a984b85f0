"""Faults hit the next calls, in order, as often as asked."""

from orders.channels import sandbox
from orders.channels.base import ChannelAnswer, TradeRef


def query(refund_no: str) -> ChannelAnswer:
    return sandbox.query(refund_no=refund_no, trade=TradeRef(channel_trade_no="T1"))


def test_twice_and_then_no_more(simulator):
    simulator.fault("sandbox.query", "reject:A", times=2)
    assert [query("RF1").code for _ in range(3)] == ["A", "A", "REFUND_NOT_FOUND"]


def test_the_oldest_comes_first(simulator):
    simulator.fault("sandbox.query", "reject:A")
    simulator.fault("sandbox.query", "reject:B")
    assert [query("RF1").code for _ in range(2)] == ["A", "B"]


def test_until_the_reset(simulator):
    simulator.fault("sandbox.query", "reject:A", times=None)
    assert {query("RF1").code for _ in range(5)} == {"A"}
    simulator.reset()
    assert query("RF1").code == "REFUND_NOT_FOUND"


def test_one_target_leaves_the_others_alone(simulator):
    simulator.fault("sandbox.trade", "reject:A")
    assert query("RF1").code == "REFUND_NOT_FOUND"
    assert len(simulator.control.get("faults")["faults"]) == 1
