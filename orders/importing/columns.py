"""Which column of a shop's file means what, and a row of it as the payload of an order."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from orders.importing.cells import (
    BadCell,
    read_fen,
    read_length,
    read_text,
    read_time,
    read_whole,
    read_yes_no,
)
from orders.importing.column_names import ALIASES, VALUES


class UnableToMap(Exception):
    """The columns do not say what an order needs; the text names what is missing."""


READERS: dict[str, Callable[[Any], Any]] = {
    "arrival_within": read_length,
    "face_value": read_fen,
    "price": read_fen,
    "paid_amount": read_fen,
    "delivered_face_value": read_fen,
    "face_value_fen": read_whole,
    "price_fen": read_whole,
    "amount_fen": read_whole,
    "delivered_face_fen": read_whole,
    "paid_at": read_time,
    "facts_as_of": read_time,
    "code_revealed_at": read_time,
    "confirmed_input": read_yes_no,
    "reseller": read_yes_no,
}
#: Amounts in yuan, and where they go once they are fen.
YUAN = {
    "face_value": "face_value_fen",
    "price": "price_fen",
    "paid_amount": "amount_fen",
    "delivered_face_value": "delivered_face_fen",
}
#: One of each must be known, by a column or a default.
NEEDED: tuple[tuple[str, ...], ...] = (
    ("order_no",),
    ("product_name", "product_code"),
    ("status",),
    ("price", "price_fen", "paid_amount", "amount_fen"),
)
ARRIVAL = {"instant": "PT1H", "slow": "PT72H", "presale": "PT72H"}


@dataclass(frozen=True)
class ColumnMapping:
    """Fields by column, saved as JSON so that next month's file needs no thought.

    `fields`: field -> header; `defaults`: field -> text for every row; `values`: field -> what the
    file writes -> what it means.
    """

    fields: dict[str, str] = field(default_factory=dict)
    defaults: dict[str, str] = field(default_factory=dict)
    values: dict[str, dict[str, str]] = field(default_factory=dict)

    def to_json(self) -> str:
        parts = {"fields": self.fields, "defaults": self.defaults, "values": self.values}
        return json.dumps(parts, ensure_ascii=False, indent=2) + "\n"


def load_mapping(path: Path) -> "ColumnMapping":
    """This function will read a saved mapping.

    :raises UnableToMap: not such a file, or it names fields that an order does not have.
    """
    try:
        body = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise UnableToMap(
            _("%(path)s is no mapping: %(error)s") % {"path": path, "error": error}
        ) from error
    parts = ("fields", "defaults", "values")
    if not isinstance(body, dict) or set(body) - set(parts):
        raise UnableToMap(_("A mapping has the parts fields, defaults and values."))
    mapping = ColumnMapping(**{name: body.get(name, {}) for name in parts})
    for part in (mapping.fields, mapping.defaults, mapping.values):
        if not isinstance(part, dict) or (unknown := set(part) - set(ALIASES)):
            raise UnableToMap(
                _("The mapping names unknown fields: %(names)s.")
                % {"names": ", ".join(sorted(unknown)) if isinstance(part, dict) else part}
            )
    return mapping


@dataclass(frozen=True)
class Columns:
    """A mapping held against the headers of one file."""

    mapping: ColumnMapping
    #: field -> index of its column.
    places: dict[str, int]
    headers: list[str]

    @property
    def unused(self) -> list[str]:
        used = set(self.places.values())
        return [h for index, h in enumerate(self.headers) if h and index not in used]

    def header_of(self, name: str) -> str:
        return self.headers[self.places[name]] if name in self.places else name


def find_columns(headers: list[str], saved: ColumnMapping | None = None) -> Columns:
    """This function will find out what each column means: as saved, else by its name.

    :raises UnableToMap: a saved header is not there, or a field that every order needs is in no
        column.
    """
    saved = saved or ColumnMapping()
    places = {}
    for name, header in saved.fields.items():
        if header not in headers:
            raise UnableToMap(_("The file has no column “%(header)s”.") % {"header": header})
        places[name] = headers.index(header)
    taken, ranks = set(places.values()), dict.fromkeys(places, -1)
    for index, header in enumerate(headers):
        name, rank = FIELD_OF_HEADER.get(simplify(header), ("", 0))
        # Of two columns that could mean the same the plainer name wins; the other stays unused.
        if name and index not in taken and rank < ranks.get(name, rank + 1):
            places[name], ranks[name] = index, rank
    refuse_missing(places.keys() | saved.defaults.keys())
    fields = {name: headers[index] for name, index in places.items()}
    return Columns(ColumnMapping(fields, saved.defaults, saved.values), places, headers)


def refuse_missing(known: set[str]) -> None:
    missing = [names for names in NEEDED if not known & set(names)]
    if missing:
        shown = "; ".join(f"{names[0]} ({', '.join(ALIASES[names[0]][:3])})" for names in missing)
        raise UnableToMap(_("The file has no column for: %(fields)s.") % {"fields": shown})


def simplify(header: str) -> str:
    """Upper and lower case, spaces, brackets and punctuation make no other name."""
    return re.sub(r"[\W_]+", "", header).lower()


FIELD_OF_HEADER = {
    simplify(alias): (name, rank)
    for name, aliases in ALIASES.items()
    for rank, alias in enumerate((name, *aliases))
}


class BadRow(Exception):
    """A row that is no order: (field, code, why) for each thing wrong with it."""

    def __init__(self, errors: list[tuple[str, str, str]]) -> None:
        super().__init__(errors)
        self.errors = errors


def read_row(columns: Columns, cells: Sequence[Any]) -> dict[str, Any]:
    """This function will read one row's cells to values by field; empty cells are absent.

    :raises BadRow: cells that cannot be read.
    """
    values: dict[str, Any] = {}
    errors = []
    for name in columns.places.keys() | columns.mapping.defaults.keys():
        cell = cells[columns.places[name]] if name in columns.places else None
        if cell is None or cell == "":
            cell = columns.mapping.defaults.get(name)
        if cell is None or cell == "":
            continue
        try:
            values[name] = read_value(name, cell, columns.mapping.values.get(name, {}))
        except BadCell as bad:
            errors.append((name, bad.code, str(bad)))
    if errors:
        raise BadRow(sorted(errors))
    for yuan, fen in YUAN.items():
        if yuan in values:
            values.setdefault(fen, values.pop(yuan))
    return values


def read_value(name: str, cell: Any, meanings: Mapping[str, str]) -> Any:
    if meanings:
        cell = meanings.get(str(cell).strip(), cell)
    if name in READERS:
        return READERS[name](cell)
    text = read_text(cell)
    return VALUES[name].get(simplify(text), text) if name in VALUES else text


def to_payload(values: dict[str, Any]) -> dict[str, Any]:
    """This function will build the payload of `PUT /api/v1/orders/…` from a row's values."""
    rest = dict(values)
    order_status = rest.get("status", "")
    price = rest.setdefault("price_fen", rest.get("amount_fen"))
    rest.setdefault("face_value_fen", price)
    kind = rest.pop("product_kind", "instant")
    name = rest.pop("product_name", "") or rest.get("product_code", "")
    product = {
        "code": rest.pop("product_code", "") or name[:64],
        "name": name,
        "kind": kind,
        "arrival_within": rest.pop("arrival_within", None) or ARRIVAL.get(kind, "PT1H"),
    }
    customer = {
        part: rest.pop(f"customer_{part}")
        for part in ("name", "phone", "email")
        if f"customer_{part}" in rest
    }
    payments = take_payment(rest, order_status=order_status, price_fen=price)
    rest.pop("order_no", None)
    return {**rest, "product": product, "customer": customer, "payments": payments}


def take_payment(rest: dict[str, Any], *, order_status: str, price_fen: Any) -> list[Any]:
    names = ("channel", "channel_trade_no", "merchant_trade_no", "paid_at")
    payment = {name: rest.pop(name) for name in names if name in rest}
    amount, status = rest.pop("amount_fen", price_fen), rest.pop("payment_status", "")
    if not payment.keys() - {"channel"}:
        return []
    unpaid = order_status == "awaiting_payment" and "paid_at" not in payment
    return [payment | {"amount_fen": amount, "status": status or ("pending" if unpaid else "paid")}]


#: Where a field of the payload comes from, for errors that name the column.
FIELD_OF_PATH = {
    "product.code": "product_code",
    "product.name": "product_name",
    "product.kind": "product_kind",
    "product.arrival_within": "arrival_within",
    "payments.amount_fen": "paid_amount",
    "payments.status": "payment_status",
    "payments.0.amount_fen": "paid_amount",
    "payments.0.status": "payment_status",
    "face_value_fen": "face_value",
    "price_fen": "price",
    "delivered_face_fen": "delivered_face_value",
}


def field_of_path(path: str) -> str:
    if path in FIELD_OF_PATH:
        return FIELD_OF_PATH[path]
    for prefix, name in (("customer.", "customer_"), ("payments.0.", ""), ("payments.", "")):
        if path.startswith(prefix):
            return name + path.removeprefix(prefix)
    return path
