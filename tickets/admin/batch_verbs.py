"""What can be decided about a batch of refunds, and the dialogs that ask."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.enums import ActionVariant

from orders import batch_decisions
from orders.admin.cells import yuan
from orders.admin.dialogs import DialogForm, dialog_action, line_field
from orders.batches import REASON_LIMIT, RIGHT
from orders.models import RefundBatch
from tickets.admin.edge import now_of, user_of

State = RefundBatch.State


class ReasonForm(DialogForm):
    reason = line_field(gettext_lazy("Reason"), limit=REASON_LIMIT)


class DecideBatchForm(ReasonForm):
    """A decision about exactly the list that was shown."""

    digest = forms.CharField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        batch = RefundBatch.objects.filter(pk=self.pk).first()
        self.initial["digest"] = batch.digest if batch else ""
        self.batch = batch

    def note(self) -> str:
        if self.batch is None:
            return ""
        return _("%(count)d orders, together %(amount)s. Proposed because: %(reason)s") % {
            "count": self.batch.count,
            "amount": yuan(self.batch.amount_fen),
            "reason": self.batch.reason,
        }


class BatchVerbs:
    """Dialogs of a batch. Who proposed it is refused by the domain, not by a hidden button."""

    actions_detail = ("approve", "decline", "pause", "resume", "withdraw", "cancel")

    @dialog_action(
        name=gettext_lazy("Approve"),
        title=gettext_lazy("Approve these refunds"),
        description=gettext_lazy("They begin to go out at once, each channel at its own pace."),
        submit=gettext_lazy("Approve"),
        url_path="approve",
        permission="decide",
        form_class=DecideBatchForm,
        icon="check",
        variant=ActionVariant.PRIMARY,
    )
    def approve(self, request: HttpRequest, form: DialogForm, pk: int) -> str:
        decide(request, form, pk, decision=True)
        return _("Approved. The refunds are going out.")

    @dialog_action(
        name=gettext_lazy("Decline"),
        title=gettext_lazy("Decline these refunds"),
        submit=gettext_lazy("Decline"),
        url_path="decline",
        permission="decide",
        form_class=DecideBatchForm,
        icon="close",
    )
    def decline(self, request: HttpRequest, form: DialogForm, pk: int) -> str:
        decide(request, form, pk, decision=False)
        return _("Declined. Its orders are free for another batch.")

    @dialog_action(
        name=gettext_lazy("Pause"),
        title=gettext_lazy("Pause this batch"),
        description=gettext_lazy("What went out goes on; nothing new goes out."),
        submit=gettext_lazy("Pause"),
        url_path="pause",
        permission="pause",
        form_class=ReasonForm,
        icon="pause",
    )
    def pause(self, request: HttpRequest, form: DialogForm, pk: int) -> str:
        stop(batch_decisions.pause_batch, request, form, pk)
        return _("Paused.")

    @dialog_action(
        name=gettext_lazy("Resume"),
        title=gettext_lazy("Let this batch go on"),
        submit=gettext_lazy("Resume"),
        url_path="resume",
        permission="resume",
        form_class=ReasonForm,
        icon="play_arrow",
    )
    def resume(self, request: HttpRequest, form: DialogForm, pk: int) -> str:
        stop(batch_decisions.resume_batch, request, form, pk)
        return _("It goes on where it stopped.")

    @dialog_action(
        name=gettext_lazy("Withdraw"),
        title=gettext_lazy("Take this proposal back"),
        submit=gettext_lazy("Withdraw"),
        url_path="withdraw",
        permission="decide",
        form_class=ReasonForm,
        icon="undo",
    )
    def withdraw(self, request: HttpRequest, form: DialogForm, pk: int) -> str:
        stop(batch_decisions.withdraw_batch, request, form, pk)
        return _("Withdrawn.")

    @dialog_action(
        name=gettext_lazy("Cancel the rest"),
        title=gettext_lazy("Give up what has not gone out"),
        description=gettext_lazy("This cannot be undone; propose another batch instead."),
        submit=gettext_lazy("Cancel the rest"),
        url_path="cancel",
        permission="cancel",
        form_class=ReasonForm,
        icon="stop",
        variant=ActionVariant.DANGER,
    )
    def cancel(self, request: HttpRequest, form: DialogForm, pk: int) -> str:
        stop(batch_decisions.cancel_batch, request, form, pk)
        return _("Cancelled. What went out goes on.")

    def has_decide_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return may(request, object_id, State.PROPOSED)

    def has_pause_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return may(request, object_id, State.WORKING)

    def has_resume_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return may(request, object_id, State.PAUSED)

    def has_cancel_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return may(request, object_id, State.WORKING, State.PAUSED)


def may(request: HttpRequest, object_id: Any, *states: RefundBatch.State) -> bool:
    if not user_of(request).has_perm(RIGHT):
        return False
    return object_id is None or RefundBatch.objects.filter(pk=object_id, state__in=states).exists()


def decide(request: HttpRequest, form: DialogForm, pk: int, *, decision: bool) -> None:
    batch_decisions.approve_batch(
        batch_id=pk,
        decision=decision,
        reason=form.cleaned_data["reason"],
        seen_digest=form.cleaned_data["digest"],
        actor=user_of(request),
        now=now_of(request),
    )


def stop(verb: Callable[..., RefundBatch], request: HttpRequest, form: DialogForm, pk: int) -> None:
    actor: User = user_of(request)
    verb(batch_id=pk, reason=form.cleaned_data["reason"], actor=actor, now=now_of(request))
