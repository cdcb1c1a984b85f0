"""The desk's rooms in the admin: the queue, the dispute, and what supervisors look after."""

from tickets.admin.approvals import ApprovalAdmin
from tickets.admin.breaches import BreachAdmin
from tickets.admin.calendar import CalendarDayAdmin, StaffedHoursAdmin
from tickets.admin.clocks import DeadlineAdmin
from tickets.admin.closures import ClosureReviewAdmin
from tickets.admin.external import ExternalCaseAdmin
from tickets.admin.macros import MacroAdmin
from tickets.admin.mails import InboundMailAdmin
from tickets.admin.notices import NoticeAdmin
from tickets.admin.outages import OutageAdmin
from tickets.admin.people import PeopleAdmin, RolesAdmin
from tickets.admin.policies import ServicePolicyAdmin
from tickets.admin.referrals import ReferralAdmin
from tickets.admin.refund_batches import BatchRowAdmin, RefundBatchAdmin
from tickets.admin.rules import RuleVersionAdmin
from tickets.admin.shifts import ShiftAdmin
from tickets.admin.ticket import TicketAdmin
from tickets.admin.webhooks import WebhookDeliveryAdmin, WebhookEndpointAdmin

__all__ = [
    "ApprovalAdmin",
    "BatchRowAdmin",
    "BreachAdmin",
    "CalendarDayAdmin",
    "ClosureReviewAdmin",
    "DeadlineAdmin",
    "ExternalCaseAdmin",
    "InboundMailAdmin",
    "MacroAdmin",
    "NoticeAdmin",
    "OutageAdmin",
    "PeopleAdmin",
    "ReferralAdmin",
    "RefundBatchAdmin",
    "RolesAdmin",
    "RuleVersionAdmin",
    "ServicePolicyAdmin",
    "ShiftAdmin",
    "StaffedHoursAdmin",
    "TicketAdmin",
    "WebhookDeliveryAdmin",
    "WebhookEndpointAdmin",
]
