"""What was bought, paid, delivered and given back. The desk writes it; people look, ask the channel
again, and settle what no program can, each in a dialog."""

from orders.admin.api_keys import ApiKeyAdmin
from orders.admin.books import LedgerEntryAdmin, MoneyAlarmAdmin, RecourseAdmin
from orders.admin.callbacks import CallbackAdmin
from orders.admin.money import PaymentAdmin, RefundAdmin
from orders.admin.orders import OrderAdmin, OrderEventAdmin
from orders.admin.reconciliation import ReconciliationDifferenceAdmin, ReconciliationRunAdmin
from orders.admin.shops import ShopFaultAdmin, ShopFeedAdmin
from orders.admin.topups import TopUpAdmin

__all__ = [
    "ApiKeyAdmin",
    "CallbackAdmin",
    "LedgerEntryAdmin",
    "MoneyAlarmAdmin",
    "OrderAdmin",
    "OrderEventAdmin",
    "PaymentAdmin",
    "ReconciliationDifferenceAdmin",
    "ReconciliationRunAdmin",
    "RecourseAdmin",
    "RefundAdmin",
    "ShopFaultAdmin",
    "ShopFeedAdmin",
    "TopUpAdmin",
]
