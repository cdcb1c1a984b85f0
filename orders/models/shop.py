"""A shop's own database that is read, and the rows of it that could not be."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class ShopFeed(models.Model):
    """How far the orders of a shop's database have been read.

    A pass reads everything that changed since a little before the mark, page by page; the cursor
    is where a pass goes on after an interruption. Times are the shop's own.
    """

    preset = models.CharField(_("shop script"), max_length=16, unique=True)
    #: The latest change seen in a finished pass: (changed at, id).
    mark_at = models.DateTimeField(_("read up to"), null=True, blank=True)
    mark_id = models.BigIntegerField(_("row read up to"), default=0)
    cursor_at = models.DateTimeField(_("pass stands at"), null=True, blank=True)
    cursor_id = models.BigIntegerField(_("pass stands at row"), default=0)
    #: One reader at a time: whoever holds it, until then.
    leased_until = models.DateTimeField(_("being read until"), null=True, blank=True)
    #: A pass that took long is not repeated at once.
    next_at = models.DateTimeField(_("not before"), null=True, blank=True)
    last_ok_at = models.DateTimeField(_("last read at"), null=True, blank=True)
    failing_since = models.DateTimeField(_("failing since"), null=True, blank=True)
    last_error = models.CharField(_("last error"), max_length=500, blank=True)

    class Meta:
        verbose_name = _("shop database")
        verbose_name_plural = _("shop databases")

    def __str__(self) -> str:
        return self.preset


class ShopFault(models.Model):
    """A row of the shop's that is no order to us, until it is mended there or here.

    It is read again in every pass; nothing of it is stored but what is wrong with it.
    """

    preset = models.CharField(_("shop script"), max_length=16)
    row_id = models.BigIntegerField(_("row"))
    order_no = models.CharField(_("order number"), max_length=200, blank=True)
    #: [{"field", "code", "detail"}], as the API says it.
    errors = models.JSONField(_("what is wrong"), default=list)
    found_at = models.DateTimeField(_("found at"))
    seen_at = models.DateTimeField(_("last seen at"))
    cleared_at = models.DateTimeField(_("mended at"), null=True, blank=True)

    class Meta:
        verbose_name = _("unread shop order")
        verbose_name_plural = _("unread shop orders")
        ordering = ["-seen_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["preset", "row_id"], name="shop_fault_once"),
        ]
        indexes = [
            # Read by orders.shopdb.faults and by the watchdog.
            models.Index(
                fields=["preset", "seen_at"],
                name="shop_fault_open",
                condition=Q(cleared_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.preset} {self.order_no or self.row_id}"
