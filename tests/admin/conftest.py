"""People signed in to the admin, and the time in the test's hands."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests.stories import OPENING, Desk
from tickets.models import SweepBeat, Ticket
from tickets.roles import set_up_roles

QUEUE = "/admin/tickets/ticket/"


@pytest.fixture
def at_the_time(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """The one read of the clock at the edge."""

    def set_now(now: datetime) -> None:
        monkeypatch.setattr("helpdesk.clock.now", lambda: now)

    set_now(OPENING)
    return set_now


@pytest.fixture
def office(desk: Desk, at_the_time: Callable[[datetime], None]) -> Desk:
    """The desk with the roles as they are set up, and timers that run."""
    set_up_roles()
    for name, user in desk.people.items():
        user.groups.set([Group.objects.get(name="agent" if name == "lin" else "supervisor")])
    SweepBeat.objects.create(name="beat", last_ok_at=OPENING)
    return desk


def sign_in(user: User, language: str = "en") -> Client:
    client = Client(headers={"accept-language": language})
    client.force_login(User.objects.get(pk=user.pk))
    return client


@pytest.fixture
def lin_at_work(office: Desk) -> Client:
    return sign_in(office.people["lin"])


@pytest.fixture
def wang_at_work(office: Desk) -> Client:
    return sign_in(office.people["wang"])


@pytest.fixture
def zhao_at_work(office: Desk) -> Client:
    return sign_in(office.people["zhao"])


def page_of(ticket: Ticket) -> str:
    return reverse("admin:tickets_ticket_change", args=[ticket.pk])


def dialog_of(what: Any, verb: str) -> str:
    meta = what._meta
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_{verb}", args=[what.pk])


def submit(client: Client, what: Any, verb: str, **fields: Any) -> Any:
    """Send a dialog as the browser does."""
    return client.post(
        dialog_of(what, verb),
        {"_form_submitted": "True", **fields},
        headers={"hx-request": "true", "hx-current-url": "http://testserver" + QUEUE},
    )


def words_of(response: Any) -> str:
    return str(response.content.decode())


def count_queries(client: Client, address: str) -> int:
    client.get(address)
    with CaptureQueriesContext(connection) as queries:
        response = client.get(address)
    assert response.status_code == 200
    # The clock is the test's; on PostgreSQL its one read is a statement as well.
    return len(queries) + 1
