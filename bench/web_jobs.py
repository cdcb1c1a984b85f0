"""What the web benches have done inside the desk: drafts to be sent, a desk in use, who looks."""

import time
from datetime import timedelta
from typing import Any

import psycopg
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from bench.lives import lead_lives, make_order, set_up
from bench.population import Pattern, add_copies, read_pattern, spread
from bench.sweep_jobs import database_url
from helpdesk import clock
from tickets.intake import save_draft, start_draft
from tickets.models import Evidence, Ticket
from tickets.watchdog import RECONCILERS


def prepare_drafts(*, count: int) -> dict[str, Any]:
    """This function will begin so many disputes up to the last step; sending is the customer's."""
    now = clock.now()
    if not get_user_model().objects.exists():
        set_up(now=now)
    tokens = []
    for _number in range(count):
        draft = start_draft(order=make_order(now=now), now=now)
        save_draft(
            draft=draft,
            data={"category": "non_arrival", "description": "付款成功，一直没有到账。"},
            now=now,
        )
        tokens.append(draft.token)
    return {"tokens": tokens}


def count_send(*, token: str, body: dict[str, str]) -> dict[str, Any]:
    """This function will count the statements of sending one draft."""
    client = Client(SERVER_NAME=HOST)
    with CaptureQueriesContext(connection) as seen:
        answer = client.post(f"/disputes/draft/{token}/", body)
    assert answer.status_code == 302, answer.status_code
    texts = [query["sql"] for query in seen.captured_queries]
    marks = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE")
    statements = [text for text in texts if not text.startswith(marks)]
    begun = sum(text.startswith("BEGIN") for text in texts)
    return {"statements": len(statements), "transactions": begun, "texts": statements}


def check_sent(*, tokens: list[str]) -> dict[str, int]:
    """This function will count the disputes that came of the drafts."""
    found = Ticket.objects.filter(drafts__token__in=tokens)
    return {
        "tickets": found.count(),
        "files": Evidence.objects.filter(ticket__in=found).count(),
    }


def fill_desk(*, tickets: int) -> dict[str, Any]:
    """This function will fill the desk up to so many disputes of a desk in use."""
    now = clock.now()
    if not Ticket.objects.exists():
        set_up(now=now)
        lives = list(lead_lives(now=now))
    else:
        lives = [(pk, weight) for pk, weight in zip(range(1, 10), WEIGHTS, strict=True)]
    patterns: list[tuple[Pattern, int]] = []
    with psycopg.connect(database_url()) as reader:
        patterns = [(read_pattern(reader, pk), weight) for pk, weight in lives]
    have = Ticket.objects.count()
    day = timedelta(days=1)
    add_copies(database_url(), patterns, tickets - have, shift=spread(-day, day), start=have)
    return describe_desk()


HOST = "127.0.0.1"
#: As bench.lives.lead_lives weighs its lives, in the order in which it leads them.
WEIGHTS = (14, 8, 8, 8, 8, 8, 8, 8, 30)


def describe_desk() -> dict[str, Any]:
    """This function will say what is there, and what the pages' addresses are."""
    agent, supervisor = (
        get_user_model().objects.get(username=name) for name in ("agent0", "supervisor")
    )
    middle = Ticket.objects.filter(status="in_progress").order_by("pk")
    some = middle.filter(pk__gte=Ticket.objects.count() // 2).first()
    assert some is not None
    return {
        "tickets": Ticket.objects.count(),
        "open": Ticket.objects.filter(status__in=Ticket.OPEN_STATUSES).count(),
        "sessions": {"agent": sign_in(agent), "supervisor": sign_in(supervisor)},
        "pages": {
            "queue": "/admin/tickets/ticket/",
            "search by order number": f"/admin/tickets/ticket/?q={some.order.order_no}",
            "ticket page": f"/admin/tickets/ticket/{some.pk}/change/",
            "supervisor's dashboard": "/admin/",
            "tracking page": f"/t/{some.tracking_token}/",
        },
    }


def sign_in(user: Any) -> str:
    client = Client(SERVER_NAME=HOST)
    client.force_login(user)
    return client.cookies["sessionid"].value


def count_page(*, address: str, session: str) -> dict[str, int]:
    """This function will count one page's statements."""
    client = Client(SERVER_NAME=HOST)
    client.cookies["sessionid"] = session
    client.get(address)
    with CaptureQueriesContext(connection) as seen:
        answer = client.get(address)
    assert answer.status_code == 200, (address, answer.status_code)
    return {"statements": len(seen), "bytes": len(answer.content)}


def ask_watchdog() -> dict[str, Any]:
    """This function will time each question that is asked every minute."""
    now, taken = clock.now(), {}
    for name, reconciler in RECONCILERS.items():
        started = time.perf_counter()
        count = reconciler(now)
        taken[name] = {"ms": (time.perf_counter() - started) * 1000, "count": count}
    return taken
