from tickets.models.approval import Approval
from tickets.models.arrival import ArrivalWatch
from tickets.models.breach import Breach
from tickets.models.calendar import CalendarDay, StaffedHours
from tickets.models.closure import ClosureReview
from tickets.models.deadline import ClockPause, Deadline, SweepBeat
from tickets.models.duty import Presence, Shift
from tickets.models.event import Event
from tickets.models.evidence import Draft, Evidence
from tickets.models.external import ExternalCase
from tickets.models.factcheck import FactCheck
from tickets.models.macro import Macro
from tickets.models.mail import InboundMail, Mailbox
from tickets.models.message import Message
from tickets.models.notice import Notice
from tickets.models.policy import ServicePolicy
from tickets.models.referral import Referral
from tickets.models.saved_view import SavedView
from tickets.models.ticket import NUMBER_ALPHABET, Ticket
from tickets.models.transfer import BankDetails, BankTransfer
from tickets.models.visit import Visit
from tickets.models.watch import ClockJump, Worry
from tickets.models.webhook import WebhookDelivery, WebhookEndpoint

__all__ = [
    "NUMBER_ALPHABET",
    "Approval",
    "ArrivalWatch",
    "BankDetails",
    "BankTransfer",
    "Breach",
    "CalendarDay",
    "ClockJump",
    "ClockPause",
    "ClosureReview",
    "Deadline",
    "Draft",
    "Event",
    "Evidence",
    "ExternalCase",
    "FactCheck",
    "InboundMail",
    "Macro",
    "Mailbox",
    "Message",
    "Notice",
    "Presence",
    "Referral",
    "SavedView",
    "ServicePolicy",
    "Shift",
    "StaffedHours",
    "SweepBeat",
    "Ticket",
    "Visit",
    "WebhookDelivery",
    "WebhookEndpoint",
    "Worry",
]
