from django.urls import URLPattern, URLResolver, path

from orders.api import views

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
]
