"""Which faults are mixed in, how often, for each channel: shares of the calls of one operation."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

#: Longer than the desk waits for an answer (10 s), and a line that breaks at once.
BEYOND_PATIENCE_S = 11.0
BREAK_S = 0.5

#: Refusals in each channel's words: for good, for now, and such as leave all open.
FINAL = {
    "sandbox": "TRADE_FROZEN",
    "alipay": "ACQ.TRADE_STATUS_ERROR",
    "wechatpay": "INVALID_REQUEST",
    "shop": "TRADE_FROZEN",
}
PASSING = {
    "sandbox": "RATE_LIMITED",
    "alipay": "ACQ.SELLER_BALANCE_NOT_ENOUGH",
    "wechatpay": "NOT_ENOUGH",
    "shop": "RATE_LIMITED",
}
UNCERTAIN = {
    "sandbox": "SYSTEM_ERROR",
    "alipay": "ACQ.SYSTEM_ERROR",
    "wechatpay": "SYSTEM_ERROR",
    "shop": "SYSTEM_ERROR",
}
#: Channels that send news of the result; the others can only be late with it.
NOTIFYING = ("alipay", "wechatpay")
#: How often a result comes late and its news wrong; on top of the calls' faults.
NOTIFY_MODES = ("late_notify", "duplicate_notify", "out_of_order_notify")
NOTIFY_SHARE = 0.1
LATE_S = 2.0


@dataclass(frozen=True)
class Share:
    mode: str
    share: float
    seconds: float | None = None


@dataclass(frozen=True)
class Armed:
    """A fault at the simulator, with a seed of its own that tells it apart from all others."""

    target: str
    mode: str
    probability: float
    seed: int
    seconds: float | None = None
    #: Hits until it is spent; None: never.
    times: int | None = None

    @property
    def kind(self) -> str:
        """What it is, whatever a channel calls the refusal."""
        _reject, _colon, code = self.mode.partition(":")
        for name, codes in (("for good", FINAL), ("for now", PASSING), ("uncertain", UNCERTAIN)):
            if code in codes.values():
                return f"reject, {name}"
        return self.mode

    def describe(self) -> dict[str, Any]:
        body: dict[str, Any] = {
            "target": self.target,
            "mode": self.mode,
            "times": self.times,
            "probability": self.probability,
            "seed": self.seed,
        }
        return body if self.seconds is None else {**body, "seconds": self.seconds}


def list_faults(
    channels: Sequence[str], *, share: float, long_waits: bool, seed: int
) -> Iterator[Armed]:
    """This function will list what to arm: every mode once for sure, then the mix.

    Without long waits a lost line breaks at once, as far as a quick run goes.
    """
    mixes = {channel: mix_for(channel, share=share, long_waits=long_waits) for channel in channels}
    number = seed * 1000
    for fault in [*_each_once(mixes), *_mix(mixes)]:
        number += 1
        yield replace(fault, seed=number)


def mix_for(channel: str, *, share: float, long_waits: bool) -> dict[str, list[Share]]:
    """This function will list the faults of a channel's refund and query calls, adding up to
    `share` of each."""
    lost = [BEYOND_PATIENCE_S, BREAK_S] if long_waits else [BREAK_S]
    slow = 3.0 if long_waits else 1.0
    sending = [
        *(Share("timeout_after_effect", 5 / len(lost), seconds) for seconds in lost),
        *(Share("timeout_before_effect", 5 / len(lost), seconds) for seconds in lost),
        Share("http_500", 4),
        Share("http_500_after_effect", 4),
        Share("slow", 4, slow),
        Share(f"reject:{PASSING[channel]}", 4),
        Share(f"reject:{FINAL[channel]}", 3),
        Share(f"reject:{UNCERTAIN[channel]}", 1),
    ]
    asking = [
        *(Share("timeout_before_effect", 8 / len(lost), seconds) for seconds in lost),
        Share("http_500", 8),
        Share("slow", 6, slow),
        Share(f"reject:{UNCERTAIN[channel]}", 8),
    ]
    return {
        f"{channel}.refund": _scaled(sending, share),
        f"{channel}.query": _scaled(asking, share),
    }


def _scaled(parts: list[Share], share: float) -> list[Share]:
    whole = sum(part.share for part in parts)
    return [Share(part.mode, part.share / whole * share, part.seconds) for part in parts]


def _each_once(mixes: Mapping[str, Mapping[str, list[Share]]]) -> Iterator[Armed]:
    """The modes in turn over the channels; which of the first calls it hits is left to chance."""
    channels = list(mixes)
    for operation in ("refund", "query"):
        for index in range(len(mixes[channels[0]][f"{channels[0]}.{operation}"])):
            channel = channels[index % len(channels)]
            part = mixes[channel][f"{channel}.{operation}"][index]
            yield Armed(f"{channel}.{operation}", part.mode, 0.5, 0, part.seconds, times=1)
    for channel in (code for code in channels if code in NOTIFYING):
        for mode in NOTIFY_MODES:
            yield Armed(f"{channel}.refund", mode, 0.5, 0, LATE_S, times=1)


def _mix(mixes: Mapping[str, Mapping[str, list[Share]]]) -> Iterator[Armed]:
    for channel, mix in mixes.items():
        for target, shares in mix.items():
            yield from _arm(target, shares)
        modes = NOTIFY_MODES if channel in NOTIFYING else NOTIFY_MODES[:1]
        news = [Share(mode, NOTIFY_SHARE, LATE_S) for mode in modes]
        yield from _arm(f"{channel}.refund", news)


def _arm(target: str, shares: list[Share]) -> Iterator[Armed]:
    """The simulator tries the armed faults one after the other: each gets the probability that
    makes its share come out of what the ones before it have left."""
    left = 1.0
    for part in shares:
        yield Armed(target, part.mode, part.share / left, 0, part.seconds)
        left -= part.share


def count_hits(
    armed: Iterable[Armed], standing: Iterable[Mapping[str, Any]]
) -> Counter[tuple[str, str]]:
    """This function will count (target, kind) by what the simulator still lists: a spent fault is
    no longer there."""
    hits_by_seed = {fault["seed"]: fault["hits"] for fault in standing}
    counted: Counter[tuple[str, str]] = Counter()
    for fault in armed:
        counted[fault.target, fault.kind] += hits_by_seed.get(fault.seed, fault.times or 0)
    return counted
