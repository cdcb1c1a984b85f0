"""Outages: declared and corrected in a form, and where refunds of all they hit are proposed."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.enums import ActionVariant

from orders.admin.cells import badge, short_instant, two_lines
from orders.admin.dialogs import dialog_action
from orders.batches import RIGHT as BATCH_RIGHT
from orders.batches import list_changed, propose_batch
from orders.models import Outage
from orders.outages import (
    RIGHT,
    declare_outage,
    revise_outage,
)
from tickets.admin.edge import name_labels, now_of, user_of
from tickets.admin.outage_forms import OutageForm, ProposeForm
from tickets.mass_refunds import list_kept_out


@admin.register(Outage)
class OutageAdmin(ModelAdmin):
    form = OutageForm
    list_display = ("what", "scope", "progress", "told", "disputes", "lasted")
    list_filter = ("supplier", "channel", ("ended_at", admin.EmptyFieldListFilter))
    list_filter_submit = True
    list_per_page = 20
    ordering = ("-id",)
    search_fields = ("title", "supplier", "product_code")
    actions = None
    actions_detail = ("propose",)
    fields = (
        "title",
        "supplier",
        "channel",
        "product_code",
        "started_at",
        "ended_at",
        "text_zh",
        "text_en",
        "is_public",
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return user_of(request).has_perm(RIGHT)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return user_of(request).has_perm(RIGHT)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_propose_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return user_of(request).has_perm(BATCH_RIGHT)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Outage]:
        return super().get_queryset(request).annotate(linked=Count("tickets"))

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any):  # type: ignore[no-untyped-def]  # noqa: ANN201
        form = super().get_form(request, obj, change, **kwargs)
        form.request = request
        return form

    def save_model(self, request: HttpRequest, obj: Outage, form: Any, change: bool) -> None:
        said = {"facts": form.facts, "actor": user_of(request), "now": now_of(request)}
        saved = revise_outage(outage_id=obj.pk, **said) if change else declare_outage(**said)
        obj.pk = saved.pk

    @dialog_action(
        name=gettext_lazy("Propose refunds"),
        title=gettext_lazy("Propose refunds for everybody it hit"),
        description=gettext_lazy(
            "Nothing is sent before another supervisor has approved exactly this list."
        ),
        submit=gettext_lazy("Propose"),
        url_path="propose",
        permission="propose",
        form_class=ProposeForm,
        icon="playlist_add_check",
        variant=ActionVariant.PRIMARY,
    )
    def propose(self, request: HttpRequest, form: Any, pk: int) -> HttpResponse:
        if form.cleaned_data["digest"] != form.selection.digest:
            raise list_changed()
        batch = propose_batch(
            outage_id=pk,
            scope=form.scope,
            kept_out=list_kept_out(),
            reason=form.cleaned_data["reason"],
            seen_digest=form.cleaned_data["digest"],
            actor=user_of(request),
            now=now_of(request),
        )
        address = reverse("admin:orders_refundbatch_change", args=[batch.pk])
        if request.headers.get("HX-Request"):
            return HttpResponse(headers={"HX-Redirect": address})
        return redirect(address)

    @display(description=gettext_lazy("outage"), ordering="title")
    def what(self, outage: Outage) -> SafeString:
        by = name_labels([outage.declared_by]).get(outage.declared_by, outage.declared_by)
        return two_lines(outage.title, by)

    @display(description=gettext_lazy("scope"))
    def scope(self, outage: Outage) -> str:
        channel = outage.get_channel_display() if outage.channel else ""
        return " · ".join(filter(None, [outage.supplier, channel, outage.product_code]))

    @display(description=gettext_lazy("state"))
    def progress(self, outage: Outage) -> SafeString:
        return badge(_("ended"), "plain") if outage.ended_at else badge(_("going on"), "bad")

    @display(description=gettext_lazy("public"))
    def told(self, outage: Outage) -> SafeString:
        return badge(_("public"), "info") if outage.is_public else badge(_("internal"), "plain")

    @display(description=gettext_lazy("disputes"))
    def disputes(self, outage: Any) -> int:
        return int(outage.linked)

    @display(description=gettext_lazy("from, to"))
    def lasted(self, outage: Outage) -> SafeString:
        return two_lines(short_instant(outage.started_at), short_instant(outage.ended_at))
