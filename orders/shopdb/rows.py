"""One row of a shop: checked by the rules of the API, then stored, or kept as a fault."""

from dataclasses import dataclass
from datetime import datetime
from types import ModuleType
from typing import Any

from django.utils.translation import gettext as _
from rest_framework.exceptions import ValidationError

from orders.api.problems import error_items
from orders.facts import OrderFacts
from orders.importing.rows import outcome_of
from orders.intake import UnableToPutOrder, put_order
from orders.models import Order, ShopFault
from orders.payload import ORDER_NO, OrderPayload, to_facts
from orders.shopdb.presets.words import Local, UnreadableRow

Errors = list[dict[str, str]]


class UnableToTakeRow(Exception):
    """The row is no order to us."""

    def __init__(self, errors: Errors) -> None:
        super().__init__("; ".join(f"{e['field']}: {e['detail']}" for e in errors))
        self.errors = errors


@dataclass(frozen=True)
class ReadRow:
    order_no: str
    facts: OrderFacts


def read_row(preset: ModuleType, row: dict[str, Any], local: Local, *, now: datetime) -> ReadRow:
    """This function will turn a row into facts by the rules of PUT /api/v1/orders/.

    :raises UnableToTakeRow: with everything that is wrong.
    """
    order_no = str(row["order_no"] or "").strip()
    if not ORDER_NO.fullmatch(order_no):
        raise UnableToTakeRow([error("order_no", "invalid", _("This is no order number."))])
    try:
        payload = preset.to_payload(row | {"order_no": order_no}, local)
        keep_what_is_known(order_no, payload)
        checked = OrderPayload(context={"now": now}).run_validation(payload)
    except UnreadableRow as bad:
        raise UnableToTakeRow([error(bad.field, bad.code, bad.detail)]) from None
    except ValidationError as refused:
        items = error_items(refused.detail)
        raise UnableToTakeRow([error(i["field"], i["code"], i["detail"]) for i in items]) from None
    return ReadRow(order_no, to_facts(checked))


def keep_what_is_known(order_no: str, payload: dict[str, Any]) -> None:
    """This function will let stay what was read once: the form's answers give way to card codes,
    the desk may have corrected the account since, and a code is revealed only once."""
    known = Order.objects.filter(order_no=order_no).first()
    if known is None:
        return
    if known.target_account:
        payload["target_account"] = known.target_account
    if known.code_revealed_at:
        payload["code_revealed_at"] = known.code_revealed_at.isoformat()


def store_row(preset: ModuleType, row: dict[str, Any], local: Local, *, now: datetime) -> str:
    """This function will store one row and say what came of it: created, updated, unchanged, or
    rejected, which is kept with its reasons."""
    try:
        read = read_row(preset, row, local, now=now)
        stored = put_order(order_no=read.order_no, facts=read.facts, source=preset.NAME, now=now)
    except UnableToTakeRow as bad:
        note_fault(preset, row, bad.errors, now=now)
        return "rejected"
    except UnableToPutOrder as refused:
        errors = [error(refused.field, refused.code, str(refused))]
        note_fault(preset, row, errors, now=now)
        return "rejected"
    clear_faults(preset, [row["id"]], now=now)
    return outcome_of(stored.created, stored.changed, stored.stale)


def error(field: str, code: str, detail: str) -> dict[str, str]:
    return {"field": field, "code": code, "detail": detail}


def note_fault(preset: ModuleType, row: dict[str, Any], errors: Errors, *, now: datetime) -> None:
    fault, _created = ShopFault.objects.get_or_create(
        preset=preset.NAME,
        row_id=row["id"],
        defaults={"found_at": now, "seen_at": now, "errors": errors},
    )
    fault.order_no = str(row["order_no"] or "")[:200]
    fault.errors, fault.seen_at, fault.cleared_at = errors, now, None
    fault.save()


def clear_faults(preset: ModuleType, row_ids: list[int], *, now: datetime) -> None:
    open_faults = ShopFault.objects.filter(preset=preset.NAME, cleared_at__isnull=True)
    open_faults.filter(row_id__in=row_ids).update(cleared_at=now)
