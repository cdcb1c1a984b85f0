"""Sending top-ups: claim under a lock, call outside any transaction, settle under a lock.

An attempt is submitted once. Whatever is not clearly answered is asked about under the same
number, never sent again: the supplier may deliver long after it did not answer.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction

from helpdesk.wake import wake
from orders.calling_off import goes_back_whole, note_that_nothing_arrives
from orders.models import Order, OrderEvent, ProofLevel, TopUp
from orders.recourse import claim_late_arrival
from orders.suppliers import get_supplier
from orders.suppliers.base import (
    Supplier,
    SupplierAnswer,
    SupplierError,
    SupplierNotConfigured,
    SupplierState,
)

logger = logging.getLogger(__name__)

#: How long a worker may hold an attempt before another one asks what became of it.
LEASE = timedelta(seconds=30)
SHORTEST_WAIT = timedelta(seconds=2)
LONGEST_WAIT = timedelta(minutes=30)
#: A success without a voucher is asked about for this long: the voucher is the proof.
VOUCHER_ASKED_FOR = timedelta(hours=4)
BATCH = 20

#: How far the supplier's clock may be ahead of ours.
CLOCK_TOLERANCE = timedelta(minutes=5)

State = TopUp.State
#: What a supplier says when it is done with an attempt, one way or the other.
ENDS = (SupplierState.SUCCEEDED, SupplierState.PARTIAL, SupplierState.FAILED)
DELIVERED = (State.SUCCEEDED, State.PARTIAL)


@dataclass(frozen=True)
class Claim:
    """What a worker needs to talk to the supplier, read while it held the attempt's lock."""

    top_up_id: int
    top_up_no: str
    supplier: str
    account: str
    product: str
    face_value_fen: int
    is_submission: bool
    #: All the money goes back: nothing is sent any more, and what was sent is to be cancelled.
    is_called_off: bool
    submitted_at: datetime


def execute_top_up(*, top_up_id: int, clock: Callable[[], datetime]) -> None:
    """This function will take one attempt a step further with its supplier, if it is its turn.

    The clock is read again after the call, which may take seconds.
    """
    claim = claim_top_up(top_up_id=top_up_id, now=clock())
    if claim is None:
        return
    answer = call_supplier(claim, now=clock())
    settle_top_up(top_up_id=claim.top_up_id, answer=answer, now=clock())


def claim_top_up(*, top_up_id: int, now: datetime) -> Claim | None:
    """This function will take a due attempt for this worker alone, for the length of a lease.

    That it is being submitted is committed before the call: a worker that dies in between leaves
    an attempt that is asked about, not one that is sent again.
    """
    with transaction.atomic(durable=True):
        # The order first, as everywhere: the event written below refers to it, and whoever plans
        # a refund just now holds it and wants the attempt next.
        Order.objects.select_for_update().filter(top_ups=top_up_id).first()
        top_up = (
            TopUp.objects.select_for_update(skip_locked=True, of=("self",))
            .select_related("order")
            .filter(pk=top_up_id, next_attempt_at__lte=now)
            .first()
        )
        if top_up is None:
            return None
        is_submission = top_up.state == State.PLANNED
        is_called_off = top_up.state in TopUp.LIVE_STATES and goes_back_whole(top_up.order)
        top_up.next_attempt_at = now + LEASE
        if is_submission and not is_called_off:
            top_up.state, top_up.submitted_at = State.SUBMITTED, now
            append_event(top_up, OrderEvent.Kind.TOP_UP_SUBMITTED, now=now)
        top_up.save(update_fields=["state", "submitted_at", "next_attempt_at"])
    return Claim(
        top_up_id=top_up.pk,
        top_up_no=top_up.top_up_no,
        supplier=top_up.supplier,
        account=top_up.order.target_account,
        product=top_up.order.product_code,
        face_value_fen=top_up.face_value_fen,
        is_submission=is_submission,
        is_called_off=is_called_off,
        submitted_at=top_up.submitted_at or top_up.created_at,
    )


def call_supplier(claim: Claim, *, now: datetime) -> SupplierAnswer:
    """This function will submit or query one attempt; whatever is unclear comes back as unknown."""
    if claim.is_submission and claim.is_called_off:
        return SupplierAnswer(state=SupplierState.FAILED, code="CALLED_OFF")
    try:
        supplier = get_supplier(claim.supplier)
        if claim.is_called_off:
            _ask_to_cancel(supplier, claim)
        if not claim.is_submission:
            return supplier.query(
                top_up_no=claim.top_up_no, submitted_at=claim.submitted_at, now=now
            )
        return supplier.submit(
            top_up_no=claim.top_up_no,
            account=claim.account,
            product=claim.product,
            face_value_fen=claim.face_value_fen,
            notify_url=f"{settings.SITE_URL}/callbacks/suppliers/{claim.supplier}/",
        )
    except SupplierError as error:
        logger.warning("top-up %s: %s", claim.top_up_no, error)
        never_sent = claim.is_submission and isinstance(error, SupplierNotConfigured)
        return SupplierAnswer(
            state=SupplierState.FAILED if never_sent else SupplierState.UNKNOWN,
            code=error.code,
            message=str(error),
        )


def _ask_to_cancel(supplier: Supplier, claim: Claim) -> None:
    """What came of it, the query after it tells."""
    try:
        supplier.cancel(top_up_no=claim.top_up_no)
    except SupplierError as error:
        logger.warning("top-up %s was not called off: %s", claim.top_up_no, error)


def can_be_ordered(answer: SupplierAnswer, *, now: datetime) -> bool:
    """This function will say whether an answer that was not asked for tells an end, and since
    when: two such may come in the wrong order. From a future nobody can have overtaken it."""
    told_at = answer.changed_at
    return answer.state in ENDS and told_at is not None and told_at <= now + CLOCK_TOLERANCE


def settle_top_up(*, top_up_id: int, answer: SupplierAnswer, now: datetime) -> bool:
    """This function will write down what the supplier said and what follows from it.

    Any number of times, from a call, a query or a notify: only news changes anything. A supplier
    may take its success back, or succeed after it failed; both are facts. False: the answer is
    older than another one that is known, and changed nothing.
    """
    with transaction.atomic(durable=True):
        order = Order.objects.select_for_update().get(top_ups=top_up_id)
        top_up = TopUp.objects.select_for_update().get(pk=top_up_id)
        if answer.changed_at is not None:
            if top_up.told_at is not None and answer.changed_at < top_up.told_at:
                return False
            top_up.told_at = min(answer.changed_at, now)
        top_up.supplier_order_no = answer.supplier_order_no[:64] or top_up.supplier_order_no
        top_up.message = (answer.message or answer.code)[:500]
        match answer.state:
            case SupplierState.SUCCEEDED | SupplierState.PARTIAL:
                _deliver(order, top_up, answer, now=now)
            case SupplierState.FAILED | SupplierState.NOT_FOUND:
                _fail(order, top_up, now=now)
            case _:
                _wait(top_up, answer, now=now)
        top_up.save()
        if top_up.state in DELIVERED:
            # The money may have gone back while the supplier was silent.
            claim_late_arrival(order, now=now)
        else:
            note_that_nothing_arrives(order)
    return True


def _deliver(order: Order, top_up: TopUp, answer: SupplierAnswer, *, now: datetime) -> None:
    partial = answer.state == SupplierState.PARTIAL
    said = answer.delivered_fen
    arrived = min(said, top_up.face_value_fen) if said is not None else top_up.face_value_fen
    voucher = answer.voucher_no[:128] or top_up.voucher_no
    facts: dict[str, Any] = {
        "state": State.PARTIAL if partial else State.SUCCEEDED,
        "delivered_face_fen": arrived if partial else top_up.face_value_fen,
        "voucher_no": voucher,
        "proof_level": ProofLevel.VOUCHER if voucher else ProofLevel.SUPPLIER_SAYS_SO,
    }
    is_news = any(getattr(top_up, name) != value for name, value in facts.items())
    top_up.next_attempt_at = None if voucher else _next_for_voucher(top_up, now)
    if not is_news:
        return
    for name, value in facts.items():
        setattr(top_up, name, value)
    top_up.settled_at = now
    status = Order.Status.PARTIALLY_DELIVERED if partial else Order.Status.DELIVERED
    _move_order(order, status, delivered_face_fen=top_up.delivered_face_fen, now=now)
    append_event(top_up, OrderEvent.Kind.TOP_UP_DELIVERED, now=now)


def _next_for_voucher(top_up: TopUp, now: datetime) -> datetime | None:
    since = top_up.submitted_at or top_up.created_at
    return now + timedelta(minutes=5) if now - since < VOUCHER_ASKED_FOR else None


def _fail(order: Order, top_up: TopUp, *, now: datetime) -> None:
    """Nothing arrived, or what arrived was taken back."""
    if top_up.state in (State.FAILED, State.REVERSED):
        return
    taken_back = top_up.state in DELIVERED
    top_up.state = State.REVERSED if taken_back else State.FAILED
    top_up.delivered_face_fen, top_up.proof_level = 0, ProofLevel.NONE
    top_up.settled_at, top_up.next_attempt_at = now, None
    waiting = (Order.Status.RECHARGING, Order.Status.UNKNOWN)
    if taken_back or order.status in waiting:
        # Otherwise the shop has told of a delivery of its own since; our failure says nothing.
        _move_order(order, Order.Status.FAILED, delivered_face_fen=0, now=now)
    append_event(top_up, OrderEvent.Kind.TOP_UP_FAILED, now=now)


def _wait(top_up: TopUp, answer: SupplierAnswer, *, now: datetime) -> None:
    """Under way or unclear. An end that was reached is not undone by an unclear answer."""
    if top_up.state in TopUp.LIVE_STATES:
        pending = answer.state == SupplierState.PENDING
        top_up.state = State.PENDING if pending else State.UNKNOWN
        top_up.next_attempt_at = now + _until_next_query(top_up, now)
    elif top_up.next_attempt_at is not None:
        top_up.next_attempt_at = _next_for_voucher(top_up, now)


def _until_next_query(top_up: TopUp, now: datetime) -> timedelta:
    """A fifth of the attempt's age: seconds at first, half an hour in the end."""
    age = now - (top_up.submitted_at or top_up.created_at)
    try:
        spacing = get_supplier(top_up.supplier).query_spacing
    except SupplierError:
        spacing = LONGEST_WAIT
    return min(max(spacing, SHORTEST_WAIT, age / 5), LONGEST_WAIT)


def _move_order(
    order: Order, status: Order.Status, *, delivered_face_fen: int, now: datetime
) -> None:
    order.status, order.updated_at = status, now
    order.delivered_face_fen = min(delivered_face_fen, order.face_value_fen)
    order.save(update_fields=["status", "delivered_face_fen", "updated_at"])


def append_event(top_up: TopUp, kind: OrderEvent.Kind, *, now: datetime) -> None:
    OrderEvent.objects.create(
        order_id=top_up.order_id,
        kind=kind,
        at=now,
        not_before=now,
        data={
            "top_up_no": top_up.top_up_no,
            "state": top_up.state,
            "proof_level": int(top_up.proof_level),
        },
    )
    wake("tickets.tasks.relay")


def hasten_top_up(*, top_up_id: int, now: datetime) -> None:
    """This function will have the supplier asked about an attempt as soon as a worker is free."""
    with transaction.atomic():
        top_up = TopUp.objects.select_for_update().get(pk=top_up_id)
        if top_up.next_attempt_at is None or top_up.next_attempt_at > now:
            top_up.next_attempt_at = now
            top_up.save(update_fields=["next_attempt_at"])
        wake("orders.tasks.execute_top_up", top_up.pk)


def find_due_top_ups(*, now: datetime) -> list[int]:
    """This function will list attempts whose next step is due, oldest first."""
    due = TopUp.objects.filter(next_attempt_at__lte=now).order_by("next_attempt_at")
    return list(due.values_list("pk", flat=True)[:BATCH])


def rescue_top_ups(*, clock: Callable[[], datetime]) -> int:
    """This function will take up every attempt that is due: lost wake-ups, queries."""
    ids = find_due_top_ups(now=clock())
    for top_up_id in ids:
        execute_top_up(top_up_id=top_up_id, clock=clock)
    return len(ids)
