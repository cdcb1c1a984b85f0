from django.contrib import admin
from django.urls import include, path, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from orders.api.view import NoSuchCall
from tickets import health
from tickets.admin.setup import setup_page

urlpatterns = [
    path("admin/desk/", include("tickets.admin.rooms")),
    path("admin/setup/", setup_page, name="setup"),
    path("admin/", admin.site.urls),
    path("i18n/", include("django.conf.urls.i18n")),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path(
        "api/docs/",
        SpectacularSwaggerSplitView.as_view(url_name="schema", http_method_names=["get", "head"]),
        name="api-docs",
    ),
    path("healthz", health.is_up, name="healthz"),
    path("healthz/timers", health.timers, name="healthz-timers"),
    path("readyz", health.is_ready, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
    path("", include("orders.urls")),
    path("api/v1/", include("tickets.api.urls")),
    path("", include("tickets.urls")),
    # Whatever nobody above took: an API answers with a problem, never with a page.
    re_path(r"^api/", NoSuchCall.as_view()),
]
