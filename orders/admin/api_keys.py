from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display
from unfold.enums import ActionVariant

from helpdesk import clock
from orders.admin.cells import badge
from orders.admin.dialogs import DialogForm, dialog_action
from orders.admin.readonly import ReadOnlyAdmin
from orders.models import ApiKey


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    """Keys are made by `manage.py create_api_key`, which shows them once; here they end."""

    list_display = (
        "name",
        "beginning",
        "person",
        "rights",
        "created_at",
        "last_used_at",
        "validity",
    )
    list_select_related = ("user",)
    fields = (
        ("name", "beginning"),
        ("person", "rights"),
        ("created_at", "last_used_at"),
        "revoked_at",
    )
    readonly_fields = ("beginning", "person", "rights")
    actions_row = ("revoke",)
    actions_detail = ("revoke",)

    def has_revoke_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm("orders.change_apikey")

    @display(description=gettext_lazy("begins with"))
    def beginning(self, key: ApiKey) -> str:
        return f"{key.prefix}…"

    @display(description=gettext_lazy("acts as"))
    def person(self, key: ApiKey) -> str:
        return key.user.username

    @display(description=gettext_lazy("scopes"))
    def rights(self, key: ApiKey) -> str:
        labels = dict(ApiKey.Scope.choices)
        return ", ".join(str(labels.get(s, s)) for s in key.scopes) or _("everything it may do")

    @display(description=gettext_lazy("state"))
    def validity(self, key: ApiKey) -> SafeString:
        return badge(_("revoked"), "bad") if key.revoked_at else badge(_("valid"), "good")

    @dialog_action(
        name=gettext_lazy("Revoke"),
        title=gettext_lazy("Revoke this key"),
        description=gettext_lazy("Programs that use it are refused from this moment on."),
        submit=gettext_lazy("Revoke"),
        url_path="revoke",
        permission="revoke",
        icon="key_off",
        variant=ActionVariant.DANGER,
    )
    def revoke(self, request: HttpRequest, form: DialogForm, pk: int) -> str | HttpResponse:
        key = ApiKey.objects.get(pk=pk)
        if key.revoked_at is None:
            ApiKey.objects.filter(pk=pk, revoked_at__isnull=True).update(revoked_at=clock.now())
            self.log_change(request, key, "revoked")
        return _("The key “%(name)s” is revoked.") % {"name": key.name}
