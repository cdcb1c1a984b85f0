"""What must hold of a desk at every instant, whatever was done to it in whatever order.

    audit = Audit(bank)
    audit.look(now=now)                  # after every step; raises AssertionError naming the rule
    audit.look(now=now, refused=True)    # the step was refused: nothing may have changed
    audit.look(now=now, swept=True)      # the step was a round of the sweep

Each check names the sentence of the design it holds. The rules are written down here a second
time, from the table and not from the code, so that the code cannot be its own judge.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Sum

from orders.entitlement import Standing, get_standing
from orders.ledger import find_differences
from orders.models import (
    HandSettlement,
    LedgerEntry,
    Order,
    OrderEvent,
    Payment,
    ProofLevel,
    Refund,
    refund_number,
)
from tickets.chain import event_hash
from tickets.models import (
    Approval,
    Breach,
    ClockPause,
    Deadline,
    Event,
    Evidence,
    FactCheck,
    Notice,
    Ticket,
)
from tickets.watchdog import (
    count_fired_without_event,
    count_paused_without_pause,
    tickets_without_clock,
)

HOUR = timedelta(hours=1)
NEVER = datetime(1970, 1, 1, tzinfo=UTC)
OPEN = ("new", "in_progress", "waiting_customer", "remedy_pending")
HANDLED = ("new", "in_progress", "waiting_customer")
LEVELS = ("agent", "supervisor", "referred")
PROMISE = ("commitment", "commitment_enforcement", "commitment_warning")
BREACHING = ("first_reply", "agent_resolution", "supervisor_resolution", "commitment")
PAUSABLE = ("agent_resolution", "supervisor_resolution")
HOLDING = ("planned", "requested", "accepted", "unknown", "manual")
ENDED = ("met", "fired", "cancelled")
KEEPING = ("delivered", "refunded")
LIMIT_FEN = 50_000
#: Groups of which one file each completes the proof, per category (contract, evidence kinds).
PAYMENT_PROOF = {"payment_screenshot", "bank_deduction_record"}
COMPLETE: dict[str, list[set[str]]] = {
    "non_arrival": [PAYMENT_PROOF],
    "wrong_amount": [PAYMENT_PROOF, {"account_screenshot", "operator_record"}],
    "card_code": [{"account_screenshot"}],
}
#: Events that promise a message: event kind -> (audience, kind of the message).
TELLING: dict[str, tuple[tuple[str, str], ...]] = {
    "opened": (("customer", "opened"),),
    "commitment_started": (("customer", "promise_started"),),
    "evidence_requested": (("customer", "evidence_requested"),),
    "evidence_reminded": (("customer", "evidence_reminder"),),
    "refund_requested": (("customer", "refund_requested"),),
    "top_up_requested": (("customer", "redelivery_requested"),),
    "commitment_broken": (("customer", "promise_broken"), ("staff", "promise_broken_staff")),
    "referred": (("customer", "referred"), ("staff", "referred_staff")),
    "resolved": (("customer", "resolved"),),
    "reopened": (("customer", "reopened"), ("staff", "reopened_staff")),
    "commitment_warned": (("staff", "promise_warning"),),
    "approval_requested": (("staff", "approval_needed"),),
    "approval_passed_on": (("staff", "approval_needed"),),
    "declined": (("staff", "approval_declined"),),
}
FIRED_TELLING = {
    "first_reply": (("staff", "first_reply_missed"),),
    "supervisor_resolution": (("staff", "supervisor_resolution_missed"),),
}


@dataclass
class Bank:
    """What the channel really did: number -> fen, however often it was asked."""

    paid: dict[str, int] = field(default_factory=dict)


@dataclass
class View:
    """Everything the checks look at, read in a handful of queries."""

    now: datetime
    tickets: dict[int, Ticket] = field(default_factory=dict)
    deadlines: dict[int, Deadline] = field(default_factory=dict)
    refunds: dict[int, Refund] = field(default_factory=dict)
    payments: dict[int, Payment] = field(default_factory=dict)
    approvals: dict[int, Approval] = field(default_factory=dict)
    standings: dict[int, Standing] = field(default_factory=dict)
    orders: dict[int, Order] = field(default_factory=dict)
    #: What was booked since the last look: journal -> fen.
    journals: dict[Any, int] = field(default_factory=dict)
    pauses: list[ClockPause] = field(default_factory=list)
    news: list[Event] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)

    def of_ticket(self, ticket: Ticket) -> list[Deadline]:
        """Deadlines of the ticket's present cycle."""
        return [
            d
            for d in self.deadlines.values()
            if d.ticket_id == ticket.pk and d.cycle == ticket.cycle
        ]

    def live(self, ticket: Ticket) -> set[str]:
        mine = (d for d in self.deadlines.values() if d.ticket_id == ticket.pk)
        return {d.kind for d in mine if d.state in ("pending", "paused")}

    def new_of(self, ticket: Ticket) -> list[Event]:
        return [event for event in self.news if event.ticket_id == ticket.pk]


def by_pk(rows: Iterable[Any]) -> dict[int, Any]:
    return {row.pk: row for row in rows}


class Audit:
    """Looks after every step, and remembers how things stood before it."""

    def __init__(self, bank: Bank | None = None) -> None:
        self.bank = bank or Bank()
        self.view = View(NEVER)
        self.folds: dict[int, Fold] = {}
        self.last_event = self.last_notice = self.last_entry = 0
        self.settled_since: dict[int, datetime | None] = {}

    def look(self, *, now: datetime, swept: bool = False, refused: bool = False) -> View:
        before, view = self.view, self.read(now)
        if refused:
            check_nothing_changed(before, view)
        self.note_settled(view)
        for ticket in view.tickets.values():
            self.check_chain(view, ticket)
            check_level(before.tickets.get(ticket.pk), ticket, view)
            check_live_deadlines(view, ticket)
            check_promise_terms(view, ticket)
            check_proof_promises(view, ticket)
            check_told(view, ticket)
            check_ending(before, view, ticket)
        check_one_open_per_order(view)
        check_deadlines_move_by_rule(before, view, swept=swept)
        self.check_kept_when_it_was(before, view)
        check_pauses(view)
        check_breaches(view)
        check_approvals(view)
        check_money(view, self.bank)
        check_refunds_move_by_rule(before, view)
        check_remedies(view)
        check_nothing_is_set_aside(view, swept=swept)
        self.view = view
        return view

    def read(self, now: datetime) -> View:
        orders = Order.objects.prefetch_related("payments", "top_ups", "delivery_records")
        view = View(
            now,
            tickets=by_pk(Ticket.objects.order_by("pk")),
            deadlines=by_pk(Deadline.objects.order_by("pk")),
            refunds=by_pk(Refund.objects.select_related("payment").order_by("pk")),
            approvals=by_pk(Approval.objects.order_by("pk")),
            orders=by_pk(orders),
            pauses=list(ClockPause.objects.order_by("pk")),
            news=list(Event.objects.filter(pk__gt=self.last_event).order_by("pk")),
            notices=list(Notice.objects.filter(pk__gt=self.last_notice).order_by("pk")),
        )
        view.payments = {p.pk: p for order in view.orders.values() for p in order.payments.all()}
        view.standings = {pk: get_standing(order) for pk, order in view.orders.items()}
        entries = list(LedgerEntry.objects.filter(pk__gt=self.last_entry).order_by("pk"))
        for entry in entries:
            view.journals[entry.journal] = view.journals.get(entry.journal, 0) + entry.amount_fen
        self.last_entry = max([self.last_entry, *(e.pk for e in entries)])
        self.last_event = max([self.last_event, *(e.pk for e in view.news)])
        self.last_notice = max([self.last_notice, *(n.pk for n in view.notices)])
        return view

    def check_chain(self, view: View, ticket: Ticket) -> None:
        """The hash chain verifies, and the ticket is what its events tell (design 2.5)."""
        fold = self.folds.setdefault(ticket.pk, Fold())
        for event in view.new_of(ticket):
            fold.add(event)
        assert (ticket.event_seq, ticket.event_hash) == (fold.seq, fold.hash), ticket
        assert ticket.status in fold.statuses, f"{ticket.status}, told: {fold.statuses}"
        assert ticket.level == fold.level
        assert ticket.cycle == fold.cycle
        assert ticket.outcome == fold.outcome
        assert (f"staff:{ticket.assignee_id}" if ticket.assignee_id else "") == fold.assignee
        # Whether a remedy goes on is a fact of the order, see check_remedies.
        fold.statuses = {ticket.status}

    def note_settled(self, view: View) -> None:
        """Since when nothing is owed on each order any more."""
        for pk, standing in view.standings.items():
            if not standing.is_settled:
                self.settled_since[pk] = None
            elif self.settled_since.get(pk) is None:
                self.settled_since[pk] = view.now

    def check_kept_when_it_was(self, before: View, view: View) -> None:
        """Lateness is judged from facts: no promise counts as kept before it was (design 2.5)."""
        for deadline in view.deadlines.values():
            was = before.deadlines.get(deadline.pk)
            if deadline.kind != "commitment" or deadline.state != "met":
                continue
            if was is not None and was.state == "met":
                continue
            kept_since = self.settled_since[view.tickets[deadline.ticket_id].order_id]
            assert kept_since is not None, "kept although money is owed"
            assert deadline.met_at is not None
            assert deadline.met_at >= kept_since, f"{deadline.met_at} before {kept_since}"


@dataclass
class Fold:
    """A ticket told again from its events alone."""

    seq: int = 0
    hash: str = ""
    at: datetime | None = None
    #: More than one only where the order's facts decide whether a remedy goes on.
    statuses: set[str] = field(default_factory=set)
    level: str = "agent"
    cycle: int = 1
    outcome: str = ""
    assignee: str = ""

    def add(self, event: Event) -> None:
        assert event.seq == self.seq + 1, "a number is missing"
        assert event.prev_hash == self.hash
        assert self.at is None or event.at >= self.at, "the chain goes back in time"
        told = {"kind": event.kind, "actor": event.actor, "at": event.at, "data": event.data}
        digest = event_hash(prev_hash=self.hash, seq=event.seq, **told)
        assert event.hash == digest, "the chain is broken"
        self.seq, self.hash, self.at = event.seq, event.hash, event.at
        self.retell(event)

    def retell(self, event: Event) -> None:
        kind, data = event.kind, event.data
        ends = {"opened": "new", "resolved": "resolved", "closed": "closed"}
        ends |= {"withdrawn": "withdrawn", "reopened": "in_progress"}
        ends |= {"evidence_requested": "waiting_customer", "evidence_reminded": "waiting_customer"}
        ends |= {"refund_requested": "remedy_pending", "top_up_requested": "remedy_pending"}
        if kind in ends:
            self.statuses = {ends[kind]}
        elif kind == "assigned":
            self.assignee = data["to"]
            self.statuses = {"in_progress" if s == "new" else s for s in self.statuses}
        elif kind in ("deadline_met", "deadline_fired") and data["kind"] == "evidence_due":
            self.statuses = {"in_progress"}
        elif kind in ("refund_settled", "refund_rejected", "top_up_failed", "top_up_delivered"):
            self.statuses |= {"in_progress"} if "remedy_pending" in self.statuses else set()
        if kind == "escalated":
            self.level = data["to"]
        elif kind == "reopened":
            self.level, self.cycle, self.outcome = "agent", self.cycle + 1, ""
        elif kind in ("resolved", "withdrawn"):
            self.outcome = data.get("outcome", "withdrawn")


# --- One ticket -------------------------------------------------------------------------------


def check_nothing_changed(before: View, view: View) -> None:
    """Bad input: nothing half-saved."""
    assert not view.news, [event.kind for event in view.news]
    assert not view.notices
    for name in ("tickets", "deadlines", "refunds", "payments", "approvals"):
        assert image(getattr(before, name)) == image(getattr(view, name)), name


def image(rows: dict[int, Any]) -> dict[int, dict[str, Any]]:
    return {
        pk: {name: value for name, value in vars(row).items() if not name.startswith("_")}
        for pk, row in rows.items()
    }


def check_level(was: Ticket | None, ticket: Ticket, view: View) -> None:
    """Levels only rise within a cycle; only the referral clock refers; the policy is a copy."""
    if was is None:
        return
    assert ticket.policy == was.policy, "a policy edit reached an open ticket"
    assert ticket.opened_at == was.opened_at
    assert ticket.cycle in (was.cycle, was.cycle + 1)
    if ticket.cycle != was.cycle:
        assert was.status in ("resolved", "closed"), "a new cycle out of an open ticket"
        return
    assert LEVELS.index(ticket.level) >= LEVELS.index(was.level)
    if ticket.level == "referred" != was.level:
        told = [e.data["kind"] for e in view.new_of(ticket) if e.kind == "deadline_fired"]
        assert "referral" in told, "something else than the referral clock referred"
    if was.status == "withdrawn":
        assert ticket.status == "withdrawn", "a withdrawn ticket came back"


def check_live_deadlines(view: View, ticket: Ticket) -> None:
    """An open ticket has exactly the live deadlines its state demands (design 4, the table)."""
    live = view.live(ticket)
    assert live >= demanded(view, ticket), f"{ticket.status}/{ticket.level} lacks a clock: {live}"
    surplus = live - demanded(view, ticket)
    if ticket.level == "referred" and ticket.status in HANDLED:
        # Referred while the handling clock stood still: it goes on when the customer answers.
        surplus -= set(PAUSABLE)
    assert not surplus, f"{ticket.status}/{ticket.level} has a clock too many: {surplus}"


def demanded(view: View, ticket: Ticket) -> set[str]:
    if ticket.status not in OPEN:
        return {"auto_close"} if ticket.status == "resolved" else set()
    mine = view.of_ticket(ticket)
    over = {d.kind for d in mine if d.state in ("fired", "met")}
    kinds = set()
    if ticket.cycle == 1 and ticket.first_replied_at is None:
        kinds |= {"first_reply"} - over
    if ticket.status in HANDLED and ticket.level == "agent":
        kinds.add("agent_resolution")
    if ticket.status in HANDLED and ticket.level == "supervisor":
        last = [d for d in mine if d.kind == "supervisor_resolution"][-1:]
        if not any(d.state == "fired" for d in last):
            kinds.add("supervisor_resolution")
    if ticket.status == "waiting_customer":
        kinds.add("evidence_due")
    if ticket.commitment_started_at is not None:
        kinds |= set(PROMISE) - over
    kinds |= {"referral"} - over
    if any(a.ticket_id == ticket.pk and a.state == "pending" for a in view.approvals.values()):
        kinds.add("approval")
    return kinds


def check_promise_terms(view: View, ticket: Ticket) -> None:
    """24 h from its start; the desk acts 1 h before; the 12315 notice follows (design 4)."""
    started, due = ticket.commitment_started_at, ticket.commitment_due_at
    clocks = {d.kind: d for d in view.of_ticket(ticket)}
    begun = ticket.reopened_at or ticket.opened_at
    if started is None:
        assert not set(clocks) & set(PROMISE)
        assert clocks["referral"].due_at == begun + 48 * HOUR
        return
    assert due == started + 24 * HOUR
    assert started >= begun, "promised before it began"
    assert (clocks["commitment"].started_at, clocks["commitment"].due_at) == (started, due)
    assert clocks["commitment_enforcement"].due_at == due - HOUR
    assert started <= clocks["commitment_warning"].due_at <= due - HOUR
    referral = clocks["referral"]
    fired_before = referral.fired_at is not None and referral.due_at == begun + 48 * HOUR
    assert referral.due_at == max(begun + 48 * HOUR, due + HOUR) or fired_before


def check_proof_promises(view: View, ticket: Ticket) -> None:
    """Complete proof starts the promise by rule, back-dated to its receipt (design 4)."""
    if ticket.status not in OPEN or not view.new_of(ticket):
        return
    files = list(Evidence.objects.filter(ticket=ticket).order_by("received_at"))
    completed_at = completed(ticket.category, files)
    told = [e for e in view.new_of(ticket) if e.kind == "commitment_started"]
    assert len(told) <= 1
    if ticket.commitment_started_at is None:
        assert completed_at is None or ticket.cycle > 1, "complete proof, and no promise"
        return
    if told:
        begun = ticket.reopened_at or ticket.opened_at
        by_records = told[0].data["by"] == "records"
        assert by_records == (view.orders[ticket.order_id].status == "failed")
        if by_records:
            assert ticket.commitment_started_at == begun
        else:
            assert completed_at is not None
            assert ticket.commitment_started_at == max(begun, completed_at)


def completed(category: str, files: list[Evidence]) -> datetime | None:
    """When the last required file was received."""
    kinds: set[str] = set()
    for file in files:
        kinds.add(file.kind)
        if all(group & kinds for group in COMPLETE[category]):
            return file.received_at
    return None


def check_told(view: View, ticket: Ticket) -> None:
    """Every event that promises a message has left one in the outbox, in its transaction."""
    written = [n for n in view.notices if n.ticket_id == ticket.pk]
    for event in view.new_of(ticket):
        wanted = TELLING.get(event.kind, ())
        if event.kind == "deadline_fired":
            wanted = FIRED_TELLING.get(event.data["kind"], ())
        elif event.kind == "escalated" and event.data["to"] == "supervisor":
            by_people = event.data["by"] != "remedy_failed"
            wanted = (("customer", "escalated"), ("staff", "escalated_staff")) if by_people else ()
        for audience, kind in wanted:
            found = [n for n in written if (n.audience, n.kind) == (audience, kind)]
            assert any(int(n.key.split(":")[1]) >= event.seq for n in found), f"{event}: {kind}"
        if event.kind == "replied" and event.actor.startswith("staff:"):
            assert any(n.audience == "customer" for n in written), "answered, and not told"


def check_ending(before: View, view: View, ticket: Ticket) -> None:
    """Delivered and refunded are facts; anything else needs a supervisor while money is owed."""
    was = before.tickets.get(ticket.pk)
    standing = view.standings[ticket.order_id]
    told = view.new_of(ticket)
    if was is None or was.status == ticket.status:
        return
    if ticket.status == "withdrawn":
        assert not [r for r in live_of(before, ticket) if not r.held], "withdrawn from a refund"
        assert not live_of(view, ticket)
    if ticket.status != "resolved":
        return
    assert not live_of(view, ticket), "over, and a refund is under way"
    assert not standing.reserved_fen
    if ticket.outcome == "delivered":
        assert standing.proof_level >= ProofLevel.VOUCHER
        assert not standing.contradicted
        assert standing.owed_fen == 0
    elif ticket.outcome == "refunded":
        assert standing.refunded_fen > 0
        assert standing.owed_fen == 0
    elif standing.owed_fen or ticket.outcome == "refused":
        approved = [e for e in told if e.kind == "approved"]
        assert approved, f"{ticket.outcome} while money is owed, and nobody agreed"


def live_of(view: View, ticket: Ticket) -> list[Refund]:
    mine = (r for r in view.refunds.values() if r.origin == ticket.uuid)
    return [r for r in mine if r.state in HOLDING]


# --- Clocks -----------------------------------------------------------------------------------


def check_one_open_per_order(view: View) -> None:
    orders = [t.order_id for t in view.tickets.values() if t.status in OPEN]
    assert len(orders) == len(set(orders)), "two open disputes of one order"


def check_deadlines_move_by_rule(before: View, view: View, *, swept: bool) -> None:
    """The promise never pauses, moves or vanishes; nothing fires early, twice or by itself."""
    for pk, deadline in view.deadlines.items():
        was = before.deadlines.get(pk)
        ticket = view.tickets[deadline.ticket_id]
        if was is not None:
            assert deadline.started_at == was.started_at
            if was.state in ENDED:
                assert image({0: was}) == image({0: deadline}), f"{deadline.kind} ended twice"
                continue
        state_was = was.state if was is not None else "pending"
        if deadline.state == "fired":
            assert swept, f"{deadline.kind} fired without a sweep"
            # One that stood still may have gone on, and be due, within this round.
            went_on = any(e.kind == "clock_resumed" for e in view.new_of(ticket))
            assert state_was == "pending" or went_on, f"{deadline.kind} fired out of {state_was}"
            assert deadline.fired_at == view.now
            assert deadline.due_at <= view.now
            check_firing_is_told(view, deadline)
        if deadline.kind in PROMISE:
            assert was is None or was.due_at == deadline.due_at, "the promise moved"
            assert deadline.state != "paused", "the promise stands still"
        if deadline.kind in (*PROMISE, "referral"):
            check_promise_ends_by_rule(deadline, ticket)
        if deadline.kind == "referral" and was is not None:
            assert deadline.due_at >= was.due_at


def check_firing_is_told(view: View, deadline: Deadline) -> None:
    told = [e for e in view.news if e.kind == "deadline_fired" and e.deadline_id == deadline.pk]
    assert len(told) == 1, f"{deadline.kind} fired {len(told)} times"
    assert deadline.fired_at is not None
    late = deadline.fired_at - deadline.due_at
    assert told[0].data["late_ms"] == late // timedelta(milliseconds=1)


def check_promise_ends_by_rule(deadline: Deadline, ticket: Ticket) -> None:
    """Kept by credit or money; given up by withdrawal or by an outcome that is neither."""
    if deadline.cycle != ticket.cycle:
        return
    if deadline.state == "cancelled":
        assert ticket.status not in OPEN, f"{deadline.kind} of an open dispute was cancelled"
        assert ticket.outcome not in KEEPING
    if deadline.state == "met" and ticket.status not in OPEN:
        assert ticket.outcome in KEEPING, f"{ticket.outcome} keeps no promise"


def check_pauses(view: View) -> None:
    """Only internal clocks pause, with a reason, while we wait for the customer (design 2.4)."""
    open_ = [pause for pause in view.pauses if pause.to_at is None]
    paused = {pk for pk, d in view.deadlines.items() if d.state == "paused"}
    assert {pause.deadline_id for pause in open_} == paused
    assert len(open_) == len(paused)
    for pk in paused:
        deadline = view.deadlines[pk]
        assert deadline.kind in PAUSABLE
        assert view.tickets[deadline.ticket_id].status == "waiting_customer"
    assert all(pause.reason for pause in view.pauses)


def check_breaches(view: View) -> None:
    """Exactly one breach for each missed deadline that is a promise, judged from facts."""
    ended_paused = {(p.deadline_id, p.to_at) for p in view.pauses}
    missed = set()
    for deadline in view.deadlines.values():
        if deadline.kind not in BREACHING:
            continue
        ended_at = deadline.met_at or deadline.cancelled_at
        late = ended_at is not None and ended_at > deadline.due_at
        if deadline.state == "fired" or (late and (deadline.pk, ended_at) not in ended_paused):
            missed.add(deadline.pk)
    written = list(Breach.objects.values_list("deadline_id", flat=True))
    assert sorted(written) == sorted(missed)


def check_nothing_is_set_aside(view: View, *, swept: bool) -> None:
    """No handler raised: neither in the sweep nor over what orders reports."""
    assert not [d for d in view.deadlines.values() if d.quarantined_at is not None]
    assert not OrderEvent.objects.filter(attempts__gt=0).exists()
    if swept:
        due = [d for d in view.deadlines.values() if d.state == "pending" and d.due_at <= view.now]
        assert not due, f"the sweep left {due[0].kind}"


def check_watchdog() -> None:
    """The reconcilers have nothing to say either (design 7)."""
    assert not tickets_without_clock().exists()
    assert not count_fired_without_event(NEVER)
    assert not count_paused_without_pause(NEVER)


# --- People and money -------------------------------------------------------------------------


def check_approvals(view: View) -> None:
    """Four eyes; one question at a time, about an open dispute, with the money kept ready."""
    waiting: dict[int, Approval] = {}
    for approval in view.approvals.values():
        if approval.state in ("approved", "declined"):
            assert approval.decided_by.startswith("staff:")
            assert approval.decided_by != approval.requested_by
        if approval.state == "pending":
            assert approval.ticket_id not in waiting
            waiting[approval.ticket_id] = approval
            assert f"staff:{approval.asked_of_id}" != approval.requested_by
    for ticket in view.tickets.values():
        held = [r for r in live_of(view, ticket) if r.held]
        asked = waiting.get(ticket.pk)
        assert asked is None or ticket.status in OPEN
        assert asked is None or asked.cycle == ticket.cycle
        assert bool(held) == (asked is not None and asked.action == "refund")
        if held and asked is not None:
            assert asked.arguments["amount_fen"] == sum(r.amount_fen for r in held)


def check_money(view: View, bank: Bank) -> None:
    """refunded + reserved <= paid; the ledger says the same and sums to zero; one live refund
    per intent; its number is its business identity; the bank paid each once (design 2.3)."""
    reserved: dict[int, int] = defaultdict(int)
    refunded: dict[int, int] = defaultdict(int)
    moved: dict[int, int] = defaultdict(int)
    intents, by_hand = set(), set(HandSettlement.objects.values_list("refund_id", flat=True))
    for refund in view.refunds.values():
        intent = (refund.origin, refund.purpose, refund.cycle, refund.payment_id)
        payment = view.payments[refund.payment_id]
        assert refund.refund_no == refund_number(
            origin=refund.origin,
            purpose=refund.purpose,
            cycle=refund.cycle,
            payment_uuid=str(payment.uuid),
            generation=refund.generation,
        )
        if refund.state in HOLDING:
            assert intent not in intents, "two live refunds of one intent"
            intents.add(intent)
            reserved[payment.pk] += refund.amount_fen
        paid = bank.paid.get(refund.refund_no, 0)
        moved[payment.pk] += paid
        if refund.state == "succeeded":
            refunded[payment.pk] += refund.paid_fen or 0
            assert paid or refund.pk in by_hand, "booked, and the bank paid nothing"
        if refund.state == "rejected":
            assert not paid, "the bank paid what counts as refused"
    for pk, payment in view.payments.items():
        assert (payment.reserved_fen, payment.refunded_fen) == (reserved[pk], refunded[pk])
        assert payment.refunded_fen + payment.reserved_fen <= payment.amount_fen
        assert moved[pk] <= payment.amount_fen, "the bank paid back more than came in"
    for balance in view.journals.values():
        assert balance == 0, "a journal does not sum to zero"


def check_refunds_move_by_rule(before: View, view: View) -> None:
    """A number keeps its amount once sent; the desk alone gives no more than it may."""
    for pk, refund in view.refunds.items():
        was = before.refunds.get(pk)
        if was is None:
            continue
        assert refund.refund_no == was.refund_no
        if was.attempts and was.state in HOLDING:
            assert refund.amount_fen == was.amount_fen, "another amount under the same number"
        if was.state == "succeeded":
            assert refund.state == "succeeded", "money that moved was unsaid"
    sent: dict[str, int] = defaultdict(int)
    for pk, refund in view.refunds.items():
        was = before.refunds.get(pk)
        fresh = was is None or was.state == "rejected"
        if fresh and refund.state in HOLDING and not refund.held and refund.generation == 1:
            sent[str(refund.origin)] += refund.amount_fen
    for origin, amount_fen in sent.items():
        (ticket,) = [t for t in view.tickets.values() if str(t.uuid) == origin]
        limit_fen = ticket.policy["auto_refund_limit_fen"]
        assert amount_fen <= limit_fen, "above the limit, and nobody was asked"
        checks = FactCheck.objects.filter(ticket=ticket, cycle=ticket.cycle, decided_at=view.now)
        for check in checks.filter(decision="refunded"):
            # What may not be refunded alone (design 4): proven, or answered to the contrary.
            assert not view.standings[ticket.order_id].is_delivered
            assert not [a for a in check.answers if a.get("voucher_no")]


def check_remedies(view: View) -> None:
    """Money on its way is a remedy under way; nothing of it is forgotten by its ticket."""
    for ticket in view.tickets.values():
        if any(not refund.held for refund in live_of(view, ticket)):
            assert ticket.status == "remedy_pending", f"{ticket.status} with a live refund"


def check_database() -> None:
    """What a commit would have found: foreign keys, and on PostgreSQL every deferred trigger;
    and the ledger as a whole, to the fen."""
    connection.check_constraints()
    assert list(find_differences()) == []
    assert not LedgerEntry.objects.aggregate(sum=Sum("amount_fen"))["sum"]
