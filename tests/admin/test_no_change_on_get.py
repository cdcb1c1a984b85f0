"""Looking changes nothing: every address of the admin is asked for, the database stays as it is."""

import hashlib
from collections.abc import Iterator

import pytest
from django.apps import apps
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from orders.models import ApiKey
from tests.stories import HOUR, MINUTE, OPENING, Desk, acting, make_order, make_top_up
from tickets import remedies, transitions
from tickets.models import Ticket

pytestmark = pytest.mark.django_db

#: They sign out or need a form of their own; none of them is ours.
LEFT_OUT = {"logout", "view_on_site"}


#: What has no form of its own to show.
ONLY_BY_POST = {"/admin/tickets/ticket/here/", "/admin/tickets/ticket/views/keep/"}


def patterns(resolver: URLResolver, before: str = "") -> Iterator[tuple[str, str]]:
    for entry in resolver.url_patterns:
        route = before + str(entry.pattern)
        if isinstance(entry, URLPattern):
            yield route, entry.name or ""
        else:
            yield from patterns(entry, route)


def addresses() -> Iterator[str]:
    """Every address below /admin/, about rows that exist."""
    for route, name in patterns(get_resolver()):
        if not route.startswith("admin/") or name in LEFT_OUT or "(?P" in route:
            continue
        yield from fill_in("/" + route, name)


def fill_in(route: str, name: str) -> Iterator[str]:
    if "<" not in route:
        yield route
        return
    app, model = route.split("/")[2:4] if route.count("/") > 3 else ("", "")
    rows = apps.get_model(app, model).objects.all()[:3] if model else []
    for row in rows:
        address = route.replace("<path:object_id>", str(row.pk)).replace("<id>", str(row.pk))
        if isinstance(row, Ticket):
            address = address.replace("<int:ticket_id>", str(row.pk))
            file = row.evidence.first()
            address = address.replace("<uuid:evidence_id>", str(file.pk) if file else "x")
        if "<" not in address and "/x/" not in address:
            yield address


def digest() -> dict[str, str]:
    """What is in every table, sessions aside."""
    digests = {}
    for model in apps.get_models():
        if model is Session:
            continue
        rows = list(model._default_manager.order_by("pk").values_list())
        digests[model._meta.label] = hashlib.sha256(repr(rows).encode()).hexdigest()
    return digests


@pytest.fixture
def busy(office: Desk, admin) -> Desk:
    """A desk with a row of nearly everything."""
    lin = acting(office.people["lin"])
    order = make_order()
    make_top_up(order, "failed")
    asked = office.open(make_order(price_fen=80000, face_value_fen=80000))
    remedies.refund(
        ticket_id=asked.pk, amount_fen=None, reason="未到账", text="", actor=lin, now=OPENING
    )
    waiting = office.open(order)
    transitions.request_evidence(
        ticket_id=waiting.pk, kinds=["chat_log"], text="请补充", actor=lin, now=OPENING + MINUTE
    )
    office.open()
    office.advance(OPENING + 50 * HOUR)
    ApiKey.objects.create(
        name="shop", user=admin, prefix="desk_abc", digest="0" * 64, created_at=OPENING
    )
    return office


@pytest.mark.parametrize("who", ["agent", "supervisor", "admin"])
def test_no_address_changes_anything_by_get(busy: Desk, admin, who: str):
    people = {"agent": busy.people["lin"], "supervisor": busy.people["wang"], "admin": admin}
    client = Client()
    client.force_login(people[who])
    all_addresses = sorted(set(addresses()))
    assert len(all_addresses) > 150
    before = digest()
    statuses = {address: client.get(address).status_code for address in all_addresses}
    assert digest() == before
    broken = {address: status for address, status in statuses.items() if status >= 500}
    assert broken == {}
    if who == "admin":
        refused = {a: s for a, s in statuses.items() if s not in (200, 302, 403, 404)}
        assert set(refused) >= ONLY_BY_POST
        assert set(refused.values()) == {405}


def test_verbs_by_get_show_the_form_and_do_nothing(busy: Desk):
    client = Client()
    client.force_login(busy.people["wang"])
    ticket = Ticket.objects.filter(status="waiting_customer").first() or Ticket.objects.first()
    before = digest()
    query = "?_form_submitted=True&text=x&reason=x&amount=1&outcome=duplicate&assignee=1"
    verbs = ("take", "reply", "refund", "resolve", "escalate", "approve", "reveal", "merge")
    for verb in (*verbs, "link-outage"):
        client.get(f"/admin/tickets/ticket/{ticket.pk}/{verb}/{query}")
    client.get(f"/admin/tickets/ticket/call/{query}&order_no=1&last4=1234&said=x")
    client.get(f"/admin/tickets/ticket/together/assign/?ticket={ticket.pk}&assignee=1")
    assert digest() == before
