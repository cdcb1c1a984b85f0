from orders.models.access import ApiKey, IdempotentAnswer
from orders.models.callback import Callback
from orders.models.ledger import HandSettlement, LedgerEntry, MoneyAlarm, Recourse
from orders.models.limit import LimitCounter, PacingBucket
from orders.models.order import Order, OrderEvent
from orders.models.outage import BatchRow, Outage, RefundBatch, new_batch_number
from orders.models.payment import Payment
from orders.models.profile import ShopProfile
from orders.models.reconciliation import ReconciliationDifference, ReconciliationRun
from orders.models.refund import Refund, RefundCall, refund_number
from orders.models.rules import RuleVersion
from orders.models.shop import ShopFault, ShopFeed
from orders.models.topup import DeliveryRecord, ProofLevel, TopUp

__all__ = [
    "ApiKey",
    "BatchRow",
    "Callback",
    "DeliveryRecord",
    "HandSettlement",
    "IdempotentAnswer",
    "LedgerEntry",
    "LimitCounter",
    "MoneyAlarm",
    "Order",
    "OrderEvent",
    "Outage",
    "PacingBucket",
    "Payment",
    "ProofLevel",
    "ReconciliationDifference",
    "ReconciliationRun",
    "Recourse",
    "Refund",
    "RefundBatch",
    "RefundCall",
    "RuleVersion",
    "ShopFault",
    "ShopFeed",
    "ShopProfile",
    "TopUp",
    "new_batch_number",
    "refund_number",
]
