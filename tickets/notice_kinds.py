"""Which messages are urgent, and which of them leave by more than e-mail.

The words of each kind are in templates/notices/<kind>.txt, of an SMS in templates/notices/sms/.
"""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

#: Stands for many of one kind that came at once.
DIGEST = "digest_staff"
#: What a customer is told by SMS as well. Whatever is not urgent waits for the morning.
SMS = frozenset(
    {
        "opened",
        "promise_started",
        "proof_incomplete",
        "evidence_requested",
        "evidence_reminder",
        "replied",
        "bank_details_asked",
        "awaiting_approval",
        "refund_requested",
        "redelivery_requested",
        "resolved",
        "promise_broken",
        "referred",
        "refunded_unasked",
    }
)
#: Never held back at night: somebody's money or deadline depends on it being read now. For staff:
#: an alarm, which also goes to the group robots and waits at most a minute to be summed up.
URGENT = frozenset(
    {
        # customers
        "bank_details_asked",
        "promise_broken",
        # staff
        "approval_needed",
        "promise_warning",
        "promise_stuck",
        "promise_broken_staff",
        "refund_alarm_staff",
        "refund_by_hand_staff",
        "refund_manual_staff",
        "refund_rejected_staff",
        "bill_differs_staff",
        "bill_missing_staff",
        "mailbox_silent_staff",
        "mail_quarantined_staff",
        "shop_silent_staff",
        "clock_jumped_staff",
        "watchdog_worry_staff",
        "webhook_disabled_staff",
        "external_case_staff",
        "external_case_missed",
        "supervisor_resolution_missed",
        "transfer_proposed_staff",
        "transfer_voided_staff",
    }
)
#: What the watchdog's questions ask for, in words.
WORRIES: dict[str, Promise] = {
    "tickets_without_clock": _("Disputes without the clock they need"),
    "fired_without_event": _("Fired deadlines without their event"),
    "stuck_outbox": _("Messages and order events waiting over 5 min"),
    "stuck_refunds": _("Refunds without an answer for over 10 min"),
    "overdue_deadlines": _("Deadlines not fired in time"),
    "paused_without_pause": _("Paused clocks without a reason"),
    "levels_without_people": _("Levels without a reachable person"),
    "silent_sources": _("Mailbox or shop database that cannot be read"),
}
