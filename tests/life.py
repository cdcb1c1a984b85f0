"""A desk to which anything may happen: people, shop, supplier, channel and time, each a method
that chooses at random what it does next. `choose` is the one source of luck.

People act by the product's own verbs; answers of channel and supplier go in where an adapter
would bring them (as in tests/stories.py). The bank keeps its own book: what it paid, it paid.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User

from orders.by_hand import approve_settlement, settle_by_hand
from orders.channels.base import ChannelAnswer, Outcome
from orders.deliveries import claim_top_up, settle_top_up
from orders.facts import OrderFacts, PaymentFacts
from orders.intake import put_order
from orders.models import Order, OrderEvent, Refund, RefundCall, TopUp
from orders.refusals import Refused
from orders.settlement import claim_refund, settle_notify, settle_refund
from orders.suppliers.base import SupplierAnswer, SupplierState
from orders.topups import record_delivery
from tests.invariants import OPEN, Audit, Bank
from tests.stories import (
    CUSTOMER,
    HOUR,
    MINUTE,
    Desk,
    acting,
    make_dispute,
    make_evidence,
    make_order,
    make_top_up,
    set_policy,
    staff,
)
from tickets.fact_checks import claim_fact_check, conclude_fact_check
from tickets.intake import open_ticket
from tickets.models import Deadline, FactCheck, Ticket
from tickets.notices import send_due_notices
from tickets.order_events import consume_order_event
from tickets.remedies import correct_account, redeliver, refund
from tickets.sweep import sweep
from tickets.transitions import (
    accept_evidence,
    add_evidence,
    approve,
    assign_ticket,
    escalate,
    nudge,
    rate,
    refuse,
    reopen,
    reply,
    request_evidence,
    resolve,
    withdraw,
)

#: From which statuses a verb may succeed at all (docs/states.md); what is not here: while open.
MAY_COME_FROM: dict[str, tuple[str, ...]] = {
    "request_evidence": ("new", "in_progress"),
    "withdraw": ("new", "in_progress", "waiting_customer"),
    "reopen": ("resolved", "closed"),
    "rate": ("resolved", "closed", "withdrawn"),
    "note": (*OPEN, "resolved", "closed", "withdrawn"),
    "accept_evidence": (*OPEN, "resolved", "closed", "withdrawn"),
}
#: Who may: what is not here, everybody.
MAY_BE_DONE_BY: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(["nudge", "withdraw", "rate"], ("customer",)),
    **dict.fromkeys(
        ["assign", "note", "request_evidence", "accept_evidence", "refund", "redeliver"],
        ("agent", "supervisor"),
    ),
    **dict.fromkeys(["resolve", "refuse"], ("agent", "supervisor")),
    "approve": ("supervisor",),
    "reopen": ("customer", "supervisor"),
}
#: What people do with a case as it stands; somebody also tries what makes no sense.
FITTING_STAFF: dict[str, tuple[str, ...]] = {
    "new": ("reply", "assign", "request_evidence", "refund", "redeliver", "escalate", "resolve"),
    "in_progress": (
        *("request_evidence", "refund", "refund", "redeliver", "redeliver", "resolve", "refuse"),
        *("escalate", "reply", "accept_evidence"),
    ),
    "waiting_customer": ("refund", "escalate", "resolve", "redeliver", "refuse", "reply"),
    "remedy_pending": ("reply", "escalate", "resolve", "refund", "refuse", "redeliver"),
    "resolved": ("reopen", "note"),
    "closed": ("reopen", "reopen", "note"),
}
FITTING_CUSTOMER: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(
        OPEN, ("add_evidence", "add_evidence", "reply", "nudge", "escalate", "withdraw")
    ),
    "resolved": ("reopen", "reopen", "rate"),
}
KINDS = ("payment_screenshot", "account_screenshot", "chat_log")
OUTCOMES = ("delivered", "refunded", "compensated", "corrected", "refused", "duplicate")
SUPPLIER_SAYS = ("pending", "voucher", "voucher", "bare", "part", "failed", "failed", "unknown")
BANK_DOES = (
    *("pays", "pays", "pays", "takes_in", "refuses", "refuses_for_now", "closes"),
    *("pays_unheard", "loses_it", "pays_later_unheard", "cannot_say"),
)


def note(**how: Any) -> Ticket:
    return reply(internal=True, **how)


VERBS: dict[str, Callable[..., Any]] = {
    "reply": reply,
    "note": note,
    "assign": assign_ticket,
    "request_evidence": request_evidence,
    "add_evidence": add_evidence,
    "accept_evidence": accept_evidence,
    "nudge": nudge,
    "escalate": escalate,
    "refund": refund,
    "redeliver": redeliver,
    "resolve": resolve,
    "refuse": refuse,
    "approve": approve,
    "withdraw": withdraw,
    "reopen": reopen,
    "rate": rate,
    "correct_account": correct_account,
}


class Life:
    """One desk with a few orders, from an opening to wherever its steps lead."""

    def __init__(self, people: dict[str, User], reached: Counter[str]) -> None:
        self.people, self.reached = people, reached
        self.bank, self.desk = Bank(), Desk(people)
        #: Refunds the bank has read and not yet paid, and requests it has not yet read.
        self.taken_in: set[str] = set()
        self.on_its_way: dict[str, int] = {}
        self.audit = Audit(self.bank)
        self.orders: list[Order] = []

    def choose(self, what: str, *values: Any) -> Any:
        raise NotImplementedError

    @property
    def now(self) -> datetime:
        return self.desk.now

    @property
    def tickets(self) -> list[Ticket]:
        return list(self.audit.view.tickets.values())

    def look(self, **how: bool) -> None:
        view = self.audit.look(now=self.now, **how)
        for ticket in view.tickets.values():
            self.reached.update([ticket.status, ticket.level, ticket.outcome or "no outcome"])
        self.reached.update(event.kind for event in view.news)

    @contextmanager
    def refusable(self) -> Iterator[None]:
        """Done, or refused without a trace."""
        try:
            yield
        except Refused:
            self.look(refused=True)
        else:
            self.look()

    # --- What may happen next ---

    def happenings(self) -> list[Callable[[], None]]:
        """What is possible now, the likelier the more often."""
        news = OrderEvent.objects.filter(consumed_at=None).exists()
        checks = FactCheck.objects.filter(decided_at=None).exists()
        refunds = Refund.objects.values_list("state", "next_attempt_at")
        in_flight = any(at is not None for _state, at in refunds)
        manual = any(state == "manual" for state, _at in refunds)
        often = {
            self.staff_acts: 5,
            self.customer_acts: 2,
            self.anybody_tries_anything: 1,
            self.somebody_disputes: 1,
            self.somebody_buys: len(self.orders) < 2,
            self.supplier_answers: 2 if TopUp.objects.exists() else 0,
            self.shop_reports: 1,
            self.operator_reports: 1,
            self.news_is_read: 4 if news else 0,
            self.worker_asks_the_bank: 6 if in_flight else 0,
            self.bank_reads_a_late_request: 1 if self.on_its_way else 0,
            self.bank_notifies: 1 if self.bank.paid else 0,
            self.people_settle_by_hand: 2 if manual else 0,
            self.timers_fire: 3,
            self.time_passes: 1,
            self.facts_are_asked: 5 if checks else 0,
            self.policy_is_edited: 1,
        }
        return [happening for happening, weight in often.items() for _time in range(weight)]

    # --- Beginnings ---

    def begin(self) -> None:
        staff(self.choose("hours", "9-24", "9-18"))
        set_policy(rehearsal=self.choose("rehearsal", False, False, False, True))
        how = ("sent", "sent", "failed", "failed", "dear", "twice", "moving", "voucher")
        self.buy(self.choose("order", *how))
        proof = self.choose("proof", (), ("payment_screenshot",), ("payment_screenshot",))
        self.dispute(self.orders[0], "non_arrival", proof, self.now)

    def somebody_buys(self) -> None:
        self.buy(self.choose("order", "sent", "failed", "unsent", "dear", "twice", "unpaid"))

    def buy(self, how: str) -> None:
        fields: dict[str, Any] = {"supplier": "sandbox", "facts_as_of": self.now}
        fields |= {
            "failed": {"status": "failed"},
            "unsent": {"status": "paid"},
            "dear": {"price_fen": 60_000, "face_value_fen": 60_000},
            "twice": {"paid": [9800, 9800]},
            "unpaid": {"paid": []},
        }.get(how, {})
        order = make_order(created_at=self.now - HOUR, **fields)
        if how == "moving":
            make_top_up(order, "pending", next_attempt_at=self.now, supplier="sandbox")
        if how == "voucher":
            Order.objects.filter(pk=order.pk).update(status="delivered")
            make_top_up(order, voucher_no="V1", supplier="sandbox", settled_at=order.created_at)
        self.orders.append(order)
        self.look()

    def somebody_disputes(self) -> None:
        category = self.choose("category", "non_arrival", "wrong_amount", "card_code")
        proof = [self.choose("proof", *KINDS) for _file in range(self.choose("files", 0, 1, 2))]
        received_at = self.now - self.choose("minutes ago", 0, 10, 3000) * MINUTE
        self.dispute(self.some_order(), category, proof, received_at)

    def dispute(
        self, order: Order, category: str, proof: Sequence[str], received_at: datetime
    ) -> None:
        files = [make_evidence(kind, received_at=received_at) for kind in proof]
        with self.refusable():
            dispute = make_dispute(*files, category=category)
            opened = open_ticket(order=order, dispute=dispute, actor=CUSTOMER, now=self.now)
            self.reached["opened a second time"] += not opened.created

    def some_order(self) -> Order:
        return Order.objects.get(pk=self.choose("order", *(order.pk for order in self.orders)))

    # --- What people do ---

    def staff_acts(self) -> None:
        ticket = self.some_ticket()
        verbs = FITTING_STAFF.get(ticket.status, ("note",))
        approvals = self.audit.view.approvals.values()
        if any(a.ticket_id == ticket.pk and a.state == "pending" for a in approvals):
            verbs = (*verbs, *["approve"] * 5)
        self.attempt(self.choose("verb", *verbs), self.choose("who", "lin", "wang", "zhao"), ticket)

    def customer_acts(self) -> None:
        ticket = self.some_ticket()
        verbs = FITTING_CUSTOMER.get(ticket.status, ("rate",))
        self.attempt(self.choose("verb", *verbs), "customer", ticket)

    def anybody_tries_anything(self) -> None:
        who, verb = self.choose("who", "customer", "lin", "wang"), self.choose("verb", *VERBS)
        self.attempt(verb, who, self.some_ticket())

    def some_ticket(self) -> Ticket:
        return self.audit.view.tickets[self.choose("ticket", *(t.pk for t in self.tickets))]

    def attempt(self, verb: str, who: str, ticket: Ticket) -> None:
        actor = CUSTOMER if who == "customer" else acting(self.people[who])
        how = self.arguments(verb, ticket)
        with self.refusable():
            VERBS[verb](ticket_id=ticket.pk, actor=actor, now=self.now, **how)
            assert ticket.status in MAY_COME_FROM.get(verb, OPEN), f"{verb} from {ticket.status}"
            assert actor.role in MAY_BE_DONE_BY.get(verb, (actor.role,)), f"{verb} by {actor.role}"
            self.reached[f"verb {verb}"] += 1

    def arguments(self, verb: str, ticket: Ticket) -> dict[str, Any]:
        match verb:
            case "reply" | "note":
                return {"text": "Any news?"}
            case "assign":
                return {"assignee": self.people[self.choose("to", "lin", "wang")]}
            case "request_evidence":
                return {"kinds": ["payment_screenshot"], "text": "A picture, please."}
            case "add_evidence":
                received_at = self.now - self.choose("minutes ago", 0, 5, 2000) * MINUTE
                file = make_evidence(self.choose("kind", *KINDS), received_at=received_at)
                return {"evidence_ids": [file.pk]}
            case "accept_evidence":
                return {"evidence_ids": [file.pk for file in ticket.evidence.all()]}
            case "refund":
                amount_fen = self.choose("fen", None, None, None, 800, 9000, 50_001)
                return {"amount_fen": amount_fen, "reason": "No record.", "text": ""}
            case "redeliver":
                return {"reason": "It failed.", "text": ""}
            case "resolve":
                return {"outcome": self.choose("outcome", *OUTCOMES), "text": "So it is."}
            case "refuse":
                return {"reason": "Arrived.", "text": "It arrived."}
            case "approve":
                decision = self.choose("decision", True, True, True, False)
                return {"decision": decision, "reason": "Looked at it."}
            case "rate":
                return {"score": 2, "text": ""}
            case "correct_account":
                return {"target_account": "13900000000"}
            case "escalate" | "withdraw" | "reopen":
                return {"reason": "No answer."}
        return {}

    # --- What shop, operator and supplier report ---

    def shop_reports(self) -> None:
        order = self.some_order()
        status = self.choose("status", "failed", "failed", "delivered", "recharging")
        facts = facts_of(order, status=status, facts_as_of=self.now)
        with self.refusable():
            put_order(order_no=order.order_no, facts=facts, source="shop_api", now=self.now)

    def operator_reports(self) -> None:
        said = {"arrived": self.choose("arrived", True, False), "source": "operator"}
        order = self.some_order()
        record_delivery(order=order, voucher_no="", at=self.now, now=self.now, **said)
        self.look()

    def supplier_answers(self) -> None:
        """Not always the same: a success may be taken back, a failure be none."""
        attempts = TopUp.objects.order_by("-pk").values_list("pk", flat=True)
        top_up = TopUp.objects.get(pk=self.choose("attempt", *attempts))
        if top_up.state == TopUp.State.PLANNED:
            claim_top_up(top_up_id=top_up.pk, now=self.now)
        says = self.choose("supplier", *SUPPLIER_SAYS)
        state = {"voucher": "succeeded", "bare": "succeeded", "part": "partial"}.get(says, says)
        answer = SupplierAnswer(
            state=SupplierState(state),
            voucher_no="V7" if says in ("voucher", "part") else "",
            delivered_fen=3000 if says == "part" else None,
        )
        settle_top_up(top_up_id=top_up.pk, answer=answer, now=self.now)
        self.look()

    def news_is_read(self) -> None:
        """Whoever consumes it is right in any order."""
        oldest_first = self.choose("order", "pk", "pk", "-pk")
        waiting = OrderEvent.objects.filter(consumed_at=None, not_before__lte=self.now)
        ids = list(waiting.order_by(oldest_first).values_list("pk", flat=True))
        for event_id in ids[: self.choose("at most", 1, 2, 5, 5)]:
            consume_order_event(event_id=event_id, now=self.now)
            self.look()

    # --- What the bank does ---

    def worker_asks_the_bank(self) -> None:
        due = Refund.objects.exclude(next_attempt_at=None).order_by("pk")
        refund_id, due_at = self.choose("refund", *due.values_list("pk", "next_attempt_at"))
        if due_at > self.now:
            self.pass_time(due_at)
        claim = claim_refund(refund_id=refund_id, now=self.now)
        self.look()
        if claim is None:
            return
        does = self.choose("bank", *BANK_DOES)
        if claim.operation == RefundCall.Operation.REQUEST:
            answer = self.bank_is_sent(claim.refund_no, claim.amount_fen, does)
        else:
            answer = self.bank_is_asked(claim.refund_no, claim.amount_fen, does)
        settle_refund(claim=claim, answer=answer, now=self.now)
        self.look()

    def bank_is_sent(self, number: str, amount_fen: int, does: str) -> ChannelAnswer:
        if number in self.bank.paid:
            does = "pays_unheard" if does in ("pays_unheard", "loses_it") else "pays"
        if number in self.taken_in or number in self.on_its_way:
            does = {"refuses": "takes_in", "refuses_for_now": "takes_in"}.get(does, does)
        if does in ("pays", "pays_unheard"):
            self.bank.paid[number] = amount_fen
        elif does == "takes_in":
            self.taken_in.add(number)
            self.on_its_way.pop(number, None)
        elif does == "pays_later_unheard":
            self.on_its_way[number] = amount_fen
        elif does == "closes":
            self.on_its_way.pop(number, None)
            self.taken_in.discard(number)
        return {
            "pays": said("succeeded", amount_fen=amount_fen),
            "takes_in": said("accepted"),
            "refuses": said("rejected", code="NO"),
            "refuses_for_now": said("rejected", retryable=True, code="LATER"),
            "closes": said("rejected", needs_new_number=True, code="CLOSED"),
            "cannot_say": said("unknown", code="ASK_US"),
        }.get(does, said("unknown", retryable=True, code="TIMEOUT"))

    def bank_is_asked(self, number: str, amount_fen: int, does: str) -> ChannelAnswer:
        if does in ("pays_unheard", "loses_it", "pays_later_unheard"):
            return said("unknown", retryable=True, code="TIMEOUT")
        if does == "cannot_say":
            return said("unknown", code="ASK_US")
        if number in self.bank.paid:
            return said("succeeded", amount_fen=amount_fen)
        if number not in self.taken_in:
            return said("not_found", retryable=True)
        if does == "pays":
            self.bank.paid[number] = amount_fen
        elif does in ("refuses", "closes"):
            self.taken_in.discard(number)
        return {
            "pays": said("succeeded", amount_fen=amount_fen),
            "refuses": said("rejected", code="NO"),
            "closes": said("rejected", needs_new_number=True, code="CLOSED"),
        }.get(does, said("accepted"))

    def bank_reads_a_late_request(self) -> None:
        number, amount_fen = self.on_its_way.popitem()
        self.bank.paid.setdefault(number, amount_fen)
        self.look()

    def bank_notifies(self) -> None:
        """Of what it has done, however often."""
        number = self.choose("number", *self.bank.paid)
        answer = said("succeeded", amount_fen=self.bank.paid[number])
        settle_notify(refund_no=number, channel="shop", answer=answer, now=self.now)
        self.look()

    def people_settle_by_hand(self) -> None:
        """What the bank's statement shows: paid, or certainly not and never any more."""
        manual = Refund.objects.filter(state="manual").earliest("pk")
        paid = manual.refund_no in self.bank.paid
        self.on_its_way.pop(manual.refund_no, None)
        self.taken_in.discard(manual.refund_no)
        one, two = self.people["root"], self.people["toor"]
        proposed = settle_by_hand(
            refund_id=manual.pk, paid=paid, proof="statement 7", actor=one, now=self.now
        )
        approve_settlement(settlement_id=proposed.pk, decision=True, actor=two, now=self.now)
        self.look()

    # --- What time does ---

    def timers_fire(self) -> None:
        """Each at its own instant."""
        for _step in range(self.choose("rounds", 1, 2, 4)):
            pending = Deadline.objects.filter(state="pending").order_by("due_at")
            if (due_at := pending.values_list("due_at", flat=True).first()) is not None:
                self.pass_time(due_at)

    def time_passes(self) -> None:
        """Whatever fell due meanwhile fires late, in one go, or is not even looked at."""
        to = self.now + timedelta(hours=self.choose("hours", 0.1, 0.6, 3, 12, 23, 25, 50, 170))
        if self.choose("swept", True, False):
            self.pass_time(to)
        else:
            self.desk.now = to
            self.look()

    def pass_time(self, to: datetime) -> None:
        self.desk.now = max(to, self.now)
        sweep(now=self.now, driver="test")
        self.look(swept=True)

    def facts_are_asked(self) -> None:
        states = ("", "failed", "failed", "pending", "succeeded", "voucher", "silent")
        supplier = answer_of("supplier", self.choose("supplier", *states))
        channel = answer_of("channel", self.choose("channel", "", "paid", "not_found", "silent"))
        for check in FactCheck.objects.filter(decided_at=None, not_before__lte=self.now):
            assert claim_fact_check(check_id=check.pk, now=self.now) is not None
            answers = [answer for answer in (supplier, channel) if answer]
            conclude_fact_check(check_id=check.pk, answers=answers, now=self.now)
            self.look()
            check.refresh_from_db()
            self.reached[f"decided {check.decision}"] += 1

    def policy_is_edited(self) -> None:
        """And, now and then, letters go out."""
        limit_fen = self.choose("limit", 1, 50_000, 50_000)
        rehearsal = self.choose("rehearsal", True, False, False)
        set_policy(now=self.now, rehearsal=rehearsal, auto_refund_limit_fen=limit_fen)
        if self.choose("letters", True, False):
            send_due_notices(clock=self.desk.clock)
        self.look()


def said(outcome: str, **more: Any) -> ChannelAnswer:
    return ChannelAnswer(outcome=Outcome(outcome), **more)


def answer_of(source: str, state: str) -> dict[str, Any]:
    if not state:
        return {}
    if state == "silent":
        return {"source": source, "code": "sandbox", "answered": False}
    voucher = "V9" if state == "voucher" else ""
    state = "succeeded" if voucher else state
    return {
        "source": source,
        "code": "sandbox",
        "answered": True,
        "state": state,
        "voucher_no": voucher,
    }


def facts_of(order: Order, **changes: Any) -> OrderFacts:
    names = [name for name in OrderFacts.__dataclass_fields__ if name != "payments"]
    payments = tuple(
        PaymentFacts(
            channel=payment.channel,
            amount_fen=payment.amount_fen,
            status=payment.status,
            paid_at=payment.paid_at,
            channel_trade_no=payment.channel_trade_no,
        )
        for payment in order.payments.all()
    )
    return OrderFacts(payments=payments, **{name: getattr(order, name) for name in names} | changes)
