"""Filters of the queue under a name of one's own: kept and forgotten by their owner alone."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from tickets.admin.edge import user_of, works_disputes
from tickets.models import SavedView

NAME_LIMIT = 30
QUERY_LIMIT = 500
MOST = 20


def list_own(request: HttpRequest) -> list[SavedView]:
    return list(SavedView.objects.filter(user=user_of(request).pk)[:MOST])


def clean_query(text: str) -> str:
    """This function will keep the filters of an address, without the page and what is empty."""
    given = QueryDict(text[: QUERY_LIMIT * 2], mutable=True)
    for name in list(given):
        if name in ("p", "own") or not given[name]:
            del given[name]
    return given.urlencode()


class OwnViews:
    """Two small addresses of TicketAdmin, both POST."""

    def keep_view(self, request: HttpRequest) -> HttpResponse:
        if not works_disputes(request):
            raise PermissionDenied
        name = request.POST.get("name", "").strip()
        query = clean_query(request.POST.get("query", ""))
        problem = self.find_problem(request, name, query)
        if problem:
            messages.error(request, problem)
        else:
            SavedView.objects.update_or_create(
                user=user_of(request), name=name, defaults={"query": query}
            )
            messages.success(request, _("The view “%(name)s” is kept.") % {"name": name})
        return redirect(f"{reverse('admin:tickets_ticket_changelist')}?{query[:QUERY_LIMIT]}")

    def find_problem(self, request: HttpRequest, name: str, query: str) -> str:
        if not name or len(name) > NAME_LIMIT or not name.isprintable():
            return _("Name: 1 to %(limit)s characters.") % {"limit": NAME_LIMIT}
        if not query:
            return _("Please filter or search first: there is nothing to keep.")
        if len(query) > QUERY_LIMIT:
            return _("These filters are too long: %(count)s characters; at most %(limit)s.") % {
                "count": len(query),
                "limit": QUERY_LIMIT,
            }
        own = SavedView.objects.filter(user=user_of(request).pk).exclude(name=name)
        if own.count() >= MOST:
            return _("At most %(limit)s views; please forget one first.") % {"limit": MOST}
        return ""

    def forget_view(self, request: HttpRequest, view_id: Any) -> HttpResponse:
        SavedView.objects.filter(user=user_of(request).pk, pk=view_id).delete()
        return redirect("admin:tickets_ticket_changelist")
