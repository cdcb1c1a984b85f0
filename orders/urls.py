from django.urls import URLPattern, URLResolver, path, re_path

from orders.api import outages, views
from orders.callbacks import views as callbacks

urlpatterns: list[URLPattern | URLResolver] = [
    path("api/v1/orders/<str:order_no>", views.OrderView.as_view(), name="api-order"),
    path(
        "api/v1/orders/<str:order_no>/top-ups",
        views.OrderTopUps.as_view(),
        name="api-order-top-ups",
    ),
    path(
        "api/v1/orders/<str:order_no>/delivery-records",
        views.OrderDeliveryRecords.as_view(),
        name="api-order-delivery-records",
    ),
    path("api/v1/refunds", views.RefundList.as_view(), name="api-refunds"),
    path("api/v1/refunds/<str:refund_no>", views.RefundView.as_view(), name="api-refund"),
    path("api/v1/outages", outages.OutageList.as_view(), name="api-outages"),
    path("api/v1/notices", outages.NoticeList.as_view(), name="api-notices"),
    # A provider does not follow a redirect to the address with the slash.
    re_path(
        r"^callbacks/channels/(?P<code>[a-z0-9_-]{1,32})/?$",
        callbacks.receive_from_channel,
        name="callback-channel",
    ),
    re_path(
        r"^callbacks/suppliers/(?P<code>[a-z0-9_-]{1,32})/?$",
        callbacks.receive_from_supplier,
        name="callback-supplier",
    ),
]
