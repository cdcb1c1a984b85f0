"""Accounts and roles, in the desk's own skin."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

admin.site.unregister(User)
admin.site.unregister(Group)

#: Rights come by role; these two would go around the roles.
POWERS = ("is_superuser", "user_permissions")


@admin.register(User)
class PeopleAdmin(UserAdmin, ModelAdmin):
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "first_name", "email", "is_active", "is_staff", "last_login")
    list_filter = ("is_active", "groups")
    actions = None

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

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """People leave by being made inactive: what they did keeps their name."""
        return False


@admin.register(Group)
class RolesAdmin(GroupAdmin, ModelAdmin):
    actions = None
