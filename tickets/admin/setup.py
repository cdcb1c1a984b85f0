"""The first hour's checklist as a page: what is done, what is open."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods
from unfold.widgets import UnfoldAdminTextInputWidget

from orders.refusals import Refused
from tickets.admin.edge import acting, now_of, supervises, user_of
from tickets.going_live import set_budgets
from tickets.policies import get_policy
from tickets.policy_reader import read_policy
from tickets.setup import checklist
from tickets.shop_profile import (
    ADDRESS_LIMIT,
    NAME_LIMIT,
    PHONE_LIMIT,
    confirm_test_mail,
    describe_shop,
    find_profile,
    note_policy_read,
    send_test_mail,
)


def text(label: Any, limit: int, **more: Any) -> forms.CharField:
    return forms.CharField(
        label=label, max_length=limit, widget=UnfoldAdminTextInputWidget(), **more
    )


def amount(label: Any) -> forms.DecimalField:
    return forms.DecimalField(
        label=label,
        min_value=Decimal("0.01"),
        max_value=Decimal("10000000000"),
        decimal_places=2,
        widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "decimal"}),
    )


class ShopForm(forms.Form):
    legal_name = text(gettext_lazy("Legal name, as on the business licence"), NAME_LIMIT)
    address = text(gettext_lazy("Address"), ADDRESS_LIMIT)
    phone = text(gettext_lazy("Customer service telephone"), PHONE_LIMIT, required=False)

    def carry_out(self, request: HttpRequest, label: str) -> str:
        describe_shop(**self.cleaned_data, actor_label=label, now=now_of(request))
        return _("Saved. Customers read it at the foot of every page.")


class MailForm(forms.Form):
    def carry_out(self, request: HttpRequest, label: str) -> str:
        profile = send_test_mail(user=user_of(request), actor_label=label, now=now_of(request))
        return _("A test mail is on its way to %(address)s.") % {"address": profile.mail_to}


class CodeForm(forms.Form):
    code = text(gettext_lazy("Code in the test mail"), 6)

    def carry_out(self, request: HttpRequest, label: str) -> str:
        confirm_test_mail(code=self.cleaned_data["code"], actor_label=label, now=now_of(request))
        return _("Mail works.")


class PolicyReadForm(forms.Form):
    def carry_out(self, request: HttpRequest, label: str) -> str:
        note_policy_read(actor_label=label, now=now_of(request))
        return _("Noted: the promises as they stand have been read.")


class BudgetForm(forms.Form):
    hour = amount(gettext_lazy("Yuan an hour"))
    day = amount(gettext_lazy("Yuan a day"))

    def carry_out(self, request: HttpRequest, label: str) -> str:
        hour_fen, day_fen = (int(self.cleaned_data[name] * 100) for name in ("hour", "day"))
        set_budgets(hour_fen=hour_fen, day_fen=day_fen, actor_label=label, now=now_of(request))
        return _("The budgets are in force.")


FORMS: dict[str, Any] = {
    "shop": ShopForm,
    "mail": MailForm,
    "code": CodeForm,
    "policy": PolicyReadForm,
    "budgets": BudgetForm,
}
View = Callable[..., HttpResponse]


@require_http_methods(["GET", "HEAD", "POST"])
def setup(request: HttpRequest) -> HttpResponse:
    """The page; a form of it says in `what` which it is."""
    if not supervises(request):
        raise PermissionDenied
    bound: dict[str, Any] = {}
    if request.method == "POST":
        form_class = FORMS.get(request.POST.get("what", ""))
        if form_class is None:
            return redirect("setup")
        form = form_class(request.POST)
        if done := carry_out(request, form):
            messages.success(request, done)
            return redirect("setup")
        bound[request.POST["what"]] = form
    return render(
        request, "admin/setup.html", fill_page(request, bound), status=400 if bound else 200
    )


def carry_out(request: HttpRequest, form: Any) -> str:
    """This function will do what a form asks and say so; what cannot be stands in the form."""
    if not form.is_valid():
        return ""
    try:
        done: str = form.carry_out(request, acting(request).label)
    except Refused as refused:
        form.add_error(refused.field if refused.field in form.fields else None, str(refused))
        return ""
    return done


def fill_page(request: HttpRequest, bound: dict[str, Any]) -> dict[str, Any]:
    items = checklist(now=now_of(request))
    profile = find_profile()
    policy = read_policy(get_policy().body)
    budget = policy.auto_refund_budget_fen
    first = {
        "shop": {name: getattr(profile, name) for name in ("legal_name", "address", "phone")},
        "budgets": {
            "hour": as_yuan(budget.hour),
            "day": as_yuan(budget.day),
        },
    }
    shown = {
        name: bound.get(name) or form_class(initial=first.get(name))
        for name, form_class in FORMS.items()
    }
    return {
        **admin.site.each_context(request),
        "title": _("First hour"),
        "items": items,
        "open_count": sum(not item.is_done for item in items),
        "setup_forms": shown,
        "sends_mail": bool(settings.EMAIL_URL),
        "awaits_code": bool(profile.mail_code),
        "rehearses": policy.rehearsal,
        "live_from": profile.live_from,
        "policy_address": "admin:tickets_servicepolicy_changelist",
    }


def as_yuan(fen: int | None) -> str:
    return "" if fen is None else f"{fen / 100:.2f}"


setup_page: View = admin.site.admin_view(setup)
