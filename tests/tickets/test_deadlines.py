"""The table of clocks: what starts, pauses, resumes, meets, cancels and fires each of them."""

from datetime import timedelta

import pytest

from tests.stories import (
    CUSTOMER,
    HOUR,
    MINUTE,
    SECOND,
    TICK,
    Desk,
    at,
    breaches_of,
    deadline_of,
    events_of,
    live_kinds,
    make_evidence,
    make_order,
    set_policy,
    staff,
    told,
)
from tickets.models import Breach, ClockPause, Deadline, Ticket
from tickets.remedies import refund
from tickets.sweep import sweep
from tickets.transitions import (
    accept_evidence,
    add_evidence,
    assign_ticket,
    escalate,
    nudge,
    reopen,
    reply,
    request_evidence,
    withdraw,
)
from tickets.transitions.handling import UnableToEscalate

pytestmark = pytest.mark.django_db

PROMISE = ("commitment_warning", "commitment_enforcement", "commitment", "referral")


def ask(ticket: Ticket, actor, now, kinds=("account_screenshot",)) -> None:
    request_evidence(
        ticket_id=ticket.pk, kinds=list(kinds), text="请补充截图", actor=actor, now=now
    )


def add(ticket: Ticket, kind: str, now, received_at=None) -> None:
    file = make_evidence(kind, received_at=received_at or now)
    add_evidence(ticket_id=ticket.pk, evidence_ids=[file.pk], actor=CUSTOMER, now=now)


def answer(ticket: Ticket, actor, now) -> None:
    reply(ticket_id=ticket.pk, text="您好,正在核实", actor=actor, now=now)


def give_back(ticket: Ticket, actor, now) -> None:
    refund(ticket_id=ticket.pk, amount_fen=None, reason="查单无记录", text="", actor=actor, now=now)


class TestMeeting:
    def test_in_time_is_no_breach_not_even_at_the_very_instant(self, desk: Desk, lin) -> None:
        ticket = desk.open()
        answer(ticket, lin, at("10:30"))
        first = deadline_of(ticket, "first_reply")
        assert (first.state, first.met_at, first.due_at) == ("met", at("10:30"), at("10:30"))
        assert breaches_of(ticket) == []
        (met,) = events_of(ticket, "deadline_met")
        assert met.data == {"kind": "first_reply", "late_ms": 0}

    def test_a_microsecond_late_is_a_breach_though_no_sweep_ever_looked(
        self, desk: Desk, lin
    ) -> None:
        ticket = desk.open()
        answer(ticket, lin, at("10:30") + TICK)
        assert deadline_of(ticket, "first_reply").state == "met"
        breach = Breach.objects.get(ticket=ticket)
        assert (breach.kind, breach.due_at) == ("first_reply", at("10:30"))
        assert breach.detected_at == at("10:30") + TICK

    def test_late_is_told_in_milliseconds(self, desk: Desk, lin) -> None:
        ticket = desk.open()
        answer(ticket, lin, at("10:30:01.5"))
        (met,) = events_of(ticket, "deadline_met")
        assert met.data["late_ms"] == 1500

    def test_a_remedy_meets_the_handling_clock_and_the_first_reply(self, desk: Desk, lin) -> None:
        ticket = desk.open()
        give_back(ticket, lin, at("10:20"))
        assert deadline_of(ticket, "first_reply").state == "met"
        assert deadline_of(ticket, "agent_resolution").state == "met"
        assert live_kinds(ticket) == set(PROMISE)
        assert desk.tell(ticket).first_replied_at == at("10:20")

    def test_a_settled_refund_meets_the_whole_promise(self, desk: Desk, lin) -> None:
        ticket = desk.open()
        give_back(ticket, lin, at("10:20"))
        desk.now = at("10:20")
        desk.settle(ticket, "succeeded")
        for kind in PROMISE:
            assert deadline_of(ticket, kind).state == "met", kind
        assert live_kinds(ticket) == {"auto_close"}
        assert breaches_of(ticket) == []

    def test_internal_notes_assignments_and_acknowledgements_are_no_reply(
        self, desk: Desk, lin, agent_lin
    ) -> None:
        ticket = desk.open()
        reply(ticket_id=ticket.pk, text="先查单", actor=lin, now=at("10:01"), internal=True)
        assign_ticket(ticket_id=ticket.pk, assignee=agent_lin, actor=lin, now=at("10:02"))
        accept_evidence(
            ticket_id=ticket.pk,
            evidence_ids=[ticket.evidence.get().pk],
            actor=lin,
            now=at("10:03"),
        )
        nudge(ticket_id=ticket.pk, actor=CUSTOMER, now=at("10:04"))
        reply(ticket_id=ticket.pk, text="人呢", actor=CUSTOMER, now=at("10:05"))
        desk.tick(at("10:06"))
        assert "opened" in told(ticket)
        assert deadline_of(ticket, "first_reply").state == "pending"


class TestFiring:
    def test_never_early_always_at_the_instant(self, desk: Desk) -> None:
        ticket = desk.open()
        desk.tick(at("10:30") - TICK)
        assert deadline_of(ticket, "first_reply").state == "pending"
        desk.tick(at("10:30"))
        first = deadline_of(ticket, "first_reply")
        assert (first.state, first.fired_at) == ("fired", at("10:30"))
        (fired,) = events_of(ticket, "deadline_fired")
        assert (fired.deadline, fired.actor, fired.data["late_ms"]) == (first, "system", 0)

    def test_first_reply_alarms_owner_and_supervisors(
        self, desk: Desk, lin, agent_lin, supervisor_wang, supervisor_zhao
    ) -> None:
        ticket = desk.open()
        assign_ticket(ticket_id=ticket.pk, assignee=agent_lin, actor=lin, now=at("10:01"))
        desk.tick(at("10:30"))
        alarmed = ticket.notices.filter(kind="first_reply_missed").values_list("user", flat=True)
        assert sorted(alarmed) == sorted([agent_lin.pk, supervisor_wang.pk, supervisor_zhao.pk])
        assert breaches_of(ticket) == ["first_reply"]
        assert desk.tell(ticket).level == "agent"

    def test_agent_then_supervisor_then_promise_then_referral(self, desk: Desk) -> None:
        """Nobody does anything, and no refund ever settles."""
        set_policy(rehearsal=True)
        ticket = desk.open()
        desk.advance(at("12:00"))
        assert desk.tell(ticket).level == "supervisor"
        assert deadline_of(ticket, "supervisor_resolution").due_at == at("15:00")
        desk.advance(at("15:00"))
        assert desk.tell(ticket).level == "supervisor"
        desk.advance(at("11-25 10:00"))
        assert deadline_of(ticket, "commitment").fired_at == at("11-25 10:00")
        assert "promise_broken" in told(ticket)
        desk.advance(at("11-26 10:00") - TICK)
        assert desk.tell(ticket).level == "supervisor"
        desk.advance(at("11-26 10:00"))
        ticket = desk.tell(ticket)
        assert (ticket.level, ticket.status) == ("referred", "new")
        assert breaches_of(ticket) == [
            "agent_resolution",
            "commitment",
            "first_reply",
            "supervisor_resolution",
        ]
        escalations = [e.data["to"] for e in events_of(ticket, "escalated")]
        assert escalations == ["supervisor", "referred"]
        assert desk.worries() == {}

    def test_a_late_sweep_fires_everything_in_order_and_says_how_late(self, desk: Desk) -> None:
        """The timers stood still from the opening until two days later."""
        ticket = desk.open()
        desk.tick(at("11-26 12:00"))
        fired = events_of(ticket, "deadline_fired")
        assert [e.data["kind"] for e in fired][:2] == ["first_reply", "agent_resolution"]
        assert fired[0].data["late_ms"] == 49 * 3600_000 + 30 * 60_000
        assert {e.at for e in fired} == {at("11-26 12:00")}
        assert desk.tell(ticket).level == "referred"
        assert deadline_of(ticket, "commitment").state == "fired"
        assert len(desk.refunds(ticket)) == 1


class TestPausing:
    def test_only_the_internal_clocks_stop(self, desk: Desk, lin) -> None:
        ticket = desk.open()
        promise = {k: deadline_of(ticket, k).due_at for k in PROMISE}
        ask(ticket, lin, at("10:10"))
        agent = deadline_of(ticket, "agent_resolution")
        assert (agent.state, agent.remaining) == ("paused", timedelta(hours=1, minutes=50))
        assert deadline_of(ticket, "evidence_due").due_at == at("11-26 10:10")
        for kind, due_at in promise.items():
            deadline = deadline_of(ticket, kind)
            assert (deadline.state, deadline.due_at) == ("pending", due_at), kind
        (pause,) = ClockPause.objects.all()
        assert (pause.reason, pause.actor, pause.to_at) == ("waiting_customer", lin.label, None)
        assert [e.data["kind"] for e in events_of(ticket, "clock_paused")] == ["agent_resolution"]

    def test_the_rest_of_the_time_goes_on_in_staffed_hours(self, desk: Desk, lin) -> None:
        staff("9-18")
        ticket = desk.open(proof=[])
        ask(ticket, lin, at("11:00"))
        reply(ticket_id=ticket.pk, text="没有截图", actor=CUSTOMER, now=at("17:30"))
        agent = deadline_of(ticket, "agent_resolution")
        assert (agent.state, agent.due_at) == ("pending", at("11-25 09:30"))
        assert ClockPause.objects.get().to_at == at("17:30")
        assert [e.data["kind"] for e in events_of(ticket, "clock_resumed")] == ["agent_resolution"]
        assert deadline_of(ticket, "evidence_due").state == "met"

    def test_a_pause_over_night_costs_no_staffed_time(self, desk: Desk, lin) -> None:
        staff("9-18")
        ticket = desk.open(proof=[], now=at("17:00"))
        ask(ticket, lin, at("17:30"))
        reply(ticket_id=ticket.pk, text="没有截图", actor=CUSTOMER, now=at("11-25 03:00"))
        assert deadline_of(ticket, "agent_resolution").due_at == at("11-25 10:30")

    def test_a_clock_that_is_due_already_cannot_be_stopped_any_more(self, desk: Desk, lin) -> None:
        """Lin asks for more proof a second after the deadline, before the sweep comes round."""
        ticket = desk.open()
        ask(ticket, lin, at("12:00:01"))
        desk.tick(at("12:00:02"))
        assert "agent_resolution" in breaches_of(ticket)
        assert desk.tell(ticket).level == "supervisor"
        assert deadline_of(ticket, "supervisor_resolution").state == "paused"
        assert desk.worries() == {}

    def test_what_is_missed_while_paused_is_nobodys_breach(self, desk: Desk, lin) -> None:
        ticket = desk.open(proof=[])
        answer(ticket, lin, at("10:05"))
        ask(ticket, lin, at("10:10"))
        desk.advance(at("15:00"))
        give_back(ticket, lin, at("15:00"))
        assert deadline_of(ticket, "agent_resolution").state == "met"
        assert ClockPause.objects.get().to_at == at("15:00")
        assert breaches_of(ticket) == []

    def test_waiting_long_into_the_promise_never_makes_a_deadline_in_the_past(
        self, desk: Desk, lin
    ) -> None:
        """The agent's half of the promise passes while the customer looks for a screenshot."""
        ticket = desk.open()
        ask(ticket, lin, at("10:10"))
        desk.advance(at("11-25 00:30"))
        reply(ticket_id=ticket.pk, text="找到了", actor=CUSTOMER, now=at("11-25 00:30"))
        agent = deadline_of(ticket, "agent_resolution")
        assert agent.state == "pending"
        assert agent.due_at >= at("11-25 00:30")
        answer_in_time = agent.due_at
        give_back(ticket, lin, answer_in_time)
        assert "agent_resolution" not in breaches_of(ticket)

    def test_the_supervisors_clock_pauses_too(self, desk: Desk, lin, wang) -> None:
        ticket = desk.open()
        escalate(ticket_id=ticket.pk, reason="查不到", actor=lin, now=at("10:10"))
        ask(ticket, wang, at("10:40"))
        supervisor = deadline_of(ticket, "supervisor_resolution")
        assert (supervisor.state, supervisor.remaining) == ("paused", timedelta(hours=2.5))

    def test_escalating_while_we_wait_starts_a_clock_that_stands_still(
        self, desk: Desk, lin
    ) -> None:
        ticket = desk.open()
        ask(ticket, lin, at("10:10"))
        escalate(ticket_id=ticket.pk, reason="太慢了", actor=CUSTOMER, now=at("10:20"))
        supervisor = deadline_of(ticket, "supervisor_resolution")
        assert (supervisor.state, supervisor.remaining) == ("paused", 3 * HOUR)
        assert deadline_of(ticket, "agent_resolution").state == "cancelled"
        assert desk.worries() == {}
        reply(ticket_id=ticket.pk, text="没有", actor=CUSTOMER, now=at("10:30"))
        assert deadline_of(ticket, "supervisor_resolution").due_at == at("13:30")


class TestEvidenceDue:
    def test_one_reminder_then_the_case_goes_on_as_it_is(self, desk: Desk, lin) -> None:
        ticket = desk.open(proof=[])
        ask(ticket, lin, at("10:10"))
        desk.advance(at("11-26 10:10"))
        assert desk.tell(ticket).status == "waiting_customer"
        assert told(ticket).count("evidence_reminder") == 1
        assert deadline_of(ticket, "evidence_due").due_at == at("11-28 10:10")
        desk.advance(at("11-28 10:10"))
        ticket = desk.tell(ticket)
        assert ticket.status == "in_progress"
        assert deadline_of(ticket, "agent_resolution").due_at == at("11-28 12:00")
        assert told(ticket).count("evidence_reminder") == 1
        assert desk.worries() == {}

    def test_silence_does_not_close_what_is_owed(self, desk: Desk, lin) -> None:
        ticket = desk.open(desk.order(status="failed"), proof=[])
        ask(ticket, lin, at("10:10"))
        desk.advance(at("11-25 09:00"))
        assert desk.tell(ticket).status == "remedy_pending"
        assert desk.refunds(ticket)[0].amount_fen == 9800

    def test_a_second_round_of_asking_counts_its_own_reminders(self, desk: Desk, lin) -> None:
        ticket = desk.open(proof=[])
        ask(ticket, lin, at("10:10"))
        desk.advance(at("11-26 10:10"))
        reply(ticket_id=ticket.pk, text="等一下", actor=CUSTOMER, now=at("11-26 11:00"))
        ask(ticket, lin, at("11-26 11:05"))
        desk.advance(at("11-28 11:05"))
        assert desk.tell(ticket).status == "waiting_customer"
        assert told(ticket).count("evidence_reminder") == 2


class TestBringingForward:
    def test_proof_that_comes_later_pulls_the_running_clock(self, desk: Desk) -> None:
        staff("9-18")
        ticket = desk.open(proof=[], now=at("17:00"))
        assert deadline_of(ticket, "agent_resolution").due_at == at("11-25 10:00")
        add(ticket, "payment_screenshot", at("17:30"))
        agent = deadline_of(ticket, "agent_resolution")
        assert (agent.due_at, agent.policy_due_at) == (at("11-25 05:30"), at("11-25 10:00"))
        (moved,) = events_of(ticket, "deadline_brought_forward")
        assert moved.data["kind"] == "agent_resolution"

    def test_a_clock_resumed_after_the_start_is_pulled_as_well(self, desk: Desk, lin) -> None:
        staff("9-18")
        ticket = desk.open(proof=[], now=at("16:50"))
        ask(ticket, lin, at("17:00"), kinds=["payment_screenshot"])
        add(ticket, "payment_screenshot", at("17:40"))
        assert desk.tell(ticket).status == "in_progress"
        agent = deadline_of(ticket, "agent_resolution")
        assert (agent.due_at, agent.policy_due_at) == (at("11-25 05:40"), at("11-25 10:30"))

    def test_the_supervisors_clock_ends_before_the_promise(self, desk: Desk) -> None:
        staff("9-18", days=range(5))
        ticket = desk.open(now=at("11-28 12:00"))
        desk.advance(at("11-29 00:00"))
        assert desk.tell(ticket).level == "supervisor"
        assert deadline_of(ticket, "supervisor_resolution").due_at == at("11-29 08:00")

    def test_a_file_put_to_the_case_long_after_its_receipt_breaks_nobodys_deadline(
        self, desk: Desk, lin
    ) -> None:
        """Uploaded in the evening and forgotten; put to the case the next morning."""
        staff("9-18")
        ticket = desk.open(proof=[], now=at("17:50"))
        answer(ticket, lin, at("17:55"))
        add(ticket, "payment_screenshot", at("11-25 08:00"), received_at=at("17:51"))
        agent = deadline_of(ticket, "agent_resolution")
        assert desk.tell(ticket).commitment_due_at == at("11-25 17:51")
        assert agent.due_at >= at("11-25 08:00")


class TestReferral:
    def test_two_days_after_the_opening_where_the_promise_never_started(self, desk: Desk) -> None:
        ticket = desk.open(proof=[])
        desk.advance(at("11-26 10:00"))
        assert desk.tell(ticket).level == "referred"

    def test_an_hour_after_the_promise_where_that_is_later(self, desk: Desk) -> None:
        ticket = desk.open(proof=[])
        add(ticket, "payment_screenshot", at("11-25 12:00"))
        assert deadline_of(ticket, "commitment").due_at == at("11-26 12:00")
        assert deadline_of(ticket, "referral").due_at == at("11-26 13:00")

    def test_nobody_else_refers(self, desk: Desk, lin) -> None:
        ticket = desk.open()
        escalate(ticket_id=ticket.pk, reason="查不到", actor=lin, now=at("10:10"))
        with pytest.raises(UnableToEscalate):
            escalate(ticket_id=ticket.pk, reason="再升级", actor=CUSTOMER, now=at("10:11"))
        assert desk.tell(ticket).level == "supervisor"


class TestEnding:
    def test_withdrawing_ends_every_clock_and_forgives_nothing(self, desk: Desk) -> None:
        ticket = desk.open()
        withdraw(ticket_id=ticket.pk, reason="到账了", actor=CUSTOMER, now=at("10:30:01"))
        assert live_kinds(ticket) == set()
        assert deadline_of(ticket, "commitment").state == "cancelled"
        assert breaches_of(ticket) == ["first_reply"]

    def test_auto_close_after_seven_days(self, desk: Desk, lin) -> None:
        ticket = desk.open()
        give_back(ticket, lin, at("10:20"))
        desk.now = at("10:20")
        desk.settle(ticket, "succeeded")
        resolved_at = desk.tell(ticket).resolved_at
        assert resolved_at is not None
        desk.advance(resolved_at + 7 * 24 * HOUR - TICK)
        assert desk.tell(ticket).status == "resolved"
        desk.advance(resolved_at + 7 * 24 * HOUR)
        ticket = desk.tell(ticket)
        assert (ticket.status, ticket.closed_at) == ("closed", resolved_at + 7 * 24 * HOUR)
        assert live_kinds(ticket) == set()
        assert desk.worries() == {}

    def test_reopening_cancels_the_close_and_starts_a_new_cycle(self, desk: Desk, lin) -> None:
        ticket = desk.open()
        give_back(ticket, lin, at("10:20"))
        desk.now = at("10:20")
        desk.settle(ticket, "succeeded")
        now = desk.now + HOUR
        reopen(ticket_id=ticket.pk, reason="银行没到账", actor=CUSTOMER, now=now)
        assert deadline_of(ticket, "auto_close").state == "cancelled"
        fresh = Deadline.objects.filter(ticket=ticket, cycle=2)
        assert {d.kind: (d.round, d.due_at) for d in fresh} == {
            "agent_resolution": (1, now + 2 * HOUR),
            "referral": (1, now + 48 * HOUR),
        }


class TestSuppliersAndPeople:
    def test_a_desk_without_staff_calendar_rows_still_runs(self, desk: Desk) -> None:
        staff("9-18", days=[])
        ticket = desk.open(now=at("03:00"))
        assert deadline_of(ticket, "first_reply").due_at == at("03:30")

    def test_the_sweep_at_the_same_instant_twice_changes_nothing(self, desk: Desk) -> None:
        ticket = desk.open()
        assert sweep(now=at("10:30")) == 1
        before = len(events_of(ticket))
        assert sweep(now=at("10:30")) == 0
        assert len(events_of(ticket)) == before


def test_a_policy_of_seconds_runs_the_whole_ladder(desk: Desk) -> None:
    set_policy(
        clocks={
            "first_reply": {"within": "PT1S", "clock": "wall"},
            "agent_resolution": {"within": "PT2S", "clock": "wall"},
            "supervisor_resolution": {"within": "PT3S", "clock": "wall"},
            "commitment_warning": "PT10S",
            "commitment": "PT20S",
            "referral": "PT30S",
        },
        enforce_lead="PT5S",
        referral_grace="PT5S",
    )
    ticket = desk.open(make_order(), now=at("03:00"))
    desk.advance(at("03:00:05"))
    assert desk.tell(ticket).level == "supervisor"
    desk.advance(at("03:00:15"))
    assert desk.tell(ticket).status == "remedy_pending"
    desk.settle(ticket, "succeeded")
    assert desk.tell(ticket).outcome == "refunded"
    assert deadline_of(ticket, "commitment").met_at == desk.now
    assert desk.now - at("03:00") < 20 * SECOND + MINUTE
