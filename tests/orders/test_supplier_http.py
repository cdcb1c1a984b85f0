"""Delivering through a supplier: what the desk concludes from its answers and its silence."""

import json
import queue
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from orders.suppliers import get_supplier, has_supplier
from orders.suppliers.base import (
    NoticeRefused,
    SupplierAnswer,
    SupplierError,
    SupplierNotConfigured,
    SupplierState,
)
from orders.suppliers.http import sign_params
from tests.simulator_fixture import Simulator

NOON = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
supplier = get_supplier("sandbox")
pytestmark = pytest.mark.usefixtures("simulator")


class Inbox:
    """Zhang Wei's shop, listening for notifies; `replies` are used up first, then "success"."""

    def __init__(self) -> None:
        self.got: queue.Queue[bytes] = queue.Queue()
        self.replies: list[tuple[int, bytes]] = []
        inbox = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                inbox.got.put(self.rfile.read(int(self.headers["Content-Length"])))
                status, text = inbox.replies.pop(0) if inbox.replies else (200, b"success")
                self.send_response(status)
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, format: str, *args: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/callbacks/suppliers/sandbox/"

    def next(self, within: float = 5) -> SupplierAnswer:
        return read(self.got.get(timeout=within))


def read(body: bytes) -> SupplierAnswer:
    return supplier.parse_notify(body=body, headers={}, now=datetime.now(UTC))


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    inbox = Inbox()
    yield inbox
    inbox.server.shutdown()
    inbox.server.server_close()


def submit(top_up_no: str = "TU1", face_value_fen: int = 10000, **more: Any) -> SupplierAnswer:
    facts = {"account": "13800001234", "product": "CMCC100", "timeout": 5.0, **more}
    return supplier.submit(top_up_no=top_up_no, face_value_fen=face_value_fen, **facts)


def query(top_up_no: str = "TU1", age: timedelta = timedelta(seconds=10)) -> SupplierAnswer:
    return supplier.query(top_up_no=top_up_no, submitted_at=NOON, now=NOON + age)


def test_a_delivery_with_its_voucher(simulator):
    simulator.outcome("success", after_s=0.2)
    taken = submit()
    assert taken.state == SupplierState.PENDING
    assert taken.supplier_order_no
    done = simulator.wait_for(lambda: (a := query()).state == SupplierState.SUCCEEDED and a)
    assert done.voucher_no
    assert done.delivered_fen == 10000
    assert done.supplier_order_no == taken.supplier_order_no
    assert simulator.effects("TU1") == [("supplier.submit", 10000)]


def test_success_without_a_voucher_is_only_a_claim(simulator):
    simulator.outcome("success", voucher=False)
    submit()
    assert (query().state, query().voucher_no) == (SupplierState.SUCCEEDED, "")


def test_a_part_of_it_arrives(simulator):
    simulator.outcome("partial", delivered_fen=6000)
    submit()
    assert (query().state, query().delivered_fen) == (SupplierState.PARTIAL, 6000)
    assert simulator.effects() == [("supplier.submit", 6000)]


def test_a_failure_says_why(simulator):
    simulator.outcome("fail", code="MAINTENANCE")
    submit()
    assert (query().state, query().code) == (SupplierState.FAILED, "MAINTENANCE")
    assert simulator.effects() == []


def test_it_stays_pending_until_somebody_decides(simulator):
    simulator.outcome("pending")
    submit()
    assert query(age=timedelta(hours=2)).state == SupplierState.PENDING
    simulator.outcome("fail", "TU1")
    assert query().state == SupplierState.FAILED


def test_the_same_number_delivers_once(simulator):
    simulator.outcome("success")
    assert submit().supplier_order_no == submit().supplier_order_no
    assert simulator.effects() == [("supplier.submit", 10000)]


def test_the_same_number_for_something_else_is_not_failed(simulator):
    simulator.outcome("success")
    submit()
    answer = submit(face_value_fen=20000)
    assert (answer.state, answer.code) == (SupplierState.UNKNOWN, "ORDER_DUPLICATE")
    assert simulator.effects() == [("supplier.submit", 10000)]


@pytest.mark.parametrize(
    ("mode", "delivered"),
    [("timeout_after_effect", True), ("timeout_before_effect", False), ("http_500", False)],
)
def test_silence_at_submission_is_unknown(simulator, mode, delivered):
    simulator.outcome("success")
    simulator.fault("supplier.submit", mode, seconds=20)
    with pytest.raises(SupplierError) as caught:
        submit(timeout=0.3)
    assert (caught.value.state, caught.value.retryable) == (SupplierState.UNKNOWN, True)
    assert query().state == (SupplierState.SUCCEEDED if delivered else SupplierState.UNKNOWN)


@pytest.mark.parametrize(
    ("age", "state"),
    [
        (timedelta(minutes=5) - timedelta(microseconds=1), SupplierState.UNKNOWN),
        (timedelta(minutes=5), SupplierState.NOT_FOUND),
    ],
)
def test_not_found_proves_something_only_after_five_minutes(simulator, age, state):
    answer = query("TU-NEVER", age)
    assert (answer.state, answer.code) == (state, "ORDER_NOT_FOUND")


@pytest.mark.parametrize(
    ("code", "state"),
    [
        ("NUMBER_PORTED", SupplierState.FAILED),
        ("OUT_OF_STOCK", SupplierState.FAILED),
        ("ORDER_DUPLICATE", SupplierState.UNKNOWN),
        ("1032", SupplierState.UNKNOWN),
    ],
)
def test_only_codes_on_the_list_mean_that_nothing_will_arrive(simulator, code, state):
    simulator.fault("supplier.submit", f"reject:{code}")
    assert submit().state == state


def test_a_listed_code_answers_a_query_for_nothing(simulator):
    simulator.outcome("pending")
    submit()
    simulator.fault("supplier.query", "reject:MAINTENANCE")
    assert query().state == SupplierState.UNKNOWN


def test_a_cancel_in_time_and_one_too_late(simulator):
    simulator.outcome("pending")
    submit("TU1")
    assert supplier.cancel(top_up_no="TU1").state == SupplierState.FAILED
    assert query("TU1").code == "CANCELLED"
    simulator.outcome("success")
    submit("TU2")
    assert supplier.cancel(top_up_no="TU2").state == SupplierState.SUCCEEDED
    simulator.outcome("pending", cancellable=False)
    submit("TU3")
    assert supplier.cancel(top_up_no="TU3").state == SupplierState.UNKNOWN
    assert supplier.cancel(top_up_no="TU-NEVER").state == SupplierState.UNKNOWN


def test_the_balance_goes_down_by_what_arrived(simulator):
    before = supplier.balance()
    simulator.outcome("success")
    submit()
    assert supplier.balance() == before - 10000


def test_a_notify_tells_the_end(simulator, inbox):
    simulator.outcome("success", after_s=0.1)
    submit(notify_url=inbox.url)
    told = inbox.next()
    assert (told.state, told.top_up_no) == (SupplierState.SUCCEEDED, "TU1")
    assert told.voucher_no == query().voucher_no
    assert told.changed_at is not None


def test_a_notify_is_repeated_until_it_is_taken(simulator, inbox):
    inbox.replies = [(500, b"broken"), (200, b"fail")]
    simulator.outcome("fail")
    submit(notify_url=inbox.url)
    assert [inbox.next(8).state for _ in range(3)] == [SupplierState.FAILED] * 3
    notified = simulator.wait_for(
        lambda: (
            len(calls := [c for c in simulator.calls() if c[0] == "supplier.notify"]) == 3 and calls
        )
    )
    assert [outcome for _, outcome in notified] == ["refused:500", "refused:200", "delivered"]


def test_a_notify_may_come_twice(simulator, inbox):
    simulator.outcome("success")
    simulator.fault("supplier.submit", "duplicate_notify")
    submit(notify_url=inbox.url)
    first, second = inbox.next(), inbox.next()
    assert first.changed_at == second.changed_at
    assert simulator.effects() == [("supplier.submit", 10000)]


def test_a_notify_may_come_late(simulator, inbox):
    simulator.outcome("success")
    simulator.fault("supplier.submit", "late_notify", seconds=0.6)
    submit(notify_url=inbox.url)
    assert query().state == SupplierState.SUCCEEDED
    assert inbox.got.empty()
    assert inbox.next().state == SupplierState.SUCCEEDED


def test_old_news_after_new_tells_its_age(simulator, inbox):
    simulator.outcome("success", after_s=0.1)
    simulator.fault("supplier.submit", "out_of_order_notify")
    submit(notify_url=inbox.url)
    first, second = inbox.next(), inbox.next()
    assert (first.state, second.state) == (SupplierState.SUCCEEDED, SupplierState.PENDING)
    assert first.changed_at is not None
    assert second.changed_at is not None
    assert second.changed_at < first.changed_at


def test_a_delivery_may_be_taken_back(simulator, inbox):
    simulator.outcome("success")
    submit(notify_url=inbox.url)
    assert inbox.next().state == SupplierState.SUCCEEDED
    simulator.outcome("fail", "TU1", code="REVERSED")
    told = inbox.next()
    assert (told.state, told.code, told.voucher_no) == (SupplierState.FAILED, "REVERSED", "")
    assert simulator.effects() == [("supplier.submit", 10000), ("supplier.reverse", 10000)]


def test_a_forged_notify_is_refused(simulator, inbox, settings):
    simulator.outcome("fail")
    submit(notify_url=inbox.url)
    said = json.loads(inbox.got.get(timeout=5))
    said["status"] = "success"
    assert refused(json.dumps(said).encode()) == "bad_signature"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"[]", "unreadable"),
        (b"not json", "unreadable"),
        (b"\xff", "unreadable"),
        (b"{}", "bad_signature"),
        (b'{"sign":"\\ud800"}', "bad_signature"),
        (b'{"sign":{"a":1}}', "bad_signature"),
        (b"[" * 100_000, "unreadable"),
        (b'{"a":' * 30 + b"1" + b"}" * 30, "unreadable"),
    ],
)
def test_what_no_supplier_says(body, reason):
    assert refused(body) == reason


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"timestamp": 1_764_000_000}, "stale"),
        ({"timestamp": "now"}, "stale"),
        ({"app_id": "another desk"}, "other_account"),
        ({"number": ""}, "unreadable"),
    ],
)
def test_a_notify_that_is_signed_and_not_for_us_now(settings, facts, reason):
    assert refused(signed(settings, **facts)) == reason


@pytest.mark.parametrize(
    "facts",
    [
        {"status": "success", "amount_fen": 10000, "delivered_fen": 5000},
        {"status": "partial", "amount_fen": 10000, "delivered_fen": 10000},
        {"status": "partial", "delivered_fen": 0},
        {"status": "SUCCESS"},
    ],
)
def test_what_does_not_add_up_is_unknown(settings, facts):
    assert read(signed(settings, **facts)).state == SupplierState.UNKNOWN


def signed(settings: Any, **facts: Any) -> bytes:
    said = {"number": "TU1", "status": "success", "app_id": "helpdesk", **facts}
    said = {"timestamp": int(datetime.now(UTC).timestamp()), **said}
    return json.dumps({**said, "sign": sign_params(settings.SUPPLIER_SECRET, said)}).encode()


def refused(body: bytes) -> str:
    with pytest.raises(NoticeRefused) as caught:
        read(body)
    return caught.value.reason


def test_what_is_kept_of_an_answer_shows_no_account_and_no_sign(simulator, inbox):
    simulator.outcome("success")
    kept = json.dumps([submit(notify_url=inbox.url).raw, inbox.next().raw])
    assert "13800001234" not in kept
    assert '"sign"' not in kept


def test_orders_of_the_past_are_known_without_having_moved_anything(simulator):
    simulator.orders([{"number": "TU-OLD", "state": "success", "amount_fen": 3000}])
    assert query("TU-OLD").state == SupplierState.SUCCEEDED
    assert simulator.effects() == []


def test_suppliers_are_found_by_code(settings):
    assert has_supplier("sandbox")
    with pytest.raises(SupplierNotConfigured):
        get_supplier("nobody")
    settings.SUPPLIER_URL, settings.SUPPLIER_SECRET, settings.DEMO = "", "", False
    with pytest.raises(SupplierNotConfigured) as caught:
        submit()
    assert not caught.value.retryable


def test_a_supplier_that_is_down(simulator: Simulator):
    simulator.kill()
    with pytest.raises(SupplierError) as caught:
        query()
    assert caught.value.state == SupplierState.UNKNOWN
