import secrets
import uuid
from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from orders.models import Order, Outage

#: No vowels and no look-alikes: read over the telephone without mistakes, and no words by chance.
NUMBER_ALPHABET = "23456789BCDFGHJKMNPQRSTVWXZ"


def new_tracking_token() -> str:
    return secrets.token_urlsafe(24)


class Ticket(models.Model):
    """One dispute about one order, from its opening to its close.

    ``status`` and ``level`` are written by tickets.transitions alone.
    """

    class Status(models.TextChoices):
        NEW = "new", _("new")
        IN_PROGRESS = "in_progress", _("in progress")
        WAITING_CUSTOMER = "waiting_customer", _("waiting for the customer")
        REMEDY_PENDING = "remedy_pending", _("remedy under way")
        RESOLVED = "resolved", _("resolved")
        CLOSED = "closed", _("closed")
        WITHDRAWN = "withdrawn", _("withdrawn")

    #: Statuses in which somebody still owes the customer something.
    OPEN_STATUSES = (
        Status.NEW,
        Status.IN_PROGRESS,
        Status.WAITING_CUSTOMER,
        Status.REMEDY_PENDING,
    )

    class Level(models.TextChoices):
        AGENT = "agent", _("agent")
        SUPERVISOR = "supervisor", _("supervisor")
        REFERRED = "referred", _("referred to 12315")

    class Outcome(models.TextChoices):
        DELIVERED = "delivered", _("delivered")
        REFUNDED = "refunded", _("refunded")
        COMPENSATED = "compensated", _("compensated")
        CORRECTED = "corrected", _("corrected")
        REFUSED = "refused", _("refused with reasons")
        DUPLICATE = "duplicate", _("duplicate")
        WITHDRAWN = "withdrawn", _("withdrawn")

    class Cause(models.TextChoices):
        CUSTOMER_INPUT = "customer_input", _("input of the customer")
        PAYMENT_DELAY = "payment_delay", _("delay on the payment route")
        PLATFORM_FAULT = "platform_fault", _("fault of the platform")
        SUPPLIER_FAULT = "supplier_fault", _("fault of the supplier")
        UNDETERMINED = "undetermined", _("not determined yet")

    class Category(models.TextChoices):
        NON_ARRIVAL = "non_arrival", _("paid, but nothing arrived")
        WRONG_ACCOUNT = "wrong_account", _("topped up the wrong account")
        DUPLICATE_CHARGE = "duplicate_charge", _("charged twice")
        WRONG_AMOUNT = "wrong_amount", _("the amount is wrong")
        CARD_CODE = "card_code", _("the card code does not work")
        OTHER = "other", _("something else")

    class Intake(models.TextChoices):
        WEB = "web", _("web form")
        API = "api", _("API")
        AGENT = "agent", _("agent for a caller")
        EMAIL = "email", _("e-mail")
        DRILL = "drill", _("drill")

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    number = models.CharField(_("number"), max_length=20, unique=True)
    #: Whoever holds it may read and add proof, nothing else.
    tracking_token = models.CharField(
        _("tracking token"), max_length=64, unique=True, default=new_tracking_token, editable=False
    )
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="tickets")
    intake = models.CharField(_("came in by"), max_length=8, choices=Intake.choices)
    #: Made by a drill: worked like any other, never counted in reports.
    is_drill = models.BooleanField(_("drill"), default=False)
    category = models.CharField(_("category"), max_length=20, choices=Category.choices)
    contact_name = models.CharField(_("contact name"), max_length=100, blank=True)
    contact_phone = models.CharField(_("contact phone"), max_length=32, blank=True)
    contact_email = models.EmailField(_("contact e-mail"), blank=True)
    language = models.CharField(_("language"), max_length=10, default="zh-hans")

    status = models.CharField(
        _("status"), max_length=20, choices=Status.choices, default=Status.NEW
    )
    level = models.CharField(_("level"), max_length=12, choices=Level.choices, default=Level.AGENT)
    outcome = models.CharField(_("outcome"), max_length=12, choices=Outcome.choices, blank=True)
    cause = models.CharField(
        _("cause"), max_length=16, choices=Cause.choices, default=Cause.UNDETERMINED
    )
    #: The disturbance that it belongs to, as far as anybody knows.
    outage = models.ForeignKey(
        Outage,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="tickets",
        verbose_name=_("outage"),
    )
    #: Counts reopenings; every clock and refund belongs to one cycle.
    cycle = models.PositiveSmallIntegerField(_("cycle"), default=1)
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="tickets",
        verbose_name=_("owner"),
    )
    #: The policy in force at the opening, as JSON: later edits change nothing.
    policy = models.JSONField(_("policy"))

    opened_at = models.DateTimeField(_("opened at"))
    reopened_at = models.DateTimeField(_("reopened at"), null=True, blank=True)
    #: Start of the 24-hour promise; null until proof is complete or our records prove the fault.
    commitment_started_at = models.DateTimeField(_("promise started at"), null=True, blank=True)
    commitment_due_at = models.DateTimeField(_("promise due at"), null=True, blank=True)
    #: The file that completed the proof, if one did.
    commitment_started_by = models.ForeignKey(
        "tickets.Evidence", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    proof_complete_at = models.DateTimeField(_("proof complete at"), null=True, blank=True)
    first_replied_at = models.DateTimeField(_("first replied at"), null=True, blank=True)
    resolved_at = models.DateTimeField(_("resolved at"), null=True, blank=True)
    closed_at = models.DateTimeField(_("closed at"), null=True, blank=True)

    #: The earliest pending clock of all, written with every change of one (tickets.cases).
    next_due_at = models.DateTimeField(_("next due at"), null=True, blank=True, editable=False)

    nudges = models.PositiveSmallIntegerField(_("nudges"), default=0)
    last_nudged_at = models.DateTimeField(_("last nudged at"), null=True, blank=True)
    customer_reopened = models.BooleanField(_("reopened by the customer"), default=False)
    score = models.PositiveSmallIntegerField(_("score"), null=True, blank=True)
    merged_into = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="merged_tickets"
    )

    #: Head of the event chain: the last sequence number and its hash.
    event_seq = models.PositiveIntegerField(default=0, editable=False)
    event_hash = models.CharField(max_length=64, blank=True, editable=False)
    updated_at = models.DateTimeField(_("updated at"))

    class Meta:
        verbose_name = _("ticket")
        verbose_name_plural = _("tickets")
        ordering = ["-id"]
        permissions = [
            ("work_ticket", _("Can work disputes")),
            ("supervise_ticket", _("Can decide approvals and reviews")),
            ("reveal_contact", _("Can see full contact data, with a reason")),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["order"],
                condition=Q(
                    status__in=["new", "in_progress", "waiting_customer", "remedy_pending"]
                ),
                name="ticket_one_open_per_order",
            ),
        ]
        indexes = [
            # Read by the agents' queue: what is shown and how much of each kind there is.
            models.Index(
                fields=["status", "level"],
                name="ticket_open_by_level",
                condition=Q(
                    status__in=["new", "in_progress", "waiting_customer", "remedy_pending"]
                ),
            ),
            # Read by the agents' queue, whose first page is its beginning.
            models.Index(
                fields=["next_due_at", "id"],
                name="ticket_open_by_due",
                condition=Q(
                    status__in=["new", "in_progress", "waiting_customer", "remedy_pending"]
                ),
            ),
            # Read by the agents' queue where it shows one's own, or nobody's.
            models.Index(
                fields=["assignee", "next_due_at", "id"],
                name="ticket_open_by_owner",
                condition=Q(
                    status__in=["new", "in_progress", "waiting_customer", "remedy_pending"]
                ),
            ),
            # Read by the dashboard's counts of levels.
            models.Index(
                fields=["level"],
                name="ticket_open_level",
                condition=Q(
                    status__in=["new", "in_progress", "waiting_customer", "remedy_pending"],
                    is_drill=False,
                ),
            ),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def is_open(self) -> bool:
        return self.status in self.OPEN_STATUSES

    @property
    def cycle_started_at(self) -> datetime:
        return self.reopened_at or self.opened_at
