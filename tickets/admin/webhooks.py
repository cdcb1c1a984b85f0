from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RelatedDropdownFilter
from unfold.decorators import display
from unfold.enums import ActionVariant

from orders.admin.cells import badge, two_lines
from orders.admin.dialogs import DialogForm, dialog_action
from orders.admin.readonly import ReadOnlyAdmin
from tickets.admin.edge import now_of
from tickets.models import WebhookDelivery, WebhookEndpoint
from tickets.webhooks.endpoints import change_endpoint, replay, replay_failed

STATE_TONES = {
    WebhookDelivery.State.DELIVERED: "good",
    WebhookDelivery.State.PENDING: "info",
    WebhookDelivery.State.FAILED: "bad",
}


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(ReadOnlyAdmin):
    """Addresses are registered by the API, which shows their secret once; here they are watched,
    stopped and started again."""

    list_display = ("url", "wanted", "condition", "created_at")
    fields = (
        ("url", "description"),
        ("wanted", "condition"),
        ("created_by", "created_at"),
        ("failing_since", "rests_until"),
        ("disabled_at", "disabled_by"),
    )
    readonly_fields = ("wanted", "condition")
    actions_detail = ("enable", "stop", "send_failed_again")

    def has_run_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm("tickets.change_webhookendpoint")

    @display(description=gettext_lazy("events"))
    def wanted(self, endpoint: WebhookEndpoint) -> str:
        return ", ".join(endpoint.events)

    @display(description=gettext_lazy("state"))
    def condition(self, endpoint: WebhookEndpoint) -> SafeString:
        if not endpoint.is_enabled:
            return badge(_("disabled"), "bad", title=endpoint.get_disabled_by_display())
        if endpoint.failing_since is not None:
            return badge(_("does not answer"), "warn")
        return badge(_("enabled"), "good")

    @dialog_action(
        name=gettext_lazy("Enable"),
        title=gettext_lazy("Enable this address"),
        description=gettext_lazy("What waited for it is delivered."),
        submit=gettext_lazy("Enable"),
        url_path="enable",
        permission="run",
        icon="play_arrow",
    )
    def enable(self, request: HttpRequest, form: DialogForm, pk: int) -> str:
        endpoint = WebhookEndpoint.objects.get(pk=pk)
        change_endpoint(endpoint=endpoint, enabled=True, now=now_of(request))
        self.log_change(request, endpoint, "enabled")
        return _("The address is enabled.")

    @dialog_action(
        name=gettext_lazy("Disable"),
        title=gettext_lazy("Disable this address"),
        description=gettext_lazy("Nothing is delivered, and what happens meanwhile is not kept."),
        submit=gettext_lazy("Disable"),
        url_path="disable",
        permission="run",
        icon="pause",
        variant=ActionVariant.DANGER,
    )
    def stop(self, request: HttpRequest, form: DialogForm, pk: int) -> str:
        endpoint = WebhookEndpoint.objects.get(pk=pk)
        change_endpoint(endpoint=endpoint, enabled=False, now=now_of(request))
        self.log_change(request, endpoint, "disabled")
        return _("The address is disabled.")

    @dialog_action(
        name=gettext_lazy("Deliver again what was given up"),
        title=gettext_lazy("Deliver again what was given up"),
        submit=gettext_lazy("Deliver again"),
        url_path="replay-failed",
        permission="run",
        icon="replay",
    )
    def send_failed_again(self, request: HttpRequest, form: DialogForm, pk: int) -> str:
        endpoint = WebhookEndpoint.objects.get(pk=pk)
        count = replay_failed(endpoint=endpoint, now=now_of(request))
        self.log_change(request, endpoint, f"replayed {count}")
        return _("%(count)d deliveries go out again.") % {"count": count}


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ReadOnlyAdmin):
    list_display = ("what", "endpoint", "progress", "attempts", "created_at", "delivered_at")
    list_filter = [("state", ChoicesDropdownFilter), ("endpoint", RelatedDropdownFilter)]
    list_select_related = ("endpoint",)
    ordering = ("-id",)
    fields = (
        ("event", "message_id"),
        "endpoint",
        ("progress", "attempts"),
        ("last_status", "last_error"),
        ("created_at", "delivered_at"),
        "not_before",
        "content",
    )
    readonly_fields = ("progress", "content")
    actions_detail = ("send_again",)

    def has_run_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm("tickets.change_webhookendpoint")

    @display(description=gettext_lazy("message"))
    def what(self, delivery: WebhookDelivery) -> SafeString:
        return two_lines(delivery.event, delivery.message_id)

    @display(description=gettext_lazy("state"))
    def progress(self, delivery: WebhookDelivery) -> SafeString:
        tone = STATE_TONES.get(WebhookDelivery.State(delivery.state), "plain")
        return badge(delivery.get_state_display(), tone, title=delivery.last_error)

    @display(description=gettext_lazy("content"))
    def content(self, delivery: WebhookDelivery) -> SafeString:
        return format_html('<div class="desk-words">{}</div>', str(delivery.payload))

    @dialog_action(
        name=gettext_lazy("Deliver again"),
        title=gettext_lazy("Deliver again"),
        description=gettext_lazy("The same message under the same id."),
        submit=gettext_lazy("Deliver again"),
        url_path="replay",
        permission="run",
        icon="replay",
    )
    def send_again(self, request: HttpRequest, form: DialogForm, pk: int) -> str:
        delivery = WebhookDelivery.objects.get(pk=pk)
        replay(delivery=delivery, now=now_of(request))
        self.log_change(request, delivery, "replayed")
        return _("It goes out again.")
