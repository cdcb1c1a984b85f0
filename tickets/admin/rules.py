"""The published rules in the admin: supervisors publish them, and nobody changes them."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import NON_FIELD_ERRORS
from django.http import HttpRequest
from django.utils.translation import gettext_lazy
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminTextareaWidget

from orders.models import RuleVersion
from orders.rules import RIGHT, UnableToPublish, publish_rules
from tickets.admin.edge import now_of, user_of


class RulesForm(forms.ModelForm):
    """Publishing is one decision of the domain: what it refuses stands at its field."""

    request: HttpRequest

    class Meta:
        model = RuleVersion
        fields = ("version", "effective_at", "text_zh", "text_en")
        help_texts = {
            "effective_at": gettext_lazy(
                "At least 7 days from now (E-Commerce Law art. 34); until then it is announced."
            ),
            "text_zh": gettext_lazy(
                "Paragraphs are parted by empty lines; a line that begins with # is a heading."
            ),
        }
        widgets = {
            "text_zh": UnfoldAdminTextareaWidget(attrs={"rows": 18}),
            "text_en": UnfoldAdminTextareaWidget(attrs={"rows": 18}),
        }

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if not self.errors:
            self._publish(data)
        return data

    def _publish(self, data: dict[str, Any]) -> None:
        try:
            self.published = publish_rules(
                **data, actor=user_of(self.request), now=now_of(self.request)
            )
        except UnableToPublish as error:
            field = error.field if error.field in self.fields else NON_FIELD_ERRORS
            self.add_error(field, str(error))

    def _post_clean(self) -> None:
        """The row is written by the domain; there is nothing to be validated a second time."""

    def save(self, commit: bool = True) -> RuleVersion:
        return self.published

    def save_m2m(self) -> None:
        """There is none."""


@admin.register(RuleVersion)
class RuleVersionAdmin(ModelAdmin):
    form = RulesForm
    list_display = ("version", "effective_at", "published_at", "published_by")
    list_per_page = 20
    actions = None

    def get_form(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        form: Any = super().get_form(request, obj, **kwargs)
        form.request = request
        return form

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Published already, when the form was read."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return user_of(request).has_perm(RIGHT)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
