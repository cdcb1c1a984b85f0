"""The chain of events: anybody can recompute it, nobody can change it."""

import hashlib
import json
from datetime import UTC, datetime

import pytest
from django.core.checks import run_checks
from django.db import DatabaseError, IntegrityError, connection, transaction

from tests.stories import (
    CUSTOMER,
    OPENING,
    Desk,
    at,
    events_of,
    make_person,
    open_dispute,
)
from tickets import append_only
from tickets.models import Event, Message, Ticket
from tickets.transitions import nudge, reply, request_evidence

pytestmark = pytest.mark.django_db


def recompute(ticket: Ticket) -> str:
    """As a stranger would, from what the API shows, with nothing of our code."""
    prev_hash = ""
    for event in events_of(ticket):
        at_text = event.at.astimezone(UTC).isoformat(timespec="microseconds")
        body = json.dumps(
            [event.seq, event.kind, event.actor, at_text, event.data],
            ensure_ascii=False,
            separators=(",", ":"),
            sort_keys=True,
        )
        assert event.prev_hash == prev_hash
        prev_hash = hashlib.sha256((prev_hash + body).encode()).hexdigest()
        assert event.hash == prev_hash
    return prev_hash


def live_a_little(desk: Desk, lin) -> Ticket:
    ticket = desk.open(now=at("10:00:00.000001"))
    reply(ticket_id=ticket.pk, text="您好", actor=lin, now=at("10:05:00.5"))
    request_evidence(
        ticket_id=ticket.pk, kinds=["chat_log"], text="请补充", actor=lin, now=at("10:10")
    )
    reply(ticket_id=ticket.pk, text="没有", actor=CUSTOMER, now=at("10:20"))
    desk.advance(at("11-25 09:00"))
    desk.settle(ticket, "succeeded")
    return desk.tell(ticket)


def test_it_can_be_recomputed_from_what_is_shown(desk: Desk, lin) -> None:
    ticket = live_a_little(desk, lin)
    assert recompute(ticket) == ticket.event_hash
    seqs = [event.seq for event in events_of(ticket)]
    assert seqs == list(range(1, ticket.event_seq + 1))


def test_it_never_goes_back_in_time(desk: Desk, lin) -> None:
    """Somebody who waited for the lock wrote with the instant of before."""
    ticket = desk.open()
    reply(ticket_id=ticket.pk, text="您好", actor=lin, now=at("10:05"))
    nudge(ticket_id=ticket.pk, actor=CUSTOMER, now=at("10:04:59"))
    instants = [event.at for event in events_of(ticket)]
    assert instants == sorted(instants)
    assert recompute(ticket) == desk.tell(ticket).event_hash


def test_a_changed_word_anywhere_is_found(desk: Desk, lin) -> None:
    ticket = live_a_little(desk, lin)
    with append_only.lifted():
        Event.objects.filter(ticket=ticket, kind="replied").update(actor="customer")
    with pytest.raises(AssertionError):
        recompute(ticket)


def test_erasing_a_persons_words_leaves_it_whole(desk: Desk, lin) -> None:
    ticket = live_a_little(desk, lin)
    Message.objects.filter(ticket=ticket).delete()
    lin_was_here = desk.people["lin"]
    Ticket.objects.filter(pk=ticket.pk).update(contact_name="", contact_phone="")
    lin_was_here.delete()
    assert recompute(ticket) == ticket.event_hash


def test_no_personal_data_and_no_free_text_is_in_it(desk: Desk, lin) -> None:
    order = desk.order(
        target_account="13800138000", customer_name="欧阳锋", customer_email="ouyang@example.com"
    )
    ticket = desk.open(order, description="我是欧阳锋,电话13800138000")
    reply(ticket_id=ticket.pk, text="欧阳先生您好", actor=lin, now=OPENING)
    text = json.dumps([e.data for e in events_of(ticket)], ensure_ascii=False)
    for secret in ("13800138000", "欧阳", "ouyang"):
        assert secret not in text


@pytest.mark.parametrize("verb", ["update", "delete", "raw update", "raw delete"])
def test_the_database_refuses_to_change_or_delete(desk: Desk, verb: str) -> None:
    desk.open()
    statements = {
        "raw update": f"UPDATE {append_only.TABLE} SET actor = 'nobody'",
        "raw delete": f"DELETE FROM {append_only.TABLE}",
    }

    def change() -> None:
        if verb == "update":
            Event.objects.update(actor="nobody")
        elif verb == "delete":
            Event.objects.all()._raw_delete("default")
        else:
            with connection.cursor() as cursor:
                cursor.execute(statements[verb])

    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        change()
    assert Event.objects.exists()


def test_a_number_is_taken_once(desk: Desk) -> None:
    ticket = desk.open()
    with pytest.raises(IntegrityError), transaction.atomic():
        Event.objects.create(
            ticket=ticket, seq=1, kind="noted", actor="system", at=OPENING, hash="0" * 64
        )


def test_missing_triggers_are_an_error_of_the_installation(desk: Desk) -> None:
    assert run_checks(databases=["default"], tags=["database"]) == []
    with append_only.lifted():
        assert not append_only.is_installed()
        (error,) = run_checks(databases=["default"], tags=["database"])
        assert error.id == "tickets.E001"
    assert append_only.is_installed()


@pytest.mark.django_db(transaction=True)
def test_after_the_tables_were_emptied_the_triggers_still_stand() -> None:
    """This test leaves events behind; emptying the tables is what the fixture does after it."""
    assert append_only.is_installed()
    make_person("wang", "supervisor")
    open_dispute()
    assert Event.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_and_once_more() -> None:
    assert not Event.objects.exists()
    assert append_only.is_installed()


def test_instants_of_another_zone_hash_alike(desk: Desk) -> None:
    here, there = desk.open(now=OPENING), desk.open(now=OPENING.astimezone(UTC))
    assert recompute(here)
    assert recompute(there)
    assert isinstance(events_of(here)[0].at, datetime)
