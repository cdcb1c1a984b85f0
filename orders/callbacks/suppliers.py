"""Suppliers' news of top-ups: a state that says since when it holds is booked unless a newer one
is known; whatever else is told has the supplier asked."""

from orders.callbacks.book import (
    Content,
    Letter,
    NobodyThere,
    Reason,
    note_refused,
    note_taken,
    was_taken,
)
from orders.deliveries import can_be_ordered, hasten_top_up, settle_top_up
from orders.models import TopUp
from orders.suppliers import get_supplier, has_supplier
from orders.suppliers.base import NoticeRefused, NoticeReply, SupplierAnswer


def receive_notify(letter: Letter) -> NoticeReply:
    """This function will take in or refuse one notify, and say what the supplier wants to hear.

    :raises NobodyThere: there is no such supplier.
    """
    if not has_supplier(letter.code):
        raise NobodyThere(letter.code)
    supplier = get_supplier(letter.code)
    if letter.is_too_large:
        note_refused(letter, Reason.TOO_LARGE)
        return supplier.answer_notify(taken=False)
    try:
        told = supplier.parse_notify(body=letter.body, headers=letter.headers, now=letter.at)
    except NoticeRefused as refused:
        note_refused(letter, Reason(refused.reason))
        return supplier.answer_notify(taken=False)
    content = Content(told.notice_id or letter.digest, told.top_up_no, told.state, told.raw)
    if was_taken(letter, content):
        note_refused(letter, Reason.REPLAYED, content)
        return supplier.answer_notify(taken=True)
    top_up = TopUp.objects.filter(top_up_no=told.top_up_no, supplier=letter.code).first()
    if objection := find_objection(top_up, told):
        note_refused(letter, objection, content)
        return supplier.answer_notify(taken=False)
    assert top_up is not None
    if act_on(letter, top_up, told):
        # Last, so that what a killed process left undone is done when it is sent again.
        note_taken(letter, content)
    else:
        # True once, and no use in having it repeated.
        note_refused(letter, Reason.OVERTAKEN, content)
    return supplier.answer_notify(taken=True)


def find_objection(top_up: TopUp | None, told: SupplierAnswer) -> Reason | None:
    """This function will hold a notify against the top-up that it names."""
    if top_up is None or top_up.state == TopUp.State.PLANNED:
        return Reason.UNKNOWN_NUMBER
    if told.supplier_order_no and top_up.supplier_order_no not in ("", told.supplier_order_no):
        return Reason.OTHER_SUBJECT
    if told.amount_fen not in (None, top_up.face_value_fen):
        return Reason.WRONG_AMOUNT
    if told.delivered_fen is not None and told.delivered_fen > top_up.face_value_fen:
        return Reason.WRONG_AMOUNT
    return None


def act_on(letter: Letter, top_up: TopUp, told: SupplierAnswer) -> bool:
    """This function will book what is told, or have the supplier asked; False: it is old news."""
    if can_be_ordered(told, now=letter.at):
        return settle_top_up(top_up_id=top_up.pk, answer=told, now=letter.at)
    hasten_top_up(top_up_id=top_up.pk, now=letter.at)
    return True
