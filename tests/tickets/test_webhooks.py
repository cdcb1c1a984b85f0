"""Webhooks to a real listener: signed, sent after the commit, tried again by rows, replayed."""

import base64
import hashlib
import hmac
import json
from datetime import timedelta

import pytest

from helpdesk import clock
from tests.api.conftest import client_of, make_person, problem
from tests.listener import Letter, Listener
from tests.stories import HOUR, MINUTE, OPENING, SECOND, TICK, Desk, make_order
from tickets.announcing import EVENTS, REFUND_EVENTS, wants
from tickets.models import Notice, WebhookDelivery, WebhookEndpoint
from tickets.remedies import refund
from tickets.webhooks.delivering import (
    DISABLED_AFTER,
    KEPT_FOR,
    LEASE,
    RETRY_WAITS,
    claim_deliveries,
    deliver_webhooks,
    forget_deliveries,
)
from tickets.webhooks.endpoints import ENDPOINTS
from tickets.webhooks.places import NotAPlace, find_place, is_public, read_url
from tickets.webhooks.signing import sign

pytestmark = pytest.mark.django_db
HOOKS = "/api/v1/webhooks"


@pytest.fixture
def ears():
    with Listener() as listener:
        yield listener


@pytest.fixture(autouse=True)
def _here(settings) -> None:
    settings.WEBHOOK_ALLOW_PRIVATE = True


@pytest.fixture
def shop(db):
    return client_of(make_person("shop", "shop"))


@pytest.fixture
def hook(shop, ears: Listener):
    answer = shop.post(HOOKS, {"url": f"{ears.url}/hooks?a=1"})
    assert answer.status_code == 201, answer.content
    return answer.json()


def deliver(now=OPENING) -> int:
    return deliver_webhooks(clock=lambda: now)


def one() -> WebhookDelivery:
    return WebhookDelivery.objects.order_by("pk").first()


def is_signed(letter: Letter, secret: str, which: int = 0) -> bool:
    """As a receiver checks it, by the text of the standard."""
    signed = f"{letter.headers['webhook-id']}.{letter.headers['webhook-timestamp']}.".encode()
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, signed + letter.body, hashlib.sha256).digest()
    given = letter.headers["webhook-signature"].split(" ")[which]
    return given == "v1," + base64.b64encode(digest).decode()


def test_the_standards_own_example() -> None:
    signature = sign(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        message_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        timestamp="1614265330",
        body=b'{"test": 2432232314}',
    )
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_what_happens_is_told_after_the_commit(desk: Desk, hook, ears: Listener) -> None:
    ticket = desk.open()
    kinds = [delivery.event for delivery in WebhookDelivery.objects.order_by("pk")]
    assert kinds == ["ticket.opened", "ticket.evidence_added", "ticket.commitment_started"] or (
        kinds[0] == "ticket.opened" and set(kinds) <= set(EVENTS)
    )
    assert deliver() == len(kinds)
    assert deliver(OPENING + MINUTE) == 0
    letter = ears.wait()
    assert letter.path == "/hooks?a=1"
    assert is_signed(letter, hook["secret"])
    assert abs(int(letter.headers["webhook-timestamp"]) - OPENING.timestamp()) <= 1
    said = json.loads(letter.body)
    assert said["type"] == "ticket.opened"
    assert said["data"]["ticket"]["number"] == ticket.number
    assert said["data"]["event"]["seq"] == 1
    for private in (ticket.order.target_account, ticket.order.customer_phone, "赵磊"):
        assert private not in letter.body.decode()
    assert ticket.tracking_token not in letter.body.decode()
    assert {d.state for d in WebhookDelivery.objects.all()} == {"delivered"}


def test_a_fired_deadline_and_a_settled_refund_are_told(desk: Desk, hook, wang) -> None:
    ticket = desk.open()
    desk.advance(OPENING + HOUR)
    events = set(WebhookDelivery.objects.values_list("event", flat=True))
    assert "deadline.fired" in events
    refund(ticket_id=ticket.pk, amount_fen=None, reason="x", text="", actor=wang, now=desk.now)
    desk.settle(ticket, "succeeded")
    desk.tick()
    told = WebhookDelivery.objects.filter(event__startswith="refund.").order_by("pk")
    assert [d.event for d in told][-1] == "refund.settled"
    assert told.last().payload["data"]["order_no"] == ticket.order.order_no
    assert set(told.values_list("event", flat=True)) <= set(REFUND_EVENTS)


@pytest.mark.parametrize(
    ("patterns", "name", "wanted"),
    [
        (["*"], "deadline.fired", True),
        (["ticket.*"], "ticket.opened", True),
        (["ticket.*"], "refund.settled", False),
        (["refund.settled"], "refund.settled", True),
        (["refund.settled"], "refund.rejected", False),
    ],
)
def test_who_hears_what(patterns, name, wanted) -> None:
    assert wants(patterns, name) is wanted


def test_an_address_that_fails_is_tried_again_by_the_schedule(desk, hook, ears) -> None:
    desk.open(make_order())
    WebhookDelivery.objects.exclude(pk=one().pk).delete()
    ears.status, now, waits = 503, OPENING, []
    for _attempt in RETRY_WAITS:
        assert deliver(now) == 1
        waits.append(one().not_before - now)
        now = one().not_before
        WebhookEndpoint.objects.update(failing_since=None)
    assert waits == RETRY_WAITS
    assert (one().last_status, one().last_error) == (503, "HTTP 503")
    deliver(now)
    assert one().state == "failed"
    first = ears.wait()
    assert all(ears.wait().headers["webhook-id"] == first.headers["webhook-id"] for _a in waits)


def test_an_address_that_is_down_is_not_knocked_at_by_every_row(desk, hook, ears) -> None:
    desk.open()
    assert WebhookDelivery.objects.count() > 1
    ears.status = 500
    assert deliver() == 1, "the others of the round see that it rests"
    assert deliver(OPENING + SECOND) == 0
    ears.status = 200
    deliver(OPENING + MINUTE)
    deliver(OPENING + 2 * MINUTE)
    assert {d.state for d in WebhookDelivery.objects.all()} == {"delivered"}
    endpoint = WebhookEndpoint.objects.get()
    assert (endpoint.failures, endpoint.failing_since, endpoint.rests_until) == (0, None, None)


def test_one_dead_address_keeps_no_other_waiting(desk, hook, shop, ears) -> None:
    shop.post(HOOKS, {"url": "http://127.0.0.1:9/dead"})
    desk.open()
    for second in range(0, 60, 10):
        deliver(OPENING + second * SECOND)
    alive = WebhookDelivery.objects.filter(endpoint__url__startswith=ears.url)
    assert {d.state for d in alive} == {"delivered"}


def test_a_lost_worker_is_rescued(desk, hook) -> None:
    desk.open()
    count = WebhookDelivery.objects.count()
    assert len(claim_deliveries(now=OPENING)) == count
    assert claim_deliveries(now=OPENING + LEASE - TICK) == []
    assert len(claim_deliveries(now=OPENING + LEASE)) == count


def test_after_days_of_failure_it_is_disabled_with_an_alarm(desk, hook, ears, shop) -> None:
    desk.open()
    ears.status = 500
    deliver()
    WebhookEndpoint.objects.update(failing_since=OPENING - DISABLED_AFTER)
    deliver(OPENING + MINUTE)
    endpoint = WebhookEndpoint.objects.get()
    assert (endpoint.disabled_by, endpoint.is_enabled) == ("failure", False)
    assert Notice.objects.filter(kind="webhook_disabled_staff", route="email").count() == 2
    assert deliver(OPENING + timedelta(days=1)) == 0
    before = WebhookDelivery.objects.count()
    desk.open(make_order())
    assert WebhookDelivery.objects.count() == before, "nothing is kept for it"
    ears.status = 200
    shop.patch(f"{HOOKS}/{hook['id']}", {"enabled": True})
    deliver(OPENING + timedelta(days=1))
    assert {d.state for d in WebhookDelivery.objects.all()} == {"delivered"}


def test_one_that_is_gone_is_disabled_at_once(desk, hook, ears) -> None:
    desk.open()
    ears.status = 410
    deliver()
    assert WebhookEndpoint.objects.get().disabled_by == "gone"


def test_a_redirect_is_not_followed(desk, hook, ears) -> None:
    desk.open()
    ears.status = 302
    deliver()
    assert one().last_status == 302
    assert one().state == "pending"


class TestReplay:
    def test_one_more_time_under_the_same_id(self, desk, hook, ears, shop) -> None:
        desk.open()
        deliver()
        first = ears.wait()
        address = f"{HOOKS}/{hook['id']}/deliveries"
        listed = shop.get(address, {"state": "delivered"}).json()["results"]
        assert {row["id"] for row in listed} >= {first.headers["webhook-id"]}
        answer = shop.post(f"{address}/{first.headers['webhook-id']}/replay")
        assert (answer.status_code, answer.json()["state"]) == (202, "pending")
        while ears._letters.qsize():
            ears.wait()
        assert deliver_webhooks(clock=clock.now) == 1
        assert ears.wait().headers["webhook-id"] == first.headers["webhook-id"]

    def test_everything_that_was_given_up(self, desk, hook, shop) -> None:
        desk.open()
        WebhookDelivery.objects.update(state="failed")
        answer = shop.post(f"{HOOKS}/{hook['id']}/replay")
        assert answer.json() == {"replayed": WebhookDelivery.objects.count()}
        assert {d.state for d in WebhookDelivery.objects.all()} == {"pending"}

    def test_what_there_is_not(self, hook, shop) -> None:
        assert problem(shop.post(f"{HOOKS}/{hook['id']}/deliveries/msg_x/replay"), 404)["code"]


class TestTheSecret:
    def test_it_is_shown_once_and_not_kept_in_clear(self, hook, shop) -> None:
        assert hook["secret"].startswith("whsec_")
        assert len(base64.b64decode(hook["secret"][6:])) == 32
        assert "secret" not in shop.get(f"{HOOKS}/{hook['id']}").json()
        assert hook["secret"] not in WebhookEndpoint.objects.get().secret

    def test_a_repeat_by_idempotency_key_makes_no_second_one_and_shows_no_secret(
        self, shop, ears
    ) -> None:
        body, key = {"url": ears.url}, {"HTTP_IDEMPOTENCY_KEY": "k1"}
        first, again = (shop.post(HOOKS, body, **key).json() for _time in range(2))
        assert first["secret"]
        assert again == {**first, "secret": None}
        assert WebhookEndpoint.objects.count() == 1

    def test_a_new_one_signs_beside_the_old_one_for_a_day(self, desk, hook, ears, shop) -> None:
        made = shop.post(f"{HOOKS}/{hook['id']}/secret").json()
        WebhookEndpoint.objects.update(old_secret_until=OPENING + HOUR)
        desk.open()
        deliver()
        letter = ears.wait()
        assert is_signed(letter, made["secret"], 0)
        assert is_signed(letter, hook["secret"], 1)
        desk.open(make_order(), now=OPENING + HOUR)
        while ears._letters.qsize():
            ears.wait()
        deliver(OPENING + HOUR)
        assert " " not in ears.wait().headers["webhook-signature"]


class TestTheApi:
    def test_read_change_delete(self, hook, shop, ears) -> None:
        assert [row["id"] for row in shop.get(HOOKS).json()["results"]] == [hook["id"]]
        changed = shop.patch(
            f"{HOOKS}/{hook['id']}", {"events": ["refund.*", "refund.*"], "enabled": False}
        ).json()
        assert (changed["events"], changed["enabled"]) == (["refund.*"], False)
        assert shop.delete(f"{HOOKS}/{hook['id']}").status_code == 204
        assert problem(shop.get(f"{HOOKS}/{hook['id']}"), 404)["code"] == "no_such_webhook"

    @pytest.mark.parametrize(
        ("body", "field", "code"),
        [
            ({}, "url", "required"),
            ({"url": "shop.example.com"}, "url", "invalid_url"),
            ({"url": "ftp://shop.example.com/"}, "url", "invalid_url"),
            ({"url": "http://u:p@127.0.0.1/"}, "url", "invalid_url"),
            ({"url": "http://127.0.0.1:99999/"}, "url", "invalid_url"),
            ({"url": "http://" + "a" * 500}, "url", "max_length"),
            ({"url": "http://127.0.0.1/", "events": []}, "events", "min_length"),
            ({"url": "http://127.0.0.1/", "events": ["ticket"]}, "events.0", "invalid_choice"),
            ({"url": "http://127.0.0.1/", "secret": "x"}, "secret", "unknown_field"),
        ],
    )
    def test_what_is_refused(self, shop, body, field, code) -> None:
        found = problem(shop.post(HOOKS, body), 400)
        assert found["field"].startswith(field)
        assert found["code"] in (code, "empty")
        assert WebhookEndpoint.objects.count() == 0

    def test_an_agent_registers_none(self, db) -> None:
        agent = client_of(make_person("chen.jing", "agent"))
        assert problem(agent.post(HOOKS, {"url": "http://127.0.0.1/"}), 403)

    def test_there_are_only_so_many(self, shop, ears) -> None:
        for _number in range(ENDPOINTS):
            assert shop.post(HOOKS, {"url": ears.url}).status_code == 201
        assert problem(shop.post(HOOKS, {"url": ears.url}), 409)["limit"] == ENDPOINTS


class TestOurOwnNetworkIsNotReached:
    @pytest.mark.parametrize(
        "address",
        [
            *("127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0"),
            *("100.64.0.1", "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1%eth0", "fc00::1"),
            *("::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::", "ff02::1"),
        ],
    )
    def test_what_is_inside(self, address: str) -> None:
        assert not is_public(address)

    @pytest.mark.parametrize("address", ["1.1.1.1", "223.5.5.5", "2606:4700::1111"])
    def test_what_is_outside(self, address: str) -> None:
        assert is_public(address)

    @pytest.mark.parametrize(
        "url",
        [
            *("https://localhost/", "https://127.0.0.1/", "https://[::1]:8443/"),
            *("https://2130706433/", "https://0x7f000001/", "https://127.1/"),
            *("http://1.1.1.1/", "https://", "https:///x", "https://a\n.example.com"),
        ],
    )
    def test_it_is_refused_where_private_ones_are(self, settings, shop, url) -> None:
        settings.WEBHOOK_ALLOW_PRIVATE = False
        assert problem(shop.post(HOOKS, {"url": url}), 400)["field"] == "url"

    def test_it_is_judged_again_at_each_delivery(self, desk, hook, ears, settings) -> None:
        """The name pointed outside when it was registered, and points inside now."""
        desk.open()
        settings.WEBHOOK_ALLOW_PRIVATE = False
        WebhookEndpoint.objects.update(url=ears.url.replace("http://", "https://"))
        deliver()
        assert one().last_status is None
        assert ears._letters.qsize() == 0
        assert (
            "private" in one().last_error or "私" in one().last_error or "内网" in one().last_error
        )

    def test_the_connection_goes_to_the_address_that_was_judged(self, desk, ears, hook) -> None:
        """By a name that resolves here: its Host header is the name's, the connection the IP's."""
        port = ears.url.rsplit(":", 1)[1]
        WebhookEndpoint.objects.update(url=f"http://localhost:{port}/by-name")
        place = find_place(f"http://localhost:{port}/by-name")
        assert place.address in ("127.0.0.1", "::1")
        if place.address == "127.0.0.1":
            desk.open()
            deliver()
            assert ears.wait().headers["host"] == f"localhost:{port}"

    def test_what_is_no_address(self) -> None:
        with pytest.raises(NotAPlace):
            read_url("https://[::1")


def test_old_deliveries_are_forgotten_and_waiting_ones_are_not(desk, hook) -> None:
    desk.open()
    deliver()
    WebhookDelivery.objects.filter(pk=one().pk).update(state="pending")
    assert forget_deliveries(now=OPENING + KEPT_FOR) == 0
    gone = forget_deliveries(now=OPENING + KEPT_FOR + TICK)
    assert gone == WebhookDelivery.objects.count() + gone - 1
