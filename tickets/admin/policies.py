"""Policies edited as what they are, JSON, and checked as a whole before anything is saved."""

import json
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextareaWidget

from orders.admin.cells import as_json
from tickets.admin.countdown import write_length
from tickets.admin.edge import acting, now_of
from tickets.admin.foreseeing import Foreseeing
from tickets.foresight import Foresight, foresee
from tickets.models import ServicePolicy
from tickets.policies import replace_policy
from tickets.policy_reader import InvalidPolicy, read_policy
from tickets.staffing import load_calendar


class PolicyForm(forms.ModelForm):
    """The whole policy in one field; ``version`` tells whether somebody else was faster."""

    text = forms.CharField(
        label=gettext_lazy("Policy (JSON)"),
        widget=UnfoldAdminTextareaWidget(
            attrs={"rows": 44, "spellcheck": "false", "class": "desk-code"}
        ),
        help_text=gettext_lazy(
            "Disputes opened from now on follow it; open ones keep what they were promised. "
            "Budgets and rehearsal are in force at once."
        ),
    )
    seen_version = forms.IntegerField(widget=forms.HiddenInput)

    class Meta:
        model = ServicePolicy
        fields: tuple[str, ...] = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        body = json.dumps(self.instance.body, ensure_ascii=False, indent=2)
        self.initial.update(text=body, seen_version=self.instance.version)

    def clean_text(self) -> dict[str, Any]:
        try:
            body = json.loads(self.cleaned_data["text"])
        except json.JSONDecodeError as error:
            raise forms.ValidationError(
                _("This is no JSON: line %(line)s, column %(column)s.")
                % {"line": error.lineno, "column": error.colno}
            ) from None
        if not isinstance(body, dict):
            raise forms.ValidationError(_("A policy is an object: { … }."))
        try:
            read_policy({"code": self.instance.code, **body})
        except InvalidPolicy as error:
            raise forms.ValidationError(explain(error)) from None
        if body.get("code", self.instance.code) != self.instance.code:
            code = self.instance.code
            raise forms.ValidationError(_("code: must stay “%(code)s”.") % {"code": code})
        return body

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if data.get("seen_version") != self.instance.version:
            raise forms.ValidationError(
                _("Somebody else has changed this policy meanwhile. Load it anew.")
            )
        return data


def explain(error: InvalidPolicy) -> list[str]:
    """This function will say of every wrong field what is wrong, with what would be right."""
    words = {
        "required": _("is missing"),
        "unknown_field": _("is not a field of a policy"),
        "invalid": _("is not valid"),
        "out_of_range": _("is out of range"),
        "wall_only": _("must run by the wall clock"),
        "not_before_commitment": _("must be shorter than the promise"),
        "does_not_match": _("must not change"),
    }
    return [
        f"{e.field}: {words.get(e.code, e.code)}" + (f" ({e.limit})" if e.limit else "")
        for e in error.errors
    ]


@admin.register(ServicePolicy)
class ServicePolicyAdmin(Foreseeing, ModelAdmin):
    form = PolicyForm
    list_display = ("code", "version", "promise", "rehearses", "updated_at", "updated_by")
    actions = None
    readonly_fields = ("code", "version", "updated_at", "updated_by", "shown")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        body = ["text", "seen_version"] if self.has_change_permission(request, obj) else ["shown"]
        return [
            (None, {"fields": [("code", "version"), ("updated_at", "updated_by")]}),
            (gettext_lazy("Policy"), {"fields": body}),
        ]

    def save_model(self, request: HttpRequest, obj: ServicePolicy, form: Any, change: bool) -> None:
        replace_policy(
            code=obj.code,
            body=form.cleaned_data["text"],
            actor_label=acting(request).label,
            now=now_of(request),
        )
        obj.refresh_from_db()

    def foresee(self, request: HttpRequest, form: Any) -> Foresight:
        policy = read_policy({"code": form.instance.code, **form.cleaned_data["text"]})
        return foresee(now=now_of(request), calendar=load_calendar(), new_policy=policy)

    @display(description=gettext_lazy("policy"))
    def shown(self, policy: ServicePolicy) -> SafeString:
        return as_json(policy.body)

    @display(description=gettext_lazy("promise"))
    def promise(self, policy: ServicePolicy) -> str:
        return write_length(read_policy(policy.body).within("commitment"))

    @display(description=gettext_lazy("rehearsal"), boolean=True)
    def rehearses(self, policy: ServicePolicy) -> bool:
        return bool(policy.body.get("rehearsal"))
