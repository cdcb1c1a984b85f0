"""An outage as it is declared or corrected, and the proposal to refund all it hit."""

from dataclasses import replace
from datetime import datetime
from functools import cached_property
from typing import Any

from django import forms
from django.http import Http404, HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldBooleanSwitchWidget

from helpdesk import clock
from orders.admin.cells import yuan
from orders.admin.dialogs import DialogForm, line_field
from orders.affected import Scope, Selection, scope_of, select_orders
from orders.batches import REASON_LIMIT
from orders.models import Outage
from orders.outages import (
    OutageFacts,
    UnableToDeclare,
    check_facts,
)
from tickets.admin.edge import now_of, user_of
from tickets.mass_refunds import list_kept_out

MOST_REASONS = 8


class OutageForm(forms.ModelForm):
    is_public = forms.BooleanField(
        label=gettext_lazy("Tell the public"),
        required=False,
        widget=UnfoldBooleanSwitchWidget,
        help_text=gettext_lazy(
            "Shown on the home page and the notices. From then on the 24-hour promise runs for "
            "every dispute that belongs to it, also without proof."
        ),
    )
    request: HttpRequest

    class Meta:
        model = Outage
        fields = (
            *("title", "supplier", "channel", "product_code"),
            *("started_at", "ended_at", "text_zh", "text_en"),
        )
        widgets = {
            name: UnfoldAdminTextareaWidget(attrs={"rows": 3}) for name in ("text_zh", "text_en")
        }
        help_texts = {
            "supplier": gettext_lazy("As the orders name it. What is left blank does not narrow."),
            "ended_at": gettext_lazy("Leave it blank while it goes on."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial.setdefault("is_public", self.instance.is_public)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not self.errors:
            try:
                check_facts(self.facts, user_of(self.request), now=now_of(self.request))
            except UnableToDeclare as refused:
                self.add_error(
                    refused.field if refused.field in self.fields else None, str(refused)
                )
        return cleaned

    @property
    def facts(self) -> OutageFacts:
        return OutageFacts(**{name: self.cleaned_data[name] for name in self.fields})


class ProposeForm(DialogForm):
    """The list as it is now: what is sent back names it, so that nothing else is proposed."""

    until = forms.CharField(widget=forms.HiddenInput)
    digest = forms.CharField(widget=forms.HiddenInput)
    reason = line_field(gettext_lazy("Reason"), limit=REASON_LIMIT)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial |= {"until": self.scope.paid_until.isoformat()}
        self.initial |= {"digest": self.selection.digest}

    @cached_property
    def outage(self) -> Outage:
        outage = Outage.objects.filter(pk=self.pk).first()
        if outage is None:
            raise Http404
        return outage

    @cached_property
    def scope(self) -> Scope:
        """An outage that goes on lasted until the list was shown."""
        scope = scope_of(self.outage, now=clock.now())
        try:
            shown = datetime.fromisoformat(self.data.get("until", ""))
        except ValueError:
            return scope
        is_earlier = shown.tzinfo is not None and shown <= scope.paid_until
        return replace(scope, paid_until=shown) if is_earlier else scope

    @cached_property
    def selection(self) -> Selection:
        return select_orders(self.scope, kept_out=list_kept_out(), now=clock.now())

    def note(self) -> str:
        selection = self.selection
        lines = [
            _("%(count)d orders, together %(amount)s.")
            % {"count": len(selection.chosen), "amount": yuan(selection.amount_fen)}
        ]
        if selection.left_out:
            lines.append(_("Left out: %(count)d") % {"count": len(selection.left_out)})
            reasons = selection.count_reasons()[:MOST_REASONS]
            lines += [f"· {reason}: {count}" for reason, count in reasons]
        if selection.truncated:
            lines.append(_("There are more: narrow the outage's time or product."))
        return "\n".join(lines)
