"""Records that the desk writes and people read: nothing is added, changed or deleted by hand."""

from typing import Any

from django.http import HttpRequest
from unfold.admin import ModelAdmin, TabularInline


class LooksOnly:
    """No adding, changing or deleting, whatever rights somebody was given by mistake."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ReadOnlyAdmin(LooksOnly, ModelAdmin):
    actions: Any = None
    list_per_page = 20
    list_filter_submit = True
    show_full_result_count = False


class ReadOnlyInline(LooksOnly, TabularInline):
    extra = 0
    max_num = 0
    can_delete = False
    show_change_link = False
