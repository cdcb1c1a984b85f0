"""The ledger begins with what the payments' counters said when it was introduced."""

import uuid
from datetime import UTC, datetime

from django.db import migrations
from django.db.models import Q


def open_balances(apps, schema_editor):
    Payment = apps.get_model("orders", "Payment")
    LedgerEntry = apps.get_model("orders", "LedgerEntry")
    Refund = apps.get_model("orders", "Refund")
    for payment in Payment.objects.filter(Q(reserved_fen__gt=0) | Q(refunded_fen__gt=0)):
        lines = {
            "payments_received": -(payment.reserved_fen + payment.refunded_fen),
            "customer_refunds_reserved": payment.reserved_fen,
            f"refunds_paid:{payment.channel}": payment.refunded_fen,
        }
        journal, now = uuid.uuid4(), datetime.now(tz=UTC)
        for account, amount_fen in lines.items():
            if amount_fen:
                LedgerEntry.objects.create(
                    journal=journal,
                    kind="opening",
                    account=account,
                    amount_fen=amount_fen,
                    order_id=payment.order_id,
                    payment=payment,
                    at=now,
                )
    for refund in Refund.objects.filter(state="succeeded", paid_fen=None).iterator():
        refund.paid_fen = refund.amount_fen
        refund.save(update_fields=["paid_fen"])
    # Refunds sent before count for the spacing of the next one.
    for refund in Refund.objects.exclude(last_sent_at=None).order_by("last_sent_at").iterator():
        Payment.objects.filter(pk=refund.payment_id).update(refund_sent_at=refund.last_sent_at)


class Migration(migrations.Migration):
    dependencies = [("orders", "0002_saga_and_ledger")]
    operations = [migrations.RunPython(open_balances, migrations.RunPython.noop)]
