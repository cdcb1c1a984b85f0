"""News at /callbacks/suppliers/: the newest word counts, whatever the order in which words come."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from orders.callbacks import suppliers
from orders.deliveries import execute_top_up
from orders.models import Callback, Order, OrderEvent, TopUp
from orders.suppliers.base import SupplierAnswer, SupplierState
from orders.suppliers.http import sign_params
from orders.topups import redeliver
from tests.simulator_fixture import Simulator
from tests.stories import OPENING, make_order, make_top_up

pytestmark = pytest.mark.django_db
URL = "/callbacks/suppliers/sandbox/"
YES, NO = (200, "success"), (400, "fail")
Answer = tuple[int, str]


@pytest.fixture
def top_up(simulator: Simulator) -> TopUp:
    """Han Meimei's 100 yuan were submitted; the supplier is at it."""
    return make_top_up(make_order(), "pending", supplier="sandbox", supplier_order_no="SP1")


def letter(top_up: TopUp, settings: Any, **changes: Any) -> bytes:
    facts = {
        "app_id": "helpdesk",
        "number": top_up.top_up_no,
        "supplier_order_no": "SP1",
        "status": "success",
        "amount_fen": 10000,
        "delivered_fen": 10000,
        "voucher_no": "V20261124",
        "account": "13800001234",
        "changed_at": "2026-11-24T10:00:00+08:00",
        "timestamp": int(datetime.now(UTC).timestamp()),
        "notify_id": "N1",
    } | changes
    said = {name: value for name, value in facts.items() if value is not None}
    return json.dumps({**said, "sign": sign_params(settings.SUPPLIER_SECRET, said)}).encode()


def post(body: bytes) -> Answer:
    answer = Client().generic("POST", URL, body, content_type="application/json")
    return answer.status_code, answer.content.decode()


def rows() -> list[tuple[bool, str]]:
    return list(Callback.objects.order_by("pk").values_list("taken", "reason"))


def everything() -> list[Any]:
    return [list(table.objects.order_by("pk").values()) for table in (Order, TopUp, OrderEvent)]


def state(top_up: TopUp) -> str:
    return TopUp.objects.get(pk=top_up.pk).state


def test_a_delivery_is_known_with_its_voucher_and_once(top_up, settings):
    assert post(letter(top_up, settings)) == YES
    told = TopUp.objects.get(pk=top_up.pk)
    assert (told.state, told.voucher_no, told.proof_level) == ("succeeded", "V20261124", 2)
    assert told.told_at == datetime(2026, 11, 24, 2, tzinfo=UTC)
    before = everything()
    assert post(letter(top_up, settings)) == YES
    assert everything() == before
    assert rows() == [(True, ""), (False, "replayed")]
    kept = json.dumps(Callback.objects.filter(taken=True).get().payload)
    assert "13800001234" not in kept
    assert top_up.top_up_no in kept


def test_an_older_word_after_a_newer_one_is_discarded(top_up, settings):
    post(letter(top_up, settings))
    before = everything()
    old = {"status": "fail", "changed_at": "2026-11-24T09:59:59+08:00", "notify_id": "N2"}
    assert post(letter(top_up, settings, **old)) == YES, "repeating it makes it no younger"
    assert everything() == before
    assert rows()[1] == (False, "overtaken")


def test_a_later_reversal_is_news(top_up, settings):
    post(letter(top_up, settings))
    later = {"status": "fail", "changed_at": "2026-11-24T10:40:00+08:00", "notify_id": "N2"}
    assert post(letter(top_up, settings, **later, delivered_fen=0, voucher_no="")) == YES
    assert state(top_up) == "reversed"


def test_an_answer_that_was_under_way_when_the_news_came(top_up, settings):
    from orders.deliveries import settle_top_up

    post(letter(top_up, settings))
    answer = SupplierAnswer(SupplierState.PENDING, changed_at=datetime(2026, 11, 24, 1, tzinfo=UTC))
    assert not settle_top_up(top_up_id=top_up.pk, answer=answer, now=datetime.now(UTC))
    assert state(top_up) == "succeeded"


@pytest.mark.parametrize(
    "facts",
    [
        {"changed_at": None},
        {"changed_at": "2099-01-01T00:00:00+08:00"},
        {"status": "pending"},
        {"status": "nothing we know"},
        {"delivered_fen": 5000},
    ],
)
def test_what_cannot_be_put_in_order_or_is_no_end_has_the_supplier_asked(top_up, settings, facts):
    TopUp.objects.update(next_attempt_at=OPENING + timedelta(days=90))
    assert post(letter(top_up, settings, **facts)) == YES
    told = TopUp.objects.get(pk=top_up.pk)
    assert (told.state, told.told_at) == ("pending", None)
    assert told.next_attempt_at <= datetime.now(UTC)


def test_without_an_id_of_its_own_the_body_is_its_id(top_up, settings):
    body = letter(top_up, settings, notify_id=None)
    assert [post(body), post(body)] == [YES, YES]
    assert rows() == [(True, ""), (False, "replayed")]


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"number": "TU-UNKNOWN"}, "unknown_number"),
        ({"number": ""}, "unreadable"),
        ({"amount_fen": 9999, "delivered_fen": 9999}, "wrong_amount"),
        ({"amount_fen": None, "delivered_fen": 10001}, "wrong_amount"),
        ({"supplier_order_no": "SP2"}, "other_subject"),
        ({"app_id": "another desk"}, "other_account"),
        ({"timestamp": 1_764_000_000}, "stale"),
    ],
)
def test_what_is_refused_changes_nothing(top_up, settings, facts, reason):
    before = everything()
    assert post(letter(top_up, settings, **facts)) == NO
    assert rows() == [(False, reason)]
    assert everything() == before


def test_a_changed_word_and_garbage(top_up, settings):
    before = everything()
    forged = letter(top_up, settings).replace(b'"success"', b'"fail"')
    bodies = [forged, b"", b"{}", b'{"sign":"\\ud800"}', b"\xff", b"[" * 50_000]
    assert [post(body) for body in bodies] == [NO] * len(bodies)
    assert {reason for _taken, reason in rows()} == {"bad_signature", "unreadable"}
    assert everything() == before
    assert post(b"x" * 100_000) == NO
    assert rows()[-1] == (False, "too_large")


def test_news_of_an_attempt_that_was_never_submitted(top_up, settings):
    TopUp.objects.update(state="planned")
    assert post(letter(top_up, settings)) == NO
    assert rows() == [(False, "unknown_number")]


def test_news_of_another_suppliers_order(top_up, settings):
    TopUp.objects.update(supplier="nobody")
    assert post(letter(top_up, settings)) == NO
    assert rows() == [(False, "unknown_number")]


def test_a_supplier_that_is_not_there(settings):
    assert Client().post("/callbacks/suppliers/nobody/").status_code == 404
    assert Client().get(URL).status_code == 405
    settings.SUPPLIER_URL = settings.SUPPLIER_SECRET = ""
    assert post(b"{}") == NO
    assert rows() == [(False, "not_configured")]
    assert suppliers.find_objection(None, SupplierAnswer(SupplierState.FAILED)) == "unknown_number"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("mode", ["duplicate_notify", "out_of_order_notify"])
def test_the_simulator_tells_the_desk_where_it_was_asked_to(simulator, live_server, settings, mode):
    settings.SITE_URL = live_server.url
    simulator.outcome("success", after_s=0.2)
    simulator.fault("supplier.submit", mode)
    order = make_order(status=Order.Status.FAILED, supplier="sandbox")
    top_up = redeliver(order=order, now=OPENING)
    execute_top_up(top_up_id=top_up.pk, clock=lambda: OPENING)
    simulator.wait_for(lambda: Callback.objects.count() == 2, within=30)
    assert state(top_up) == "succeeded"
    assert Order.objects.get(pk=order.pk).status == "delivered"
    assert rows()[0] == (True, "")
    simulator.wait_for(
        lambda: simulator.calls(top_up.top_up_no).count(("supplier.notify", "delivered")) == 2,
        within=30,
    )
