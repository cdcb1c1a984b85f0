"""The gateway simulator's control desk, over HTTP: drill money comes and goes there alone."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.conf import settings

from orders.channels import get_channel
from orders.channels.base import ChannelError, TradeRef, TradeState
from orders.wire import NoAnswer, exchange

CHANNEL = "sandbox"
TIMEOUT_S = 5.0


class NoSimulator(Exception):
    """There is none, it does not answer, or this desk's sandbox channel is another one."""


@dataclass(frozen=True)
class Simulator:
    control_url: str

    def know_trade(self, *, trade_no: str, amount_fen: int, paid_at: datetime) -> None:
        """This function will make a payment known to the channel.

        :raises NoSimulator: the desk would not find the payment there.
        """
        body = {
            "channel": CHANNEL,
            "trade_no": trade_no,
            "amount_fen": amount_fen,
            "paid_at": paid_at.isoformat(),
        }
        self._call("POST", "trades", body)
        try:
            answer = get_channel(CHANNEL).query_trade(
                trade=TradeRef(channel_trade_no=trade_no), timeout=TIMEOUT_S
            )
        except ChannelError as error:
            raise NoSimulator(f"the sandbox channel does not answer: {error}") from error
        if answer.state != TradeState.PAID:
            raise NoSimulator("the desk's sandbox channel is not this simulator")

    def effects(self, number: str) -> list[int]:
        """This function will list the amounts in fen that really moved under one refund number."""
        said = self._call("GET", f"ledger?{urlencode({'number': number})}")
        return [effect["amount_fen"] for effect in said["effects"] if effect["number"] == number]

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        try:
            answer = exchange(
                method,
                f"{self.control_url}/{path}",
                content=json.dumps(body).encode() if body is not None else b"",
                headers={"Content-Type": "application/json"},
                timeout=TIMEOUT_S,
            )
        except NoAnswer as error:
            raise NoSimulator(f"the simulator does not answer: {error}") from error
        said = answer.json()
        if answer.status != 200 or said is None:
            raise NoSimulator(f"the simulator refused: HTTP {answer.status}")
        return said


def find_simulator() -> Simulator:
    """This function will find the control desk: beside this desk's data, else at the sandbox.

    :raises NoSimulator: money can be drilled nowhere; real channels are never touched.
    """
    try:
        address = json.loads((settings.HELPDESK_DATA / "simulator.json").read_text("utf-8"))
        found = Simulator(str(address["control_url"]))
    except (OSError, ValueError, KeyError, TypeError):
        if not settings.SANDBOX_URL:
            raise NoSimulator("no simulator runs beside this desk") from None
        found = Simulator(f"{settings.SANDBOX_URL.rstrip('/')}/control")
    found.effects("")
    return found
