"""Reviewing missed deadlines: what happened, whose fault, what changes, signed by another."""

from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from tickets.actors import Actor
from tickets.cases import NotAllowed, TransitionRefused
from tickets.models import Breach, Event

ACTION_LIMIT = 2000


class UnableToReview(TransitionRefused):
    """The breach was reviewed already, or the review says too little."""

    code = "unable_to_review"


def review_breach(
    *,
    breach_id: int,
    cause_code: str,
    responsible_party: str,
    corrective_action: str,
    reviewer: User,
    now: datetime,
) -> Breach:
    """This function will sign off one missed deadline.

    :raises NotAllowed: the reviewer is no supervisor, or handled the ticket before it was missed.
    :raises UnableToReview: reviewed before, or a field is missing or unknown.
    """
    action = check_review(cause_code, responsible_party, corrective_action)
    with transaction.atomic():
        breach = Breach.objects.select_for_update(of=("self",)).get(pk=breach_id)
        if breach.reviewed_at is not None:
            raise UnableToReview(_("This missed deadline has been reviewed already."))
        check_reviewer(breach, reviewer)
        breach.cause_code, breach.responsible_party = cause_code, responsible_party
        breach.corrective_action = action
        breach.reviewed_by, breach.reviewed_at = reviewer, now
        breach.save(
            update_fields=[
                "cause_code",
                "responsible_party",
                "corrective_action",
                "reviewed_by",
                "reviewed_at",
            ]
        )
    return breach


def check_review(cause_code: str, responsible_party: str, corrective_action: str) -> str:
    if cause_code not in Breach.CauseCode.values:
        raise UnableToReview(
            _("cause_code: choose from %(codes)s.") % {"codes": ", ".join(Breach.CauseCode.values)}
        )
    if responsible_party not in Breach.Party.values:
        raise UnableToReview(
            _("responsible_party: choose from %(parties)s.")
            % {"parties": ", ".join(Breach.Party.values)}
        )
    action = corrective_action.strip()
    if not 1 <= len(action) <= ACTION_LIMIT:
        raise UnableToReview(
            _("corrective_action: 1 to %(limit)s characters.") % {"limit": ACTION_LIMIT}
        )
    return action


def check_reviewer(breach: Breach, reviewer: User) -> None:
    if not reviewer.has_perm("tickets.supervise_ticket"):
        raise NotAllowed(_("Only a supervisor may review a missed deadline."))
    label = Actor.of(reviewer).label
    handled = Event.objects.filter(
        ticket_id=breach.ticket_id, actor=label, at__lte=breach.detected_at
    )
    if handled.exists() or breach.ticket.assignee_id == reviewer.pk:
        raise NotAllowed(
            _("You handled this dispute: somebody else has to review it."), code="handler"
        )
