"""Accounts and roles, in the desk's own skin."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminRadioSelectWidget

from orders.admin.cells import badge
from orders.admin.dialogs import DialogForm, dialog_action
from tickets.admin.edge import name_of, user_of
from tickets.role_giving import GIVEN, NONE, give_role

admin.site.unregister(User)
admin.site.unregister(Group)

#: Rights come by role; these two would go around the roles.
POWERS = ("is_superuser", "user_permissions")
ROLES = {
    "agent": gettext_lazy("agent"),
    "supervisor": gettext_lazy("supervisor"),
    "admin": gettext_lazy("administrator"),
    "shop": gettext_lazy("shop's program"),
    NONE: gettext_lazy("neither"),
}
TONES = {"agent": "info", "supervisor": "warn"}


class RoleForm(DialogForm):
    role = forms.ChoiceField(
        label=gettext_lazy("Role"),
        choices=[(code, ROLES[code]) for code in (*GIVEN, NONE)],
        widget=UnfoldAdminRadioSelectWidget,
    )


@admin.register(User)
class PeopleAdmin(UserAdmin, ModelAdmin):
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "person", "roles", "email", "is_active", "last_login")
    list_filter = ("is_active", "groups")
    actions = None
    actions_row = ("role",)
    actions_detail = ("role",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        people: QuerySet[User] = super().get_queryset(request)
        return people.prefetch_related("groups")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Somebody who may edit accounts may not thereby make himself an administrator."""
        if request.user.is_superuser:
            return ("last_login", "date_joined")
        return (*POWERS, "last_login", "date_joined")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        allowed: bool = super().has_change_permission(request, obj)
        if obj is not None and obj.is_superuser and not request.user.is_superuser:
            return False
        return allowed

    def has_role_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return user_of(request).has_perm("auth.change_user")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """People leave by being made inactive: what they did keeps their name."""
        return False

    @display(description=gettext_lazy("name"))
    def person(self, user: User) -> str:
        return name_of(user)

    @display(description=gettext_lazy("role"))
    def roles(self, user: User) -> SafeString | str:
        marks = [
            badge(ROLES.get(group.name, group.name), TONES.get(group.name, "plain"))
            for group in user.groups.all()
        ]
        return format_html_join(" ", "{}", ((mark,) for mark in marks)) if marks else "—"

    @dialog_action(
        name=gettext_lazy("Role"),
        title=gettext_lazy("Agent, supervisor, or neither"),
        description=gettext_lazy(
            "An agent works disputes. A supervisor decides, reviews and assigns as well."
        ),
        submit=gettext_lazy("Save"),
        url_path="role",
        permission="role",
        form_class=RoleForm,
        icon="badge",
    )
    def role(self, request: HttpRequest, form: DialogForm, pk: int) -> str:
        role = form.cleaned_data["role"]
        user = give_role(user_id=pk, role=role, by=user_of(request))
        self.log_change(request, user, f"role: {role}")
        values = {"name": name_of(user), "role": ROLES[role]}
        return _("%(name)s: %(role)s") % values


@admin.register(Group)
class RolesAdmin(GroupAdmin, ModelAdmin):
    actions = None
