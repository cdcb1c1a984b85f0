"""What the deciding dialogs ask for, filled in ahead with what is most likely meant."""

from decimal import Decimal
from functools import cached_property
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop
from unfold.widgets import UnfoldAdminDecimalFieldWidget, UnfoldAdminSelectWidget

from orders.admin.cells import yuan
from orders.admin.dialogs import DialogForm, line_field, text_field
from orders.entitlement import Standing, get_standing
from orders.refunds import yuan as plain_yuan
from tickets.admin.handling_forms import TO_CUSTOMER, TicketForm, WordsForm
from tickets.models import Approval, Ticket
from tickets.policy_reader import read_policy
from tickets.transitions.handling import TEXT_LIMIT


class RemedyForm(TicketForm):
    """A refund or a redelivery: the reason is kept with it, the text goes to the customer."""

    reason = line_field(gettext_lazy("Reason"), limit=200)
    text = text_field(
        gettext_lazy("Message text"), limit=TEXT_LIMIT, help_text=TO_CUSTOMER, required=False
    )

    @cached_property
    def standing(self) -> Standing:
        return get_standing(self.ticket.order)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.is_bound:
            ticket = self.ticket
            reason = f"{ticket.get_category_display()} · {ticket.get_cause_display()}"
            self.initial["reason"] = reason
            self.suggest()

    def suggest(self) -> None:
        self.initial["text"] = self.say(gettext_noop("We are delivering your order once more."))


class RefundForm(RemedyForm):
    amount = forms.DecimalField(
        label=gettext_lazy("Amount (yuan)"),
        min_value=Decimal("0.01"),
        max_digits=12,
        decimal_places=2,
        widget=UnfoldAdminDecimalFieldWidget(attrs={"inputmode": "decimal", "step": "0.01"}),
    )
    field_order = ["amount", "reason", "text"]

    def suggest(self) -> None:
        fen = self.standing.owed_fen or self.standing.refundable_fen
        self.initial["amount"] = Decimal(fen).scaleb(-2)
        self.initial["text"] = self.say(
            gettext_noop("We are refunding %(amount)s to the account you paid from."),
            amount=yuan(fen),
        )

    def note(self) -> str:
        standing, limit = self.standing, read_policy(self.ticket.policy).auto_refund_limit_fen
        owed = _("Paid %(paid)s, owed %(owed)s.") % {
            "paid": yuan(standing.paid_fen),
            "owed": yuan(standing.owed_fen),
        }
        above = _("Above %(limit)s a supervisor decides.") % {"limit": yuan(limit)}
        return f"{owed} {above}"

    def clean_amount(self) -> int:
        """Integer fen, exactly."""
        return int(self.cleaned_data["amount"] * 100)


class ResolveForm(WordsForm):
    outcome = forms.ChoiceField(
        label=gettext_lazy("Outcome"),
        choices=[c for c in Ticket.Outcome.choices if c[0] not in ("withdrawn", "refused")],
        widget=UnfoldAdminSelectWidget,
    )
    text = text_field(gettext_lazy("Message text"), limit=TEXT_LIMIT, help_text=TO_CUSTOMER)
    field_order = ["outcome", "macro", "text"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        standing = get_standing(self.ticket.order)
        if self.is_bound or standing.owed_fen or not standing.paid_fen:
            return
        words = {
            Ticket.Outcome.REFUNDED: gettext_noop(
                "All that was owed has been refunded to the account you paid from."
            ),
            Ticket.Outcome.DELIVERED: gettext_noop(
                "The supplier has proven the delivery. If nothing arrived, reopen this dispute."
            ),
        }
        outcome = Ticket.Outcome.REFUNDED if standing.refunded_fen else Ticket.Outcome.DELIVERED
        self.initial |= {"outcome": outcome, "text": self.say(words[outcome])}

    def note(self) -> str:
        owed = get_standing(self.ticket.order).owed_fen
        if not owed:
            return ""
        return _("%(owed)s are still owed: most outcomes need a supervisor's decision.") % {
            "owed": yuan(owed)
        }


class RefuseForm(WordsForm):
    reason = line_field(
        gettext_lazy("Reason"), limit=500, help_text=gettext_lazy("For the supervisor who decides.")
    )
    field_order = ["reason", "macro", "text"]
    text = text_field(gettext_lazy("Message text"), limit=TEXT_LIMIT, help_text=TO_CUSTOMER)


class ReopenForm(TicketForm):
    reason = text_field(gettext_lazy("Reason"), limit=500, help_text=TO_CUSTOMER)


class DecideForm(DialogForm):
    """A decision, about exactly the question that was shown."""

    approval = forms.IntegerField(widget=forms.HiddenInput, required=False)
    reason = text_field(gettext_lazy("Reason"), limit=500)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.asked is not None:
            self.initial["approval"] = self.asked.pk

    @cached_property
    def asked(self) -> Approval | None:
        """The question that waits about the ticket in the address."""
        waiting = Approval.objects.select_related("ticket__order")
        return waiting.filter(ticket=self.pk, state=Approval.State.PENDING).first()

    def note(self) -> str:
        if self.asked is None:
            return _("No decision about this dispute is waiting.")
        return describe_question(self.asked)


class ListedDecideForm(DecideForm):
    """Opened from the list of approvals: the address names the question itself."""

    @cached_property
    def asked(self) -> Approval | None:
        waiting = Approval.objects.select_related("ticket__order")
        return waiting.filter(pk=self.pk, state=Approval.State.PENDING).first()

    def note(self) -> str:
        number = f"{self.asked.ticket.number}\n" if self.asked is not None else ""
        return number + super().note()


def describe_question(approval: Approval) -> str:
    """This function will say what will be done when the answer is yes, and why it is asked."""
    arguments = approval.arguments
    parts = [str(approval.get_action_display())]
    amount_fen = arguments.get("amount_fen")
    # The reason of a refund begins with its amount.
    if amount_fen and plain_yuan(amount_fen) not in approval.reason:
        parts.append(yuan(amount_fen))
    outcome = arguments.get("outcome")
    if outcome and approval.action != Approval.Action.REFUSE:
        parts.append(str(Ticket.Outcome(outcome).label))
    question = _("%(what)s: %(why)s") % {"what": " · ".join(parts), "why": approval.reason}
    if text := arguments.get("text"):
        question += "\n" + _("To the customer: %(text)s") % {"text": text}
    return question
