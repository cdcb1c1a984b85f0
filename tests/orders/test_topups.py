"""Han Meimei's credit did not come: the desk tries again, once, and proves what it says."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import transaction
from rest_framework.test import APIClient

from orders.deliveries import LEASE, claim_top_up, execute_top_up, rescue_top_ups, settle_top_up
from orders.models import Order, Payment, TopUp
from orders.suppliers.base import SupplierAnswer, SupplierState
from orders.topups import UnableToRedeliver, record_delivery, redeliver
from tests.orders.conftest import NOW, order_body, put, the_order

pytestmark = pytest.mark.usefixtures("at_the_time")

LATER = "2026-11-24T10:25:00+08:00"
URL = "/api/v1/orders/LT202611240930001"


@pytest.fixture
def failed_order(shop: APIClient) -> Order:
    put(shop, order_body(status="failed"))
    return the_order()


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """The gateway simulator as a process of its own; call it as control(path, body)."""
    data = settings.HELPDESK_DATA
    process = subprocess.Popen(
        [sys.executable, "-m", "simulator", "--data", str(tmp_path)],
        cwd=settings.BASE_DIR,
        stdout=subprocess.DEVNULL,
        env=os.environ | {"PYTHONPATH": str(settings.BASE_DIR)},
    )
    address, keys = tmp_path / "simulator.json", tmp_path / "simulator-keys.json"
    give_up = time.monotonic() + 20
    while not address.exists():
        assert time.monotonic() < give_up, "the simulator did not start"
        time.sleep(0.02)
    for file in (address, keys):
        (data / file.name).write_bytes(file.read_bytes())

    def control(path: str, body: dict[str, Any] | None = None) -> Any:
        url = json.loads(address.read_text())["url"] + path
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
        return json.load(urllib.request.urlopen(request, timeout=10))

    yield control
    process.terminate()
    process.wait(10)
    for file in (address, keys):
        (data / file.name).unlink()


@pytest.fixture
def connected(simulator: Callable[..., Any], settings: Any) -> Callable[..., Any]:
    settings.DEMO = True
    return simulator


def planned(order: Order) -> TopUp:
    return redeliver(order=order, now=NOW)


def clock_at(*instants: datetime) -> Callable[[], datetime]:
    return lambda: instants[0]


def succeeded(voucher: str = "V1") -> SupplierAnswer:
    return SupplierAnswer(state=SupplierState.SUCCEEDED, voucher_no=voucher)


def answer(state: SupplierState, **facts: Any) -> SupplierAnswer:
    return SupplierAnswer(state=state, **facts)


def kinds(order: Order) -> list[str]:
    return list(order.events.filter(consumed_at__isnull=True).values_list("kind", flat=True))


def test_a_failed_order_is_planned_again_and_is_under_way(shop: APIClient, failed_order: Order):
    reply = shop.post(f"{URL}/top-ups", {}, format="json")
    assert reply.status_code == 201
    assert (reply.json()["state"], reply.json()["attempt"]) == ("planned", 1)
    assert the_order().status == "recharging"


def test_the_number_of_an_attempt_follows_from_the_order(failed_order: Order):
    with transaction.atomic():
        first = planned(failed_order).top_up_no
        transaction.set_rollback(True)
    assert planned(failed_order).top_up_no == first


@pytest.mark.parametrize("state", ["planned", "submitted", "pending", "unknown", "succeeded"])
def test_no_second_attempt_while_the_first_may_arrive_or_did(
    shop: APIClient, failed_order: Order, state: str
):
    TopUp.objects.filter(pk=planned(failed_order).pk).update(state=state)
    reply = shop.post(f"{URL}/top-ups", {}, format="json")
    assert (reply.status_code, reply.json()["code"]) == (409, "not_terminally_failed")
    assert TopUp.objects.count() == 1


@pytest.mark.parametrize("status", ["recharging", "unknown", "delivered"])
def test_an_attempt_of_the_shop_itself_that_may_arrive_counts_too(shop: APIClient, status: str):
    put(shop, order_body(status=status))
    reply = shop.post(f"{URL}/top-ups", {}, format="json")
    assert (reply.status_code, reply.json()["code"]) == (409, "not_terminally_failed")


def test_after_a_certain_failure_there_is_a_second_attempt(failed_order: Order):
    first = planned(failed_order)
    claim_top_up(top_up_id=first.pk, now=NOW)
    settle_top_up(top_up_id=first.pk, answer=answer(SupplierState.FAILED), now=NOW)
    second = planned(the_order())
    assert (second.attempt, second.top_up_no != first.top_up_no) == (2, True)


def test_not_while_money_goes_back(shop: APIClient, failed_order: Order):
    Payment.objects.update(reserved_fen=100)
    reply = shop.post(f"{URL}/top-ups", {}, format="json")
    assert (reply.status_code, reply.json()["code"]) == (409, "refund_under_way")


def test_not_for_a_supplier_that_the_desk_cannot_reach(failed_order: Order):
    with pytest.raises(UnableToRedeliver) as refused:
        redeliver(order=failed_order, supplier="nobody", now=NOW)
    assert refused.value.code == "supplier_not_connected"


def test_a_success_with_a_voucher_is_proof_and_without_one_a_claim(failed_order: Order):
    top_up = planned(failed_order)
    claim_top_up(top_up_id=top_up.pk, now=NOW)
    settle_top_up(top_up_id=top_up.pk, answer=succeeded(""), now=NOW)
    top_up.refresh_from_db()
    assert (top_up.proof_level, the_order().status) == (1, "delivered")
    # The voucher is asked for later.
    assert top_up.next_attempt_at == NOW + timedelta(minutes=5)
    settle_top_up(top_up_id=top_up.pk, answer=succeeded("V1"), now=NOW + timedelta(minutes=5))
    top_up.refresh_from_db()
    assert (top_up.proof_level, top_up.next_attempt_at) == (2, None)
    assert kinds(failed_order) == ["top_up_submitted", "top_up_delivered", "top_up_delivered"]


def test_the_same_answer_twice_is_one_event(failed_order: Order):
    top_up = planned(failed_order)
    claim_top_up(top_up_id=top_up.pk, now=NOW)
    for _time in range(2):
        settle_top_up(top_up_id=top_up.pk, answer=succeeded(), now=NOW)
    assert kinds(failed_order) == ["top_up_submitted", "top_up_delivered"]


def test_a_part_that_arrived_is_written_down(failed_order: Order):
    top_up = planned(failed_order)
    claim_top_up(top_up_id=top_up.pk, now=NOW)
    part = answer(SupplierState.PARTIAL, delivered_fen=6000, voucher_no="V1")
    settle_top_up(top_up_id=top_up.pk, answer=part, now=NOW)
    order = the_order()
    assert (order.status, order.delivered_face_fen) == ("partially_delivered", 6000)


def test_a_success_taken_back_is_a_failure_and_a_late_success_is_a_success(failed_order: Order):
    top_up = planned(failed_order)
    claim_top_up(top_up_id=top_up.pk, now=NOW)
    settle_top_up(top_up_id=top_up.pk, answer=succeeded(), now=NOW)
    settle_top_up(top_up_id=top_up.pk, answer=answer(SupplierState.FAILED), now=NOW)
    top_up.refresh_from_db()
    assert (top_up.state, the_order().status) == ("reversed", "failed")
    settle_top_up(top_up_id=top_up.pk, answer=succeeded(), now=NOW)
    assert the_order().status == "delivered"


def test_an_unclear_answer_is_asked_about_ever_more_rarely_and_undoes_nothing(
    failed_order: Order,
):
    top_up = planned(failed_order)
    claim_top_up(top_up_id=top_up.pk, now=NOW)
    for age, wait in ((0, 2), (60, 12), (3600, 720), (86400, 1800)):
        now = NOW + timedelta(seconds=age)
        settle_top_up(top_up_id=top_up.pk, answer=answer(SupplierState.UNKNOWN), now=now)
        top_up.refresh_from_db()
        assert top_up.next_attempt_at == now + timedelta(seconds=wait)
    settle_top_up(top_up_id=top_up.pk, answer=succeeded(), now=now)
    settle_top_up(top_up_id=top_up.pk, answer=answer(SupplierState.UNKNOWN), now=now)
    assert the_order().status == "delivered"


def test_a_failure_does_not_undo_what_the_shop_delivered_meanwhile(
    shop: APIClient, failed_order: Order, at_the_time: Callable[[datetime], None]
):
    top_up = planned(failed_order)
    at_the_time(NOW + timedelta(minutes=10))
    put(shop, order_body(status="delivered", facts_as_of="2026-11-24T10:38:00+08:00"))
    settle_top_up(top_up_id=top_up.pk, answer=answer(SupplierState.FAILED), now=NOW)
    assert the_order().status == "delivered"


@pytest.mark.django_db(transaction=True)
class TestThroughTheSupplier:
    def test_it_is_submitted_once_and_delivered(
        self, shop: APIClient, connected: Callable[..., Any]
    ):
        put(shop, order_body(status="failed"))
        connected("/control/outcomes", {"number": "", "state": "success", "after_s": 0})
        top_up = planned(the_order())
        now = top_up.created_at
        execute_top_up(top_up_id=top_up.pk, clock=lambda: now)
        execute_top_up(top_up_id=top_up.pk, clock=lambda: now)
        top_up.refresh_from_db()
        assert (top_up.state, top_up.proof_level) == ("succeeded", 2)
        ledger = connected("/control/ledger")
        assert [e["amount_fen"] for e in ledger["effects"]] == [10000]

    def test_a_lost_answer_is_queried_and_never_sent_again(
        self, shop: APIClient, connected: Callable[..., Any]
    ):
        put(shop, order_body(status="failed"))
        fault = {"target": "supplier.submit", "mode": "timeout_after_effect", "seconds": 0}
        connected("/control/faults", fault | {"times": 1})
        connected("/control/outcomes", {"number": "", "state": "success", "after_s": 0})
        top_up = planned(the_order())
        execute_top_up(top_up_id=top_up.pk, clock=lambda: NOW)
        top_up.refresh_from_db()
        assert top_up.state == "unknown"
        assert rescue_top_ups(clock=lambda: NOW + timedelta(seconds=1)) == 0
        assert rescue_top_ups(clock=lambda: NOW + timedelta(seconds=3)) == 1
        top_up.refresh_from_db()
        assert top_up.state == "succeeded"
        ledger = connected("/control/ledger")
        submissions = [c for c in ledger["calls"] if c["target"] == "supplier.submit"]
        assert (len(submissions), len(ledger["effects"])) == (1, 1)

    def test_a_worker_that_dies_before_the_call_leaves_an_attempt_that_is_asked_about(
        self, shop: APIClient, connected: Callable[..., Any]
    ):
        put(shop, order_body(status="failed"))
        top_up = planned(the_order())
        claim_top_up(top_up_id=top_up.pk, now=NOW)  # and then it is killed
        assert rescue_top_ups(clock=lambda: NOW + LEASE) == 1
        top_up.refresh_from_db()
        assert top_up.state == "unknown"
        # The supplier never heard of it; after five minutes that is believed.
        rescue_top_ups(clock=lambda: NOW + timedelta(minutes=6))
        top_up.refresh_from_db()
        assert (top_up.state, the_order().status) == ("failed", "failed")


def test_an_operators_word_is_recorded_once(shop: APIClient, failed_order: Order):
    said = {"arrived": False, "source": "operator", "at": LATER}
    first = shop.post(f"{URL}/delivery-records", said, format="json")
    again = shop.post(f"{URL}/delivery-records", said, format="json")
    assert (first.status_code, again.status_code) == (201, 201)
    assert failed_order.delivery_records.count() == 1
    assert kinds(failed_order) == ["delivery_recorded"]


def test_a_record_is_an_event_for_whoever_holds_a_dispute(failed_order: Order):
    record_delivery(
        order=failed_order, arrived=True, voucher_no="OP1", source="operator", at=NOW, now=NOW
    )
    event = failed_order.events.get(kind="delivery_recorded")
    assert event.data == {"arrived": True, "source": "operator", "voucher": True}
