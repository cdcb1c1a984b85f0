"""One statement for many rows writes what Django would have written."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection
from django.test.utils import CaptureQueriesContext

from tests.stories import OPENING, open_dispute
from tickets.bulk import insert_rows, update_rows
from tickets.models import Breach, Deadline, Event, Notice

pytestmark = pytest.mark.django_db


def make_notice(ticket, key, **fields):
    values = {
        "ticket": ticket,
        "audience": "customer",
        "kind": "replied",
        "context": {"words": '它说"好"，\\ and {a,b} NULL', "n": 1, "list": [None, True]},
        "key": key,
        "created_at": OPENING,
        "not_before": OPENING + timedelta(microseconds=1),
    }
    return Notice(**{**values, **fields})


def test_every_column_comes_back_as_it_was_given():
    ticket = open_dispute()
    rows = [
        make_notice(ticket, "one", body="第一行\n'第二行'", subject=""),
        make_notice(None, "two", sent_at=OPENING, attempts=3),
    ]
    with CaptureQueriesContext(connection) as queries:
        insert_rows(Notice, rows)
    assert len(queries) == 1
    for row in rows:
        kept = Notice.objects.get(key=row.key)
        names = [field.attname for field in Notice._meta.concrete_fields]
        assert [getattr(kept, n) for n in names] == [getattr(row, n) for n in names]


def test_keys_are_given_in_the_order_of_the_rows_and_serve_what_points_at_them():
    ticket = open_dispute()
    deadlines = [
        Deadline(
            ticket=ticket,
            kind="supplier_proof",
            round=round_,
            state="cancelled",
            clock="wall",
            started_at=OPENING,
            due_at=OPENING + timedelta(hours=round_),
        )
        for round_ in range(1, 21)
    ]
    breaches = [
        Breach(ticket=ticket, deadline=d, kind=d.kind, due_at=d.due_at, detected_at=OPENING)
        for d in deadlines
    ]
    insert_rows(Deadline, deadlines)
    insert_rows(Breach, breaches)
    kept = Breach.objects.filter(ticket=ticket, kind="supplier_proof").order_by("pk")
    assert [b.deadline.round for b in kept] == list(range(1, 21))
    assert all(b.due_at == b.deadline.due_at for b in kept)


def test_a_repeat_is_passed_over_only_where_that_was_asked_for():
    ticket = open_dispute()
    insert_rows(Notice, [make_notice(ticket, "a"), make_notice(ticket, "b")])
    insert_rows(Notice, [make_notice(ticket, "b"), make_notice(ticket, "c")], ignore_conflicts=True)
    assert Notice.objects.filter(key__in="abc").count() == 3
    with pytest.raises(IntegrityError, match=r"(?i)unique"):
        insert_rows(Notice, [make_notice(ticket, "c"), make_notice(ticket, "d")])


def test_an_update_writes_the_named_fields_of_the_named_rows():
    ticket = open_dispute()
    rows = [make_notice(ticket, key) for key in ("a", "b", "c")]
    insert_rows(Notice, rows)
    for place, row in enumerate(rows):
        row.context, row.sent_at, row.attempts = {"place": place}, OPENING, place
        row.body = "not written"
    rows[1].sent_at = None
    update_rows(Notice, rows[:2], ["context", "sent_at", "attempts"])
    kept = Notice.objects.filter(key__in="abc").order_by("key")
    assert [n.attempts for n in kept] == [0, 1, 0]
    assert [n.sent_at for n in kept] == [OPENING, None, None]
    assert [n.context.get("place") for n in kept] == [0, 1, None]
    assert {n.body for n in kept} == {""}


def test_an_event_keeps_its_data_and_its_empty_reference():
    ticket = open_dispute()
    first = ticket.event_seq
    events = [
        Event(
            ticket=ticket,
            seq=first + step,
            kind="noted",
            actor="system",
            at=OPENING,
            data={"step": step},
            hash=f"{step:064x}",
        )
        for step in (1, 2)
    ]
    insert_rows(Event, events)
    kept = Event.objects.filter(ticket=ticket, kind="noted")
    assert [(e.data, e.deadline_id) for e in kept] == [({"step": 1}, None), ({"step": 2}, None)]
