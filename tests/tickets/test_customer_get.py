"""Looking changes nothing: every customer's address is asked for, the database stays as it is.

And looking is cheap: how many statements a page may take is written down here.
"""

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern

from orders.models import RuleVersion
from tests.admin.test_no_change_on_get import digest
from tests.stories import at, make_evidence, make_order
from tests.tickets.web import Browser
from tickets import transitions
from tickets.arrivals import watch_arrival
from tickets.intake import save_draft, start_draft
from tickets.remedies import refund
from tickets.urls import urlpatterns
from tickets.views.tokens import make_order_token

pytestmark = pytest.mark.django_db
#: Statements per page, of a dispute with everything in it.
LIMITS = {"tracking": 14, "report": 13, "news": 1, "order": 12, "home": 5, "notices": 5, "rules": 3}


@pytest.fixture
def web(monkeypatch, desk):
    cache.clear()
    return Browser(monkeypatch).at(at("11-26 10:05"))


@pytest.fixture
def addresses(desk, lin, customer):
    """By name: every customer's page, about rows that exist."""
    order = make_order(order_no="LT1", target_account="13800001234", rule_version="1")
    RuleVersion.objects.create(
        version="1",
        text_zh="一",
        text_en="One",
        published_at=at("09:00"),
        effective_at=at("09:00"),
        published_by="system",
    )
    ticket = desk.open(make_order(order_no="LT2", target_account="13800001235"), proof=[])
    desk.advance(at("11-26 10:01"))
    file = make_evidence(ticket=ticket, received_at=at("11-26 10:02"))
    transitions.add_evidence(
        ticket_id=ticket.pk, evidence_ids=[file.pk], actor=customer, now=at("11-26 10:02")
    )
    transitions.reply(ticket_id=ticket.pk, text="正在核实", actor=lin, now=at("11-26 10:03"))
    refund(
        ticket_id=ticket.pk,
        amount_fen=None,
        reason="未到账",
        text="已退款",
        actor=lin,
        now=at("11-26 10:04"),
    )
    draft = start_draft(order=order, now=at("10:00"))
    save_draft(draft=draft, data={"category": "non_arrival"}, now=at("10:00"))
    watch = watch_arrival(order=order, email="a@example.com", language="en", now=at("10:00"))
    tokens = {
        "orders/arrival/": watch.stop_token,
        "orders/": make_order_token(order),
        "disputes/": draft.token,
        "t/": ticket.tracking_token,
    }
    return dict(fill_in(tokens, str(file.pk)))


def fill_in(tokens, evidence_id):
    for pattern in urlpatterns:
        assert isinstance(pattern, URLPattern)
        route = str(pattern.pattern)
        token = next((value for start, value in tokens.items() if route.startswith(start)), "")
        path = route.replace("<str:token>", token).replace("<uuid:evidence_id>", evidence_id)
        yield str(pattern.name), "/" + path.replace("<path:version>", "1")


def test_it_changes_nothing(web, addresses):
    web.get("/orders/lookup/")  # makes the session that flash messages lie in
    before = digest()
    seen = {name: web.client.get(path).status_code for name, path in addresses.items()}
    assert set(seen.values()) <= {200, 204, 302, 403, 404, 405}, seen
    assert seen["tracking"] == seen["order"] == seen["draft"] == seen["report-pdf"] == 200
    assert digest() == before


def test_what_changes_something_is_never_a_get(addresses):
    verbs = {"nudge", "reply", "escalate", "withdraw", "reopen", "rate", "verify-device"}
    verbs |= {"order-correct", "order-cancel", "order-watch", "draft-files", "draft-remove"}
    assert verbs <= addresses.keys()


@pytest.mark.parametrize("name", LIMITS)
def test_it_is_cheap(name, web, addresses):
    seq = "?since=0" if name == "news" else ""
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert web.client.get(addresses[name] + seq).status_code == 200
    print(name, len(queries))
    assert len(queries) <= LIMITS[name], "\n".join(q["sql"][:160] for q in queries)
