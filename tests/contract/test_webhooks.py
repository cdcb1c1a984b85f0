"""Outgoing events, as somebody receives them who knows the Standard Webhooks alone."""

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest

from tests.contract.outsider import Outsider, ok, problem
from tests.listener import Letter, Listener


def signature_of(letter: Letter, secret: str) -> str:
    key = base64.b64decode(secret.removeprefix("whsec_"))
    head = f"{letter.headers['webhook-id']}.{letter.headers['webhook-timestamp']}."
    digest = hmac.new(key, head.encode() + letter.body, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


def test_a_signed_message_comes_and_again_when_it_was_refused(outside: Outsider):
    admin = outside.by("admin")
    with Listener() as ears:
        ears.status = 500
        made = ok(admin.post("/webhooks", {"url": ears.url, "events": ["ticket.opened"]}), 201)
        try:
            number = outside.new_dispute()["number"]
            refused = ears.wait(60)
            ears.status = 200
            again = ears.wait(120)
        finally:
            admin("DELETE", f"/webhooks/{made['id']}")
    assert number.encode() in refused.body
    for letter in (refused, again):
        assert signature_of(letter, made["secret"]) in letter.headers["webhook-signature"]
        assert json.loads(letter.body)["type"] == "ticket.opened"
    assert again.headers["webhook-id"] == refused.headers["webhook-id"]


def test_its_secret_is_told_once(outside: Outsider):
    admin = outside.by("admin")
    with Listener() as ears:
        made = ok(admin.post("/webhooks", {"url": ears.url}), 201)
    assert made["secret"].startswith("whsec_")
    listed = ok(admin.get("/webhooks", limit=200))["results"]
    assert made["id"] in [each["id"] for each in listed]
    assert made["secret"] not in json.dumps(listed)
    assert admin("DELETE", f"/webhooks/{made['id']}").status_code == 204


@pytest.mark.parametrize(
    ("field", "value"),
    [("url", "ftp://example.com"), ("url", 7), ("events", ["ticket.exploded"]), ("colour", "red")],
)
def test_what_is_no_webhook(outside: Outsider, field: str, value: Any):
    body = {"url": "https://hooks.example.com/desk"} | {field: value}
    answer = outside.by("admin").post("/webhooks", body)
    problem(answer, 400)
    assert answer.json()["errors"][0]["field"].startswith(field)
