"""Which faults are mixed in, how often, for each channel: shares of the calls of one operation."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

#: Longer than the desk waits for an answer (10 s), and a line that breaks at once.
BEYOND_PATIENCE_S = 11.0
BREAK_S = 0.5

#: Refusals in each channel's words: for good, and for now.
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
UNCERTAIN = {"sandbox": "SYSTEM_ERROR", "alipay": "ACQ.SYSTEM_ERROR", "wechatpay": "SYSTEM_ERROR"}
#: Channels that send news of the result; the others can only be late with it.
NOTIFYING = ("alipay", "wechatpay")
#: News of the result, on channels that send some; they come on top of the calls' faults.
NOTIFY_SHARES = {"late_notify": 0.1, "duplicate_notify": 0.1, "out_of_order_notify": 0.1}


@dataclass(frozen=True)
class Share:
    mode: str
    share: float
    seconds: float | None = None


def mix_for(channel: str, *, share: float, long_waits: bool) -> dict[str, list[Share]]:
    """This function will list the faults of a channel's refund and query calls, adding up to
    `share` of each; without long waits a lost line breaks at once, as far as a quick run goes."""
    lost = [BEYOND_PATIENCE_S, BREAK_S] if long_waits else [BREAK_S]
    slow = 3.0 if long_waits else 1.0
    uncertain = UNCERTAIN.get(channel, "SYSTEM_ERROR")
    sending = [
        *(Share("timeout_after_effect", 5 / len(lost), seconds) for seconds in lost),
        *(Share("timeout_before_effect", 5 / len(lost), seconds) for seconds in lost),
        Share("http_500", 4),
        Share("http_500_after_effect", 4),
        Share("slow", 4, slow),
        Share(f"reject:{PASSING[channel]}", 4),
        Share(f"reject:{FINAL[channel]}", 3),
        Share(f"reject:{uncertain}", 1),
    ]
    asking = [
        *(Share("timeout_before_effect", 8 / len(lost), seconds) for seconds in lost),
        Share("http_500", 8),
        Share("slow", 6, slow),
        Share(f"reject:{uncertain}", 8),
    ]
    return {
        f"{channel}.refund": _scaled(sending, share),
        f"{channel}.query": _scaled(asking, share),
    }


def _scaled(parts: list[Share], share: float) -> list[Share]:
    whole = sum(part.share for part in parts)
    return [Share(part.mode, part.share / whole * share, part.seconds) for part in parts]


def arm(target: str, shares: list[Share], *, seed: int) -> Iterator[dict[str, Any]]:
    """This function will yield the simulator's faults for these shares of a target's calls.

    The simulator tries the armed faults one after the other: each gets the probability that makes
    its share come out of what the ones before it have left.
    """
    left = 1.0
    for index, part in enumerate(shares):
        yield {
            "target": target,
            "mode": part.mode,
            "times": None,
            "probability": part.share / left,
            "seed": seed * 1000 + index,
            **({"seconds": part.seconds} if part.seconds is not None else {}),
        }
        left -= part.share
