"""The books: alarms about money, claims on suppliers, and the ledger's lines."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display
from unfold.widgets import UnfoldAdminRadioSelectWidget

from helpdesk import clock
from orders.admin.cells import badge, yuan
from orders.admin.dialogs import DialogForm, dialog_action, person_at, text_field
from orders.admin.links import order_link, refund_link
from orders.admin.money import by_number
from orders.admin.readonly import ReadOnlyAdmin
from orders.alarms import close_alarm
from orders.by_hand import RIGHT, label_of
from orders.models import LedgerEntry, MoneyAlarm, Recourse
from orders.recourse import close_recourse


class CloseAlarmForm(DialogForm):
    note = text_field(_("Note"), limit=500, help_text=_("What was found out, and what was done."))


class CloseRecourseForm(DialogForm):
    outcome = forms.ChoiceField(
        label=_("How it ended"),
        choices=[
            (Recourse.State.RECOVERED, _("The supplier made it good")),
            (Recourse.State.BORNE, _("The shop bears it")),
        ],
        widget=UnfoldAdminRadioSelectWidget(),
    )
    note = text_field(_("Note"), limit=500)


@admin.register(MoneyAlarm)
class MoneyAlarmAdmin(ReadOnlyAdmin):
    list_display = ("kind", "of_refund", "amount", "is_booked", "raised_at", "progress")
    list_filter = [
        ("kind", ChoicesDropdownFilter),
        ("closed_at", admin.EmptyFieldListFilter),
    ]
    list_select_related = ("refund",)
    ordering = ("-id",)
    actions_detail = ("close",)
    fields = (
        ("kind", "of_refund"),
        ("amount", "is_booked"),
        ("code", "raised_at"),
        ("closed_at", "closed_by"),
        "note",
    )
    readonly_fields = ("of_refund", "amount")

    def has_close_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        if not request.user.has_perm(RIGHT):
            return False
        still_open = MoneyAlarm.objects.filter(pk=object_id, closed_at__isnull=True)
        return object_id is None or still_open.exists()

    @dialog_action(
        name=_("Close alarm"),
        title=_("Close this alarm"),
        submit=_("Close"),
        url_path="close",
        permission="close",
        form_class=CloseAlarmForm,
        icon="task_alt",
    )
    def close(self, request: HttpRequest, form: DialogForm, pk: int) -> str:
        close_alarm(
            alarm_id=pk,
            note=form.cleaned_data["note"],
            by=label_of(person_at(request)),
            now=clock.now(),
        )
        return str(_("Closed."))

    @display(description=_("refund"))
    def of_refund(self, alarm: MoneyAlarm) -> SafeString | str:
        return refund_link(alarm.refund) if alarm.refund else f"{alarm.channel} {alarm.day}"

    @display(description=_("amount"))
    def amount(self, alarm: MoneyAlarm) -> str:
        return yuan(alarm.amount_fen)

    @display(description=_("state"))
    def progress(self, alarm: MoneyAlarm) -> SafeString:
        return badge(_("closed"), "plain") if alarm.closed_at else badge(_("open"), "bad")


@admin.register(Recourse)
class RecourseAdmin(ReadOnlyAdmin):
    list_display = ("of_order", "supplier", "reason", "amount", "progress", "opened_at")
    list_filter = [("state", ChoicesDropdownFilter), ("reason", ChoicesDropdownFilter)]
    list_select_related = ("order",)
    ordering = ("-id",)
    actions_detail = ("close",)
    fields = (
        ("of_order", "supplier"),
        ("reason", "amount"),
        ("state", "opened_at"),
        ("closed_at", "closed_by"),
        "note",
    )
    readonly_fields = ("of_order", "amount")

    def has_close_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        if not request.user.has_perm(RIGHT):
            return False
        still_open = Recourse.objects.filter(pk=object_id, state=Recourse.State.OPEN)
        return object_id is None or still_open.exists()

    @dialog_action(
        name=_("Close claim"),
        title=_("Close this claim"),
        submit=_("Close"),
        url_path="close",
        permission="close",
        form_class=CloseRecourseForm,
        icon="task_alt",
    )
    def close(self, request: HttpRequest, form: DialogForm, pk: int) -> str:
        close_recourse(
            recourse_id=pk,
            recovered=form.cleaned_data["outcome"] == Recourse.State.RECOVERED,
            note=form.cleaned_data["note"],
            by=label_of(person_at(request)),
            now=clock.now(),
        )
        return str(_("Closed."))

    @display(description=_("order"))
    def of_order(self, recourse: Recourse) -> SafeString:
        return order_link(recourse.order)

    @display(description=_("amount"))
    def amount(self, recourse: Recourse) -> str:
        return yuan(recourse.amount_fen)

    @display(description=_("state"))
    def progress(self, recourse: Recourse) -> SafeString:
        tone = "warn" if recourse.state == Recourse.State.OPEN else "plain"
        return badge(recourse.get_state_display(), tone, title=recourse.note)


@admin.register(LedgerEntry)
class LedgerEntryAdmin(ReadOnlyAdmin):
    list_display = ("at", "kind", "account", "amount", "of_order", "refund")
    list_filter = [("kind", ChoicesDropdownFilter)]
    list_select_related = ("order", "refund")
    ordering = ("-id",)
    search_fields = ("journal",)
    search_help_text = _("Whole refund number or order number")
    fields = (("journal", "at"), ("kind", "account"), "amount", ("of_order", "refund"))
    readonly_fields = ("amount", "of_order")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[LedgerEntry], search_term: str
    ) -> tuple[QuerySet[LedgerEntry], bool]:
        return by_number(queryset, search_term, "refund__refund_no", "order__order_no")

    @display(description=_("order"))
    def of_order(self, entry: LedgerEntry) -> SafeString:
        return order_link(entry.order)

    @display(description=_("amount"))
    def amount(self, entry: LedgerEntry) -> str:
        sign = "-" if entry.amount_fen < 0 else ""
        return f"{sign}{yuan(abs(entry.amount_fen))}"
