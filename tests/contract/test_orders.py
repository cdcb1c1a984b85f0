"""Orders, as a shop's programmer reads the contract."""

import uuid
from typing import Any

import pytest

from tests.contract.outsider import Outsider, ok, problem

AT = "2026-11-24T14:30:00+08:00"


def test_an_order_is_stored_and_the_same_body_changes_nothing(outside: Outsider):
    shop, order_no, body = outside.by("shop"), f"CT{uuid.uuid4().hex}", outside.order_body()
    first = ok(shop.put(f"/orders/{order_no}", body), 201)
    for name, said in body.items():
        if name not in ("payments", "facts_as_of"):
            assert first[name] == said, name
    (payment,) = first["payments"]
    assert payment["merchant_trade_no"] == body["payments"][0]["merchant_trade_no"]
    assert payment["amount_fen"] == 4985
    again = ok(shop.put(f"/orders/{order_no}", body), 200)
    assert again == first
    shown = ok(shop.get(f"/orders/{order_no}"))
    assert {"payments", "top_ups", "refunds", "events"} <= set(shown)
    assert shown["events"]


def test_what_may_be_left_out(outside: Outsider):
    order_no, body = f"CT{uuid.uuid4().hex}", outside.order_body()
    optional = ("rule_version", "supplier", "buyer_ref", "customer", "target_account")
    card = {name: value for name, value in body.items() if name not in optional}
    card["product"] |= {"kind": "presale", "arrival_within": "P3D"}
    assert ok(outside.by("shop").put(f"/orders/{order_no}", card), 201)["order_no"] == order_no


@pytest.mark.parametrize("kind", ["instant", "slow", "presale"])
@pytest.mark.parametrize("status", ["awaiting_payment", "paid", "recharging", "delivered",
                                    "partially_delivered", "failed", "unknown"])  # fmt: skip
def test_every_kind_and_status(outside: Outsider, kind: str, status: str):
    body = outside.order_body(status=status)
    body["product"]["kind"] = kind
    assert ok(outside.by("shop").put(f"/orders/CT{uuid.uuid4().hex}", body))["status"] == status


@pytest.mark.parametrize("channel", ["alipay", "wechatpay", "shop", "sandbox", "offline"])
def test_every_channel(outside: Outsider, channel: str):
    body = outside.order_body()
    body["payments"][0]["channel"] = channel
    stored = ok(outside.by("shop").put(f"/orders/CT{uuid.uuid4().hex}", body))
    assert stored["payments"][0]["channel"] == channel


def changed(body: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    *way, last = path.split(".")
    place: Any = body
    for step in way:
        place = place[int(step)] if step.isdecimal() else place[step]
    place[last] = value
    return body


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("price_fen", -1), ("price_fen", 12.5), ("price_fen", "4985"), ("price_fen", True),
        ("price_fen", 10**30), ("face_value_fen", None), ("facts_as_of", "2026-11-24T14:30:00"),
        ("facts_as_of", "yesterday"), ("payments.0.paid_at", "2026-11-24 14:30"),
        ("payments.0.amount_fen", 0), ("payments.0.channel", "cheque"), ("status", "lost"),
        ("product.kind", "now"), ("product.arrival_within", "soon"), ("confirmed_input", "yes"),
        ("customer.email", "no address"), ("pirce_fen", 1), ("product.colour", "red"),
        ("target_account", "x" * 200), ("payments", {}), ("product", []), ("reseller", 1),
    ],
)  # fmt: skip
def test_bad_input_is_400_and_names_the_field(outside: Outsider, path: str, value: Any):
    order_no = f"CT{uuid.uuid4().hex}"
    body = changed(outside.order_body(), path, value)
    answer = outside.by("shop").put(f"/orders/{order_no}", body)
    problem(answer, 400, field=path)
    problem(outside.by("shop").get(f"/orders/{order_no}"), 404)


@pytest.mark.parametrize("text", ["{", "[1]", '"text"', "null", "", "\ud800", '{"a": NaN}'])
def test_what_is_no_order_is_refused(outside: Outsider, text: str):
    content = text.encode("utf-8", "surrogatepass")
    headers = {"Content-Type": "application/json"}
    answer = outside.by("shop")("PUT", "/orders/CT1", content=content, headers=headers)
    problem(answer, 400)


def test_a_payment_has_one_of_the_two_numbers(outside: Outsider):
    body = outside.order_body()
    del body["payments"][0]["merchant_trade_no"]
    answer = outside.by("shop").put(f"/orders/CT{uuid.uuid4().hex}", body)
    problem(answer, 400, field="payments.0.channel_trade_no")
    body["payments"][0]["channel_trade_no"] = f"C{uuid.uuid4().hex}"
    ok(outside.by("shop").put(f"/orders/CT{uuid.uuid4().hex}", body), 201)


def test_conflicts_are_409(outside: Outsider):
    shop, body = outside.by("shop"), outside.order_body(status="delivered")
    order_no = f"CT{uuid.uuid4().hex}"
    ok(shop.put(f"/orders/{order_no}", body), 201)
    newer = "2026-11-24T15:30:00+08:00"
    back = body | {"status": "paid", "facts_as_of": newer}
    assert problem(shop.put(f"/orders/{order_no}", back), 409)["field"] == "status"
    stolen = outside.order_body(payments=body["payments"])
    problem(shop.put(f"/orders/CT{uuid.uuid4().hex}", stolen), 409)
    assert ok(shop.get(f"/orders/{order_no}"))["status"] == "delivered"


def test_a_payment_never_falls_below_what_went_back_or_is_held(outside: Outsider):
    opened = outside.new_dispute(payments=outside.order_body()["payments"])
    ok(outside.by("agent").act(opened["number"], "refund", reason="未到账"))
    shown = ok(outside.by("shop").get(f"/orders/{opened['order_no']}"))
    assert shown["payments"][0]["reserved_fen"] == 4985
    less = outside.order_body(target_account=shown["target_account"])
    less["payments"] = [
        {k: v for k, v in shown["payments"][0].items() if not k.endswith("ed_fen")}
        | {"amount_fen": 4984}
    ]
    less["facts_as_of"] = "2026-11-24T15:30:00+08:00"
    problem(outside.by("shop").put(f"/orders/{opened['order_no']}", less), 409)


def test_redelivery_only_after_certain_failure(outside: Outsider):
    order_no, _stored = outside.new_order(supplier="sandbox", status="recharging")
    problem(outside.by("agent").post(f"/orders/{order_no}/top-ups"), 409)
    order_no, _stored = outside.new_order(supplier="sandbox", status="failed")
    top_up = ok(outside.by("agent").post(f"/orders/{order_no}/top-ups"), 201)
    assert top_up["attempt"] == 1
    problem(outside.by("agent").post(f"/orders/{order_no}/top-ups"), 409)
    outside.wait_for(
        "the top-up is delivered",
        lambda: ok(outside.by("shop").get(f"/orders/{order_no}"))["status"] == "delivered",
        60,
    )


def test_delivery_records(outside: Outsider):
    order_no, _stored = outside.new_order()
    said = {"arrived": True, "voucher_no": "V20261124", "source": "operator", "at": AT}
    path = f"/orders/{order_no}/delivery-records"
    stored = ok(outside.by("shop").post(path, said), 201)
    assert (stored["arrived"], stored["voucher_no"]) == (True, "V20261124")
    ok(outside.by("shop").post(path, {"arrived": False, "source": "customer", "at": AT}), 201)
    problem(outside.by("shop").post(path, said | {"arrived": "yes"}), 400, field="arrived")
    problem(outside.by("shop").post(path, said | {"source": "rumour"}), 400, field="source")
    problem(outside.by("shop").post(path, said | {"at": "14:30"}), 400, field="at")
    problem(outside.by("shop").post("/orders/nobody/delivery-records", said), 404)


def test_unknown_orders(outside: Outsider):
    for path in ("/orders/nobody", "/orders/%00", "/orders/" + "9" * 300):
        problem(outside.by("shop").get(path), 404)
    problem(outside.by("shop").post("/orders/nobody/top-ups"), 404)
    problem(outside.by("shop").put("/orders/no%20spaces", outside.order_body()), 400)
