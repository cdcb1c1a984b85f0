"""Macros, written by supervisors: what agents insert, tried out before it is kept."""

import re
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextareaWidget

from tickets.macros import IN_BRACES, VARIABLES, InvalidMacro, check_text
from tickets.models import Macro


class MacroForm(forms.ModelForm):
    class Meta:
        model = Macro
        fields = ("name", "text_zh", "text_en", "position", "is_active")
        widgets = {
            name: UnfoldAdminTextareaWidget(attrs={"rows": 5}) for name in ("text_zh", "text_en")
        }

    def clean_text_zh(self) -> str:
        return self.checked("text_zh")

    def clean_text_en(self) -> str:
        return self.checked("text_en")

    def checked(self, field: str) -> str:
        text: str = self.cleaned_data[field]
        try:
            check_text(text)
        except InvalidMacro as refused:
            raise ValidationError(str(refused), code=refused.code) from None
        return text


def show_filled(text: str) -> SafeString:
    """This function will show a text with its variables set apart, under what they mean."""
    parts = re.split(r"(\{[^{}]*\})", text)
    return format_html_join("", "{}", ((show_part(part),) for part in parts))


def show_part(part: str) -> str | SafeString:
    found = IN_BRACES.fullmatch(part)
    if found is None or found[1] not in VARIABLES:
        return part
    return format_html('<mark class="desk-variable">{}</mark>', VARIABLES[found[1]][0])


@admin.register(Macro)
class MacroAdmin(ModelAdmin):
    form = MacroForm
    list_display = ("name", "beginning", "position", "is_active")
    list_editable = ("position", "is_active")
    search_fields = ("name", "text_zh", "text_en")
    fields = (
        "name",
        "variables",
        "text_zh",
        "preview_zh",
        "text_en",
        "preview_en",
        "position",
        "is_active",
    )
    readonly_fields = ("variables", "preview_zh", "preview_en")
    actions = None

    @display(description=gettext_lazy("text"))
    def beginning(self, macro: Macro) -> str:
        return macro.text_zh[:60]

    @display(description=gettext_lazy("variables"))
    def variables(self, macro: Any) -> SafeString:
        rows = ((f"{{{name}}}", meaning) for name, (meaning, _from) in VARIABLES.items())
        listed = format_html_join("", "<dt><code>{}</code></dt><dd>{}</dd>", rows)
        return format_html('<dl class="desk-facts">{}</dl>', listed)

    @display(description=gettext_lazy("preview"))
    def preview_zh(self, macro: Macro) -> SafeString | str:
        return show_filled(macro.text_zh) if macro.pk else "—"

    @display(description=gettext_lazy("preview"))
    def preview_en(self, macro: Macro) -> SafeString | str:
        return show_filled(macro.text_en) if macro.pk else "—"
