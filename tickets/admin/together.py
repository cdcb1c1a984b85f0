"""One thing done to many disputes: each is a decision of its own, and each says how it went."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib.admin import action
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminSelectWidget

from orders.entitlement import get_standing
from orders.models import Outage
from orders.refusals import Refused
from tickets import outages, transitions
from tickets.admin.edge import acting, now_of, people_who_work, works_disputes
from tickets.admin.handling_forms import OutageField, PersonField
from tickets.admin.kin import recent_outages
from tickets.admin.looking import is_row_number
from tickets.macros import Filling, fill_in
from tickets.models import Macro, Ticket

MOST = 200


class AssignTogether(forms.Form):
    assignee = PersonField(
        queryset=User.objects.none(), label=gettext_lazy("Owner"), widget=UnfoldAdminSelectWidget
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["assignee"].queryset = people_who_work()  # type: ignore[attr-defined]


class LinkTogether(forms.Form):
    outage = OutageField(
        queryset=Outage.objects.none(), label=gettext_lazy("Outage"), widget=UnfoldAdminSelectWidget
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["outage"].queryset = recent_outages()  # type: ignore[attr-defined]


class ReplyTogether(forms.Form):
    macro = forms.ModelChoiceField(
        queryset=Macro.objects.filter(is_active=True),
        label=gettext_lazy("Macro"),
        widget=UnfoldAdminSelectWidget,
        help_text=gettext_lazy("Filled in for each dispute, in the language of its customer."),
    )


def assign(request: HttpRequest, said: dict[str, Any], pk: int) -> None:
    transitions.assign_ticket(
        ticket_id=pk, assignee=said["assignee"], actor=acting(request), now=now_of(request)
    )


def link(request: HttpRequest, said: dict[str, Any], pk: int) -> None:
    outages.link_outage(
        ticket_id=pk, outage=said["outage"].pk, actor=acting(request), now=now_of(request)
    )


def reply(request: HttpRequest, said: dict[str, Any], pk: int) -> None:
    ticket, macro = Ticket.objects.select_related("order").get(pk=pk), said["macro"]
    text = macro.text_zh if ticket.language.startswith("zh") else macro.text_en
    words = fill_in(text, Filling(ticket, get_standing(ticket.order)))
    transitions.reply(ticket_id=pk, text=words, actor=acting(request), now=now_of(request))


@dataclass(frozen=True)
class Together:
    title: Any
    form: type[forms.Form]
    act: Callable[[HttpRequest, dict[str, Any], int], None]


VERBS = {
    "assign": Together(gettext_lazy("Give them an owner"), AssignTogether, assign),
    "link-outage": Together(gettext_lazy("Link them to an outage"), LinkTogether, link),
    "reply": Together(gettext_lazy("Reply with a macro"), ReplyTogether, reply),
}


def carry_out(
    request: HttpRequest, verb: Together, said: dict[str, Any], pk: int
) -> dict[str, Any]:
    """This function will do it to one dispute, and say how it went in a word or in the domain's."""
    try:
        verb.act(request, said, pk)
    except Refused as refused:
        return {"pk": pk, "ok": False, "said": str(refused)}
    except Ticket.DoesNotExist:
        return {"pk": pk, "ok": False, "said": _("This dispute does not exist.")}
    return {"pk": pk, "ok": True, "said": _("Done.")}


class TogetherPages:
    """Actions of TicketAdmin's list. The page that asks is shown by a POST that changes nothing;
    its script sends the disputes one by one, and without a script all of them at once."""

    admin_site: Any
    opts: Any

    @action(description=VERBS["assign"].title, permissions=["work"])
    def assign_together(self, request: HttpRequest, queryset: Any) -> HttpResponse:
        return self.ask(request, "assign", list(queryset.values_list("pk", flat=True)))

    @action(description=VERBS["link-outage"].title, permissions=["work"])
    def link_together(self, request: HttpRequest, queryset: Any) -> HttpResponse:
        return self.ask(request, "link-outage", list(queryset.values_list("pk", flat=True)))

    @action(description=VERBS["reply"].title, permissions=["work"])
    def reply_together(self, request: HttpRequest, queryset: Any) -> HttpResponse:
        return self.ask(request, "reply", list(queryset.values_list("pk", flat=True)))

    def together(self, request: HttpRequest, verb: str) -> HttpResponse:
        if not works_disputes(request):
            raise PermissionDenied
        if verb not in VERBS:
            raise Http404
        given = request.POST.getlist("ticket")
        chosen = list(dict.fromkeys(int(pk) for pk in given if is_row_number(pk)))
        form = VERBS[verb].form(request.POST)
        if not chosen or len(chosen) > MOST or not form.is_valid():
            return self.ask(request, verb, chosen, form=form)
        results = [carry_out(request, VERBS[verb], form.cleaned_data, pk) for pk in chosen]
        if request.headers.get("accept") == "application/json":
            return JsonResponse({"results": results})
        return self.ask(request, verb, chosen, results=results)

    def ask(
        self,
        request: HttpRequest,
        verb: str,
        chosen: list[int],
        *,
        form: forms.Form | None = None,
        results: list[dict[str, Any]] | None = None,
    ) -> HttpResponse:
        told = {result["pk"]: result for result in results or []}
        tickets = Ticket.objects.filter(pk__in=chosen[:MOST]).select_related("order", "assignee")
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": VERBS[verb].title,
            "verb": verb,
            "form": form or VERBS[verb].form(),
            "rows": [{"ticket": ticket, "result": told.get(ticket.pk)} for ticket in tickets],
            "too_many": len(chosen) if len(chosen) > MOST else 0,
            "limit": MOST,
            "is_done": results is not None,
        }
        wrong = form is not None or not chosen or len(chosen) > MOST
        status = 400 if wrong else 200
        return TemplateResponse(
            request, "admin/tickets/ticket/together.html", context, status=status
        )
