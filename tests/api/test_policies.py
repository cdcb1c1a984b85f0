"""The policy of seconds that an operator puts in, and everything that is wrong with one."""

import copy
from typing import Any

import pytest
from rest_framework.test import APIClient

from orders.models import Order
from tests.api.conftest import (
    client_of,
    dispute,
    make_person,
    open_dispute,
    problem,
    show,
)
from tests.tickets.pages import make_order
from tickets.models import ServicePolicy
from tickets.policy import DEFAULT_POLICY

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("now_is")]

#: As the contract prints it: the clocks that may be left out are left out.
CLOCKS = ("first_reply", "agent_resolution", "supervisor_resolution")
BODY: dict[str, Any] = {
    "code": "default",
    "clocks": {
        "first_reply": {"within": "PT1S", "clock": "staffed"},
        "agent_resolution": {"within": "PT2S", "clock": "wall"},
        "supervisor_resolution": {"within": "PT2S", "clock": "wall"},
        "commitment_warning": {"within": "PT10S", "clock": "wall"},
        "commitment": {"within": "PT24S", "clock": "wall"},
        "referral": {"within": "PT30S", "clock": "wall"},
    },
    "enforce_lead": "PT8S",
    "referral_grace": "PT1S",
    "facts_max_age": "PT24H",
    "auto_refund_limit_fen": 50000,
    "auto_refunds_per_party_30d": 3,
    "auto_refund_budget_fen": {"hour": None, "day": 100000},
    "rehearsal": False,
}


def body(**changes: Any) -> dict[str, Any]:
    return copy.deepcopy(BODY) | changes


def put(client: APIClient, policy: Any, code: str = "default"):
    return client.put(f"/api/v1/policies/{code}", policy, format="json")


def with_clock(name: str, **changes: Any) -> dict[str, Any]:
    policy = body()
    policy["clocks"][name] |= changes
    return policy


def test_the_default_policy_is_there_from_the_start(shop: APIClient):
    answer = shop.get("/api/v1/policies/default")
    assert answer.status_code == 200
    assert answer.json()["clocks"] == DEFAULT_POLICY.to_json()["clocks"]
    assert answer.json() == ServicePolicy.objects.get(code="default").body


def test_a_policy_is_replaced_and_what_is_read_can_be_put_again(supervisor: APIClient):
    answer = put(supervisor, body())
    assert answer.status_code == 200
    stored = supervisor.get("/api/v1/policies/default").json()
    assert answer.json() == stored
    assert stored["clocks"]["commitment"] == {"within": "PT24S", "clock": "wall"}
    assert stored["auto_refund_budget_fen"] == {"hour": None, "day": 100000}
    assert put(supervisor, stored).json() == stored
    row = ServicePolicy.objects.get(code="default")
    assert row.updated_by.startswith("staff:")


def test_only_disputes_opened_after_it_run_under_it(
    supervisor: APIClient, shop: APIClient, order: Order
):
    before = open_dispute(shop, order)
    put(supervisor, body())
    after = open_dispute(shop, make_order("LT202611241130002", supplier=""))
    assert show(shop, before)["policy"]["clocks"]["commitment"]["within"] == "PT24H"
    assert show(shop, after)["policy"]["clocks"]["commitment"]["within"] == "PT24S"


@pytest.mark.parametrize(
    ("policy", "field", "code"),
    [
        (with_clock("commitment", within="1 day"), "clocks.commitment.within", "invalid"),
        (with_clock("commitment", within=86400), "clocks.commitment.within", "invalid"),
        (with_clock("commitment", within="PT0S"), "clocks.commitment.within", "out_of_range"),
        (with_clock("commitment", within="P900D"), "clocks.commitment.within", "out_of_range"),
        (with_clock("commitment", within=f"P{'9' * 5000}D"), "clocks.commitment.within", "invalid"),
        (with_clock("commitment", clock="staffed"), "clocks.commitment.clock", "wall_only"),
        (with_clock("referral", clock="moon"), "clocks.referral.clock", "invalid"),
        (with_clock("first_reply", pause=True), "clocks.first_reply.pause", "unknown_field"),
        (body(clocks={}), "clocks.first_reply", "required"),
        (body(enforce_lead="PT24S"), "enforce_lead", "not_before_commitment"),
        (with_clock("commitment_warning", within="PT24S"), "clocks.commitment_warning.within",
         "not_before_commitment"),
        (body(auto_refund_limit_fen=-1), "auto_refund_limit_fen", "invalid"),
        (body(auto_refund_limit_fen=1.5), "auto_refund_limit_fen", "invalid"),
        (body(rehearsal="no"), "rehearsal", "invalid"),
        (body(auto_refund_budget_fen={"hour": 1}), "auto_refund_budget_fen", "invalid"),
        (body(code="other"), "code", "does_not_match"),
        (body(vip=True), "vip", "unknown_field"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_limit(
    supervisor: APIClient, policy: dict[str, Any], field: str, code: str
):
    answer = put(supervisor, policy)
    problem(answer, 400)
    found = {error["field"]: error for error in answer.json()["errors"]}
    assert found[field]["code"] == code
    assert "%(" not in found[field]["detail"]
    if code in ("invalid", "out_of_range", "not_before_commitment"):
        assert found[field]["limit"]
    assert not ServicePolicy.objects.filter(version__gt=1).exists()


def test_every_mistake_is_told_at_once(supervisor: APIClient):
    answer = put(supervisor, {"rehearsal": 1, "enforce_lead": "soon"})
    fields = {error["field"] for error in answer.json()["errors"]}
    assert {"clocks", "enforce_lead", "rehearsal", "auto_refund_limit_fen"} <= fields


@pytest.mark.parametrize("policy", [[], "all of it", 7, None])
def test_a_body_that_is_no_object_is_no_policy(supervisor: APIClient, policy: Any):
    assert put(supervisor, policy).status_code == 400


def test_a_new_code_makes_a_policy_beside_the_default(supervisor: APIClient, shop: APIClient):
    assert put(supervisor, body(code="vip"), "vip").status_code == 200
    assert shop.get("/api/v1/policies/vip").json()["code"] == "vip"
    assert problem(put(supervisor, body(code="V I P"), "V I P"), 400)["field"] == "code"
    assert problem(shop.get("/api/v1/policies/none"), 404)["code"] == "no_such_policy"


def test_only_a_supervisor_or_a_key_made_for_it_changes_promises(shop: APIClient, agent: APIClient):
    stranger = client_of(make_person("stranger"))
    assert problem(put(stranger, body()), 403)["code"] == "missing_permission"
    assert problem(put(agent, body()), 403)["code"] == "missing_permission"
    made_for_it = client_of(make_person("rollout"), scopes=("policies",))
    assert put(made_for_it, body()).status_code == 200
    assert made_for_it.post("/api/v1/tickets", dispute(make_order())).status_code == 403
    assert not ServicePolicy.objects.get(code="default").updated_by.startswith("staff:")


def test_a_supervisors_key_for_disputes_alone_does_not(supervisor: APIClient):
    narrow = client_of(make_person("li.na", "supervisor"), scopes=("tickets",))
    assert problem(put(narrow, body()), 403)["code"] == "missing_scope"
