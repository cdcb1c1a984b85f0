"""The desk of whoever tests: faults, payments, supplier outcomes, and the book. Loopback only."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from simulator import supplier, trades
from simulator.faults import add_fault
from simulator.gateway import Gateway
from simulator.messages import Body, Refusal, Reply, Request, json_reply, read_text
from simulator.outcomes import read_outcome, set_outcome
from simulator.store import Store

LOOPBACK = {"127.0.0.1", "::1", "::ffff:127.0.0.1"}
LOOPBACK_NAMES = {"127.0.0.1", "localhost", "::1"}
BATCH_LIMIT = 10_000
RESET_TABLES = ("ledger", "faults", "refunds", "notifies", "outcomes")


class Control:
    def __init__(self, store: Store, gateways: Sequence[Gateway]) -> None:
        self._store = store
        self._targets = {
            operation.target: set(operation.notify_modes)
            for gateway in gateways
            for operation in gateway.operations
        }
        self._routes: dict[tuple[str, str], Callable[[Request], Body]] = {
            ("POST", "/control/faults"): self._add_fault,
            ("GET", "/control/faults"): self._list_faults,
            ("GET", "/control/ledger"): self._read_ledger,
            ("POST", "/control/trades"): self._add_trades,
            ("GET", "/control/trades"): self._list_trades,
            ("POST", "/control/outcomes"): self._set_outcome,
            ("POST", "/control/orders"): self._add_supplier_orders,
            ("POST", "/control/reset"): self._reset,
        }
        self._tables = [*RESET_TABLES]
        for gateway in gateways:
            self._tables += getattr(gateway, "tables", ())
            for (method, path), perform in getattr(gateway, "control_routes", {}).items():
                self._routes[method, path] = functools.partial(_call, perform, store)

    def handle(self, request: Request) -> Reply:
        try:
            _require_loopback(request)
            # control_url may be joined with "/ledger" and with "/control/ledger".
            path = request.path.replace("/control/control/", "/control/", 1).rstrip("/")
            route = self._routes.get((request.method, path))
            if route is None:
                known = ", ".join(f"{method} {name}" for method, name in self._routes)
                raise Refusal(404, "NOT_FOUND", f"There are {known}.")
            with self._store.transaction():
                return json_reply(200, route(request))
        except Refusal as refusal:
            body = {"code": refusal.code, "message": refusal.message, "field": refusal.field}
            return json_reply(refusal.status, body)

    def _add_fault(self, request: Request) -> Body:
        return add_fault(self._store, request.json(), self._targets)

    def _list_faults(self, request: Request) -> Body:
        return {"faults": [dict(row) for row in self._store.rows("SELECT * FROM faults")]}

    def _read_ledger(self, request: Request) -> Body:
        since, number = request.query.get("since", "0"), request.query.get("number", "")
        if not since.isdecimal() or len(since) > 15:
            raise Refusal(400, "PARAM_ERROR", "since must be a seq.", field="since")
        rows = self._store.rows(
            "SELECT * FROM ledger WHERE seq > ? AND (? = '' OR number = ?) ORDER BY seq",
            int(since),
            number,
            number,
        )
        shared = ("seq", "at", "target", "number", "amount_fen")
        return {
            "calls": [_pick(row, *shared, "outcome") for row in rows if row["kind"] == "call"],
            "effects": [_pick(row, *shared, "trade_no") for row in rows if row["kind"] == "effect"],
        }

    def _add_trades(self, request: Request) -> Body:
        items = _read_batch(request.json(), "trades")
        created = sum(trades.add_trade(self._store, item) for item in items)
        return {"created": created, "known": len(items) - created}

    def _list_trades(self, request: Request) -> Body:
        refunded = trades.get_refunded_fen
        return {
            "trades": [
                {
                    **dict(row),
                    "refunded_fen": refunded(self._store, row["channel"], row["trade_no"]),
                }
                for row in self._store.rows("SELECT * FROM trades ORDER BY rowid")
            ]
        }

    def _set_outcome(self, request: Request) -> Body:
        body = request.json()
        number = read_text(body, "number", required=False)
        outcome = read_outcome(body)
        order = self._store.row("SELECT * FROM supplier_orders WHERE number = ?", number)
        if order is None:
            set_outcome(self._store, number, outcome)
        elif outcome.after_s == 0:
            supplier.change_order(self._store, order, outcome)
        else:
            statement = "UPDATE supplier_orders SET due_at = ?, outcome = ? WHERE number = ?"
            due_at = time.time() + outcome.after_s
            self._store.execute(statement, due_at, outcome.to_json(), number)
        return {"number": number, "state": outcome.state, "changed": order is not None}

    def _add_supplier_orders(self, request: Request) -> Body:
        items = _read_batch(request.json(), "orders")
        created = sum(supplier.add_past_order(self._store, item) for item in items)
        return {"created": created, "known": len(items) - created}

    def _reset(self, request: Request) -> Body:
        """This function will go back to what was made known: trades and orders of the past stay,
        unless the body says {"trades": true}; what the desk did since is forgotten."""
        for table in self._tables:
            self._store.execute(f"DELETE FROM {table}")
        self._store.execute("DELETE FROM supplier_orders WHERE seeded = 0")
        if request.json().get("trades") is True:
            self._store.execute("DELETE FROM trades")
            self._store.execute("DELETE FROM supplier_orders")
        return {"reset": True}


def _call(perform: Callable[[Store, Body], Body], store: Store, request: Request) -> Body:
    return perform(store, request.json())


def _require_loopback(request: Request) -> None:
    host = urlsplit(f"//{request.header('Host')}").hostname or ""
    if request.peer not in LOOPBACK or host not in LOOPBACK_NAMES:
        raise Refusal(403, "FORBIDDEN", "Control is for this machine only.")


def _read_batch(body: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    items = body.get(name, [body])
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise Refusal(400, "PARAM_ERROR", f"{name} must be a list of objects.", field=name)
    if len(items) > BATCH_LIMIT:
        raise Refusal(400, "PARAM_ERROR", f"At most {BATCH_LIMIT} {name} a call.", field=name)
    return items


def _pick(row: Any, *names: str) -> Body:
    return {name: row[name] for name in names}
