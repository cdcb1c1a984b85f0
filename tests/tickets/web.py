"""A customer's browser without scripts: Django's test client, with the time in the test's hands."""

import html
import re
from datetime import datetime
from typing import Any

import pytest
from django.test import Client

from tests.stories import at


class Browser:
    """Answers are kept as text that a person would read: entities decoded, tags still there."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.client = Client(headers={"accept-language": "en"})
        self.now = at("10:00")
        monkeypatch.setattr("helpdesk.clock.now", lambda: self.now)
        self.status = 0
        self.text = ""
        self.address = ""

    def get(self, address: str, **how: Any) -> str:
        return self._keep(self.client.get(address, follow=True, **how))

    def post(self, address: str, data: dict[str, Any] | None = None, **how: Any) -> str:
        return self._keep(self.client.post(address, data or {}, follow=True, **how))

    def _keep(self, response: Any) -> str:
        self.response = response
        self.status = response.status_code
        self.address = response.redirect_chain[-1][0] if response.redirect_chain else ""
        self.text = html.unescape(response.content.decode())
        return self.text

    def says(self, words: str) -> bool:
        return words in re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", self.text))

    def look_up(self, order_no: str, last4: str) -> str:
        return self.post("/orders/lookup/", {"order_no": order_no, "last4": last4})

    def at(self, instant: datetime) -> "Browser":
        self.now = instant
        return self
