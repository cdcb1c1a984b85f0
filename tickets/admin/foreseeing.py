"""The preview beside a form: what would it have changed? It answers a POST and saves nothing."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import URLPattern, path
from django.views.decorators.http import require_POST

from tickets.foresight import Foresight


class Foreseeing:
    """A ModelAdmin whose form has a preview; ``foresee`` says what its valid form would change."""

    change_form_after_template = "admin/desk/_preview.html"

    def foresee(self, request: HttpRequest, form: Any) -> Foresight:
        raise NotImplementedError

    def get_urls(self) -> list[URLPattern]:
        owner: Any = self
        wrap = owner.admin_site.admin_view
        name = f"{owner.opts.app_label}_{owner.opts.model_name}"
        own = [
            path("preview/", wrap(require_POST(self.preview)), name=f"{name}_preview_new"),
            path("<int:pk>/preview/", wrap(require_POST(self.preview)), name=f"{name}_preview"),
        ]
        return [*own, *super().get_urls()]  # type: ignore[misc]  # a mixin

    def preview(self, request: HttpRequest, pk: int | None = None) -> HttpResponse:
        owner: Any = self
        row = None if pk is None else get_object_or_404(owner.model, pk=pk)
        allowed = (
            owner.has_add_permission(request)
            if row is None
            else owner.has_change_permission(request, row)
        )
        if not allowed:
            raise PermissionDenied
        form = owner.get_form(request, row, change=row is not None)(request.POST, instance=row)
        context: dict[str, Any] = {"form": form}
        if form.is_valid():
            seen = self.foresee(request, form)
            lines = [(kind.label, change) for kind, change in seen.changes.items() if change.all]
            context |= {"seen": seen, "lines": lines}
        return render(request, "admin/desk/_foresight.html", context)
