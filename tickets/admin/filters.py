"""A choice that is made before anybody chooses: lists start with what needs somebody."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import DropdownFilter


class WaitingFirst(DropdownFilter):
    """Rows whose ``field`` is ``default`` unless another value, or all, is asked for."""

    field = "state"
    choices_of: Any
    default: str

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.parameter_name = self.field
        self.all_option = ["", self.choices_of(self.default).label]
        super().__init__(*args, **kwargs)

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        others = [choice for choice in self.choices_of.choices if choice[0] != self.default]
        return [*others, ("all", gettext_lazy("All"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value() or self.default
        if value == "all" or (not self.value() and request.GET.get("q", "").strip()):
            return queryset
        return queryset.filter(**{self.field: value})
