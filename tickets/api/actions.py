"""POST /tickets/{number}/actions/{verb}: one domain call each, the ticket as the answer."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from helpdesk import clock
from orders.api.keys import Need
from orders.api.problems import Problem
from orders.models import ApiKey
from orders.payload import field_error
from orders.strict import StrictSerializer
from tickets import outages, remedies, transitions
from tickets.actors import Actor
from tickets.api import asked
from tickets.api.access import CaseView, acting_in, get_ticket, refusing_haste
from tickets.api.shown import TicketShown
from tickets.api.tickets import NUMBER, show_ticket
from tickets.models import Ticket
from tickets.views.guard import verify

Said = dict[str, Any]
Act = Callable[[Ticket, Said, Actor, datetime], object]


@dataclass(frozen=True)
class Verb:
    asked: type[StrictSerializer]
    act: Act
    about: str


def assign(ticket: Ticket, said: Said, actor: Actor, now: datetime) -> None:
    assignee = User.objects.filter(username=said["assignee"]).first()
    if assignee is None:
        raise field_error("assignee", _("Nobody signs in with this name."), "no_such_person")
    transitions.assign_ticket(ticket_id=ticket.pk, assignee=assignee, actor=actor, now=now)


def require_last4(ticket: Ticket, said: Said, actor: Actor, now: datetime) -> None:
    if actor.role != "customer":
        return
    if not said.get("account_last4"):
        raise field_error("account_last4", _("This field is required."), "required")
    with refusing_haste():
        is_theirs = verify(ticket, said["account_last4"], now=now)
    if not is_theirs:
        raise Problem(
            403,
            _("These are not the last four characters of the account or contact."),
            "wrong_last4",
            field="account_last4",
        )


def correct_account(ticket: Ticket, said: Said, actor: Actor, now: datetime) -> None:
    require_last4(ticket, said, actor, now)
    remedies.correct_account(
        ticket_id=ticket.pk, target_account=said["target_account"], actor=actor, now=now
    )


def withdraw(ticket: Ticket, said: Said, actor: Actor, now: datetime) -> None:
    """The link alone is not enough to end a claim: whoever forwards it must not lose it."""
    require_last4(ticket, said, actor, now)
    transitions.withdraw(ticket_id=ticket.pk, reason=said["reason"], actor=actor, now=now)


def passing_on(verb: Callable[..., object]) -> Act:
    """For verbs whose body has the names of the function's arguments."""

    def act(ticket: Ticket, said: Said, actor: Actor, now: datetime) -> None:
        verb(ticket_id=ticket.pk, actor=actor, now=now, **said)

    return act


def with_files(verb: Callable[..., object]) -> Act:
    def act(ticket: Ticket, said: Said, actor: Actor, now: datetime) -> None:
        verb(ticket_id=ticket.pk, evidence_ids=said["evidence"], actor=actor, now=now)

    return act


def refund(ticket: Ticket, said: Said, actor: Actor, now: datetime) -> None:
    words = {"amount_fen": None, **said}
    remedies.refund(ticket_id=ticket.pk, actor=actor, now=now, **words)


def approve(ticket: Ticket, said: Said, actor: Actor, now: datetime) -> None:
    transitions.approve(
        ticket_id=ticket.pk,
        decision=said["decision"] == "yes",
        reason=said["reason"],
        actor=actor,
        now=now,
    )


VERBS = {
    "assign": Verb(asked.AssignAsked, assign, "Give the dispute an owner; a new one starts."),
    "reply": Verb(
        asked.ReplyAsked,
        passing_on(transitions.reply),
        "Write to the other side; a customer's answer ends our waiting.",
    ),
    "request-evidence": Verb(
        asked.RequestEvidenceAsked,
        passing_on(transitions.request_evidence),
        "Ask the customer for proof; internal clocks pause, the promise does not.",
    ),
    "add-evidence": Verb(
        asked.EvidenceAsked, with_files(transitions.add_evidence), "Attach uploaded files."
    ),
    "accept-evidence": Verb(
        asked.EvidenceAsked,
        with_files(transitions.accept_evidence),
        "Say that files were looked at and found good; moves no clock.",
    ),
    "nudge": Verb(asked.NothingAsked, passing_on(transitions.nudge), "The customer reminds us."),
    "escalate": Verb(
        asked.ReasonAsked, passing_on(transitions.escalate), "Pass the dispute to a supervisor."
    ),
    "link-outage": Verb(
        asked.LinkOutageAsked,
        passing_on(outages.link_outage),
        "Put the dispute to an outage; one the public knows of starts the promise.",
    ),
    "redeliver": Verb(
        asked.RedeliverAsked,
        passing_on(remedies.redeliver),
        "Deliver again; refused while an earlier attempt may still arrive.",
    ),
    "correct-account": Verb(
        asked.CorrectAccountAsked,
        correct_account,
        "Correct a mistyped account while the order is unsent.",
    ),
    "refund": Verb(
        asked.RefundAsked, refund, "Give money back, or ask a supervisor above the limit."
    ),
    "merge": Verb(
        asked.MergeAsked,
        passing_on(transitions.merge),
        "End as a duplicate of another dispute, which keeps the earlier of every clock.",
    ),
    "resolve": Verb(
        asked.ResolveAsked,
        passing_on(transitions.resolve),
        "End with an outcome, or ask a supervisor where money stays owed.",
    ),
    "refuse": Verb(
        asked.RefuseAsked, passing_on(transitions.refuse), "Ask a supervisor to refuse the claim."
    ),
    "approve": Verb(
        asked.ApproveAsked, approve, "Decide what was asked; never one's own question."
    ),
    "reopen": Verb(
        asked.ReasonAsked, passing_on(transitions.reopen), "Begin again; the customer once."
    ),
    "withdraw": Verb(asked.WithdrawAsked, withdraw, "The customer gives the claim up."),
    "rate": Verb(asked.RateAsked, passing_on(transitions.rate), "The customer's opinion."),
}


class ActionView(CaseView):
    """One verb; `make_view` fills in which."""

    needs = {"POST": Need((ApiKey.Scope.TICKETS,), "tickets.view_ticket")}
    verb: Verb

    def post(self, request: Request, number: str) -> Response:
        now = clock.now()
        ticket = get_ticket(request, number)
        actor = acting_in(request, ticket, now=now)
        words = self.verb.asked(data=request.data)
        words.is_valid(raise_exception=True)
        self.verb.act(ticket, dict(words.validated_data), actor, now)
        return Response(show_ticket(ticket, request))


def make_view(name: str, verb: Verb) -> type[ActionView]:
    """This function will make the view of one verb, with a schema of its own."""
    operation = extend_schema(
        operation_id=f"tickets_{name.replace('-', '_')}",
        description=verb.about,
        parameters=[NUMBER],
        request=verb.asked,
        responses=TicketShown,
    )

    class OneVerb(ActionView):
        @operation
        def post(self, request: Request, number: str) -> Response:
            return super().post(request, number)

    OneVerb.verb = verb
    OneVerb.__name__ = OneVerb.__qualname__ = f"Action{name.title().replace('-', '')}"
    return OneVerb


class NoSuchVerb(CaseView):
    @extend_schema(exclude=True)
    def post(self, request: Request, number: str, verb: str) -> Response:
        raise NotFound(
            _("There is no verb “%(verb)s”; there are %(known)s.")
            % {"verb": verb[:40], "known": ", ".join(VERBS)},
            code="no_such_verb",
        )
