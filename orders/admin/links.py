from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from orders.models import Order, Refund


def order_link(order: Order) -> SafeString:
    address = reverse("admin:orders_order_change", args=[order.pk])
    return format_html('<a class="desk-link" href="{}">{}</a>', address, order.order_no)


def refund_link(refund: Refund) -> SafeString:
    address = reverse("admin:orders_refund_change", args=[refund.pk])
    return format_html('<a class="desk-link" href="{}">{}</a>', address, refund.refund_no)
