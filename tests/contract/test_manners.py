"""What every call has in common: signing in, languages, errors, repeats, the schema."""

import re
import uuid
from typing import Any

import pytest

from tests.contract.outsider import DEMO_POLICY, Caller, Outsider, ok, problem

#: The contract's table of calls.
CALLS = {
    "/api/v1/orders/{order_no}": {"get", "put"},
    "/api/v1/orders/{order_no}/top-ups": {"post"},
    "/api/v1/orders/{order_no}/delivery-records": {"post"},
    "/api/v1/tickets": {"get", "post"},
    "/api/v1/evidence": {"post"},
    "/api/v1/tickets/{number}": {"get"},
    "/api/v1/tickets/{number}/events": {"get"},
    "/api/v1/refunds": {"get"},
    "/api/v1/refunds/{refund_no}": {"get"},
    "/api/v1/breaches": {"get"},
    "/api/v1/breaches/{id}/review": {"post"},
    "/api/v1/policies/{code}": {"get", "put"},
    "/api/v1/outages": {"get", "post"},
    "/api/v1/notices": {"get"},
    "/api/v1/stats/sla": {"get"},
    "/api/v1/webhooks": {"get", "post"},
}
VERBS = ("assign", "reply", "request-evidence", "add-evidence", "accept-evidence", "nudge",
         "escalate", "redeliver", "refund", "correct-account", "merge", "link-outage",
         "resolve", "refuse", "approve",
         "reopen", "withdraw", "rate")  # fmt: skip

ACTIONS = "/api/v1/tickets/{number}/actions"


def test_the_schema_names_every_call(outside: Outsider):
    answer = outside.http.get("/api/schema/", params={"format": "json"})
    schema = ok(answer)
    assert schema["openapi"].startswith("3.1")
    known = {re.sub(r"\{breach_id\}", "{id}", path): set(how) for path, how in
             schema["paths"].items()}  # fmt: skip
    wanted = CALLS | {f"{ACTIONS}/{verb}": {"post"} for verb in VERBS}
    missing = {path for path, methods in wanted.items() if methods - known.get(path, set())}
    assert missing == set()
    assert outside.http.get("/api/docs/").status_code == 200


def test_figures_of_the_promise(outside: Outsider):
    assert ok(outside.by("supervisor").get("/stats/sla"))
    problem(outside.by("supervisor").get("/stats/sla", colour="red"), 400, field="colour")


@pytest.mark.parametrize("authorization", ["", "Api-Key", "Api-Key wrong", "Bearer x"])
def test_who_is_nobody_is_told_how_to_sign_in(outside: Outsider, authorization: str):
    for path in ("/tickets", "/refunds", "/orders/X", "/breaches", "/policies/default"):
        answer = Caller(outside.http, authorization).get(path)
        problem(answer, 401)
        assert "Api-Key" in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize(("method", "path", "status"), [
    ("GET", "/nothing/here", 404), ("POST", "/nothing", 404), ("DELETE", "/tickets", 405),
    ("PUT", "/tickets", 405), ("GET", "/evidence", 405), ("PATCH", "/policies/default", 405),
    ("GET", "/policies/nobody", 404),
])  # fmt: skip
def test_what_there_is_not(outside: Outsider, method: str, path: str, status: int):
    problem(outside.by("admin")(method, path), status)


def test_errors_speak_the_callers_language(outside: Outsider):
    shop, bodies = outside.by("shop"), []
    for language in ("en", "zh-CN,zh;q=0.9", "zh-Hans", ""):
        answer = shop.post("/tickets", {"order_no": 7}, headers={"Accept-Language": language})
        bodies.append(problem(answer, 400, field="order_no")["detail"])
        problem(answer, 400, field="category")
    english, *chinese = bodies
    assert english.isascii()
    assert len(set(chinese)) == 1, "Chinese where nothing else is asked for"
    assert not re.search("[a-z]{4}", chinese[0]), chinese[0]


def test_what_cannot_be_read_is_refused(outside: Outsider):
    shop = outside.by("shop")
    xml = shop("POST", "/tickets", content=b"<a/>", headers={"Content-Type": "text/xml"})
    problem(xml, 415)
    deep = b"[" * 100_000 + b"]" * 100_000
    problem(shop("POST", "/tickets", content=deep, headers={"Content-Type": "application/json"}),
            400)  # fmt: skip


def test_a_body_too_large_is_413(outside: Outsider):
    huge = b'{"description": "' + b"x" * 3_000_000 + b'"}'
    # A connection of its own: the server closes it rather than read the rest.
    with outside.another() as shop:
        headers = {"Content-Type": "application/json"}
        error = problem(shop("POST", "/tickets", content=huge, headers=headers), 413)
        assert error["limit"]
    with outside.another() as shop:
        files = {"file": ("大.jpg", b"\xff\xd8\xff" + b"0" * 11_000_000)}
        answer = shop("POST", "/evidence", files=files, data={"kind": "other"})
        assert problem(answer, 413, field="file")["limit"]


def twice(caller: Caller, path: str, key: str, **how: Any) -> tuple[Any, Any]:
    answers = [caller("POST", path, headers={"Idempotency-Key": key}, **how) for _i in range(2)]
    return answers[0], answers[1]


def test_a_key_is_honoured_on_every_post(outside: Outsider):
    """The second time each would be refused, or make another, without it."""
    opened = outside.new_dispute()
    order_no, stored = outside.new_order(supplier="sandbox", status="failed")
    agent, customer = outside.by("agent"), outside.customer(opened["tracking_token"])
    upload = {"files": {"file": ("a.pdf", b"%PDF-1.4\n%%EOF\n" * 40, "application/pdf")},
              "data": {"kind": "other"}}  # fmt: skip
    dispute = outside.dispute_body(order_no, stored["target_account"][-4:])
    number = opened["number"]
    record = {"arrived": False, "source": "customer", "at": "2026-11-24T14:30:00+08:00"}
    calls: list[tuple[Caller, str, dict[str, Any]]] = [
        (outside.by("shop"), "/tickets", {"json": dispute}),
        (outside.by("shop"), "/evidence", upload),
        (outside.by("shop"), f"/orders/{order_no}/delivery-records", {"json": record}),
        (customer, f"/tickets/{number}/actions/nudge", {"json": {}}),
        (agent, f"/tickets/{number}/actions/escalate", {"json": {"reason": "x"}}),
        (agent, f"/orders/{order_no}/top-ups", {"json": {}}),
    ]
    for caller, path, how in calls:
        first, second = twice(caller, path, uuid.uuid4().hex, **how)
        assert first.status_code == second.status_code, (path, first.text, second.text)
        assert first.json() == second.json()
        assert first.status_code < 300, first.text


def test_a_key_belongs_to_one_request(outside: Outsider):
    key, shop = uuid.uuid4().hex, outside.by("shop")
    order_no, stored = outside.new_order()
    body = outside.dispute_body(order_no, stored["target_account"][-4:])
    ok(shop.post("/tickets", body, headers={"Idempotency-Key": key}), 201)
    other = body | {"description": "另一段说明"}
    answer = shop.post("/tickets", other, headers={"Idempotency-Key": key})
    problem(answer, 422, field="Idempotency-Key")
    long = shop.post("/tickets", body, headers={"Idempotency-Key": "x" * 300})
    problem(long, 400, field="Idempotency-Key")


def test_uploads(outside: Outsider):
    shop = outside.by("shop")

    def send(name: str, content: bytes, kind: str = "other") -> Any:
        return shop("POST", "/evidence", files={"file": (name, content)}, data={"kind": kind})

    problem(send("付款.jpg", b"MZ" * 500), 400, field="file")
    problem(send("空.png", b""), 400, field="file")
    problem(send("a.pdf", b"%PDF-1.4\n%%EOF\n" * 9, kind="selfie"), 400, field="kind")
    problem(shop.post("/evidence", {"kind": "other"}), 415)
    problem(shop("POST", "/evidence", data={"kind": "other"}, files={"x": b"1"}), 400)


@pytest.mark.parametrize("path", ["order_no", "number", "refund_no", "code"])
@pytest.mark.parametrize("value", ["%00", "..%2F..", "%F0%9F%98%80", "' OR 1=1 --", "x" * 500])
def test_no_address_ends_in_a_fault(outside: Outsider, path: str, value: str):
    where = {"order_no": "/orders", "number": "/tickets", "refund_no": "/refunds",
             "code": "/policies"}[path]  # fmt: skip
    problem(outside.by("admin").get(f"{where}/{value}"), 404)


def test_a_policy_is_read_replaced_and_checked(outside: Outsider):
    admin = outside.by("admin")
    kept = ok(admin.get("/policies/default"))
    assert set(kept) >= set(DEMO_POLICY)
    for path, value in {
        "enforce_lead": "PT24H", "clocks.commitment.clock": "staffed", "rehearsal": "no",
        "clocks.referral.clock": "staffed", "clocks.first_reply.within": "30 min",
        "auto_refund_limit_fen": -1, "clocks.commitment_warning.within": "PT25H",
        "auto_refund_budget_fen.hour": 1.5, "commitment": "PT1H",
    }.items():  # fmt: skip
        body: Any = ok(admin.get("/policies/default"))
        *way, last = path.split(".")
        place = body
        for step in way:
            place = place[step]
        place[last] = value
        answer = admin.put("/policies/default", body)
        error = problem(answer, 400)
        assert error["field"].startswith(path.rsplit(".", 1)[0]), (path, answer.text)
    assert ok(admin.get("/policies/default")) == kept
    without = {name: value for name, value in kept.items() if name != "referral_grace"}
    problem(admin.put("/policies/default", without), 400, field="referral_grace")
    problem(outside.by("agent").put("/policies/default", kept), 403)


def test_a_policy_of_a_second_is_one(outside: Outsider):
    body: Any = {**DEMO_POLICY, "code": f"quick{uuid.uuid4().hex[:6]}"}
    body["clocks"] = {
        name: clock | {"within": f"PT{seconds}S"}
        for seconds, (name, clock) in enumerate(DEMO_POLICY["clocks"].items(), start=1)
    }
    body |= {"enforce_lead": "PT1S", "referral_grace": "PT1S"}
    admin = outside.by("admin")
    ok(admin.put(f"/policies/{body['code']}", body))
    shown = ok(admin.get(f"/policies/{body['code']}"))
    assert shown["clocks"]["first_reply"]["within"] == "PT1S"


@pytest.mark.parametrize("body", ["null", "[]", '"x"', "7", ""])
@pytest.mark.parametrize("path", ["/tickets", "/orders/{order_no}/delivery-records"])
def test_a_body_is_an_object(outside: Outsider, path: str, body: str):
    order_no, _stored = outside.new_order()
    how: Any = {"content": body, "headers": {"Content-Type": "application/json"}}
    how["headers"]["Accept-Language"] = "zh-CN"
    answer = outside.by("shop")("POST", path.format(order_no=order_no), **how)
    problem(answer, 400)
    for error in answer.json()["errors"]:
        assert re.search("[一-鿿]", error["detail"]), error


def test_a_choice_in_a_list_names_its_place_and_the_choices(outside: Outsider):
    number = outside.new_dispute()["number"]
    kinds = ["other", "selfie" * 1000]
    answer = outside.by("agent").act(number, "request-evidence", kinds=kinds, text="x")
    error = problem(answer, 400, field="kinds.1")
    assert "payment_screenshot" in error["limit"]
    assert len(answer.content) < 3000, "what was sent is not all sent back"
