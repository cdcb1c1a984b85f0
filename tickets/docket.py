"""A docket is what one transaction decides, about one ticket or five hundred.

Rows are changed and added in memory; ``flush`` writes them with a handful of set-based
statements, so that either everything a decision means is committed or nothing is.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from django.db import models

from helpdesk.wake import wake
from tickets.announcing import announce_events
from tickets.bulk import insert_rows, update_rows
from tickets.calendars import StaffedCalendar
from tickets.models import (
    Approval,
    BankTransfer,
    Breach,
    ClockPause,
    Deadline,
    Event,
    ExternalCase,
    FactCheck,
    Message,
    Notice,
    Referral,
    WebhookDelivery,
)
from tickets.staffing import OnCall, load_calendar

#: The order in which rows are written: what others point at comes first.
WRITE_ORDER: tuple[type[models.Model], ...] = (
    Deadline,
    ClockPause,
    Message,
    Event,
    Approval,
    FactCheck,
    Referral,
    ExternalCase,
    BankTransfer,
    Breach,
    Notice,
    WebhookDelivery,
)
#: What a repeat of the same reason makes once.
ONCE_PER_KEY = (Notice, WebhookDelivery)


@dataclass
class Docket:
    """The rows one transaction will write at ``now``, and what its decisions share."""

    now: datetime
    #: The piece of news that made us decide, where one did: "order_event:7:".
    about: str = ""
    added: dict[type[models.Model], list[Any]] = field(default_factory=lambda: defaultdict(list))
    changed: dict[type[models.Model], dict[int, tuple[Any, set[str]]]] = field(
        default_factory=lambda: defaultdict(dict)
    )

    #: What has to be known of a case before its rows are written.
    before_flush: list[Callable[[], None]] = field(default_factory=list)

    def on_flush(self, look: Callable[[], None]) -> None:
        self.before_flush.append(look)

    @cached_property
    def calendar(self) -> StaffedCalendar:
        return load_calendar()

    @cached_property
    def on_call(self) -> OnCall:
        return OnCall.load()

    def add(self, row: models.Model) -> None:
        self.added[type(row)].append(row)

    def change(self, row: models.Model, *fields: str) -> None:
        """This function will remember that ``fields`` of ``row`` have to be written.

        A row that is itself still to be inserted needs no update.
        """
        if row.pk is None:
            return
        entry = self.changed[type(row)].setdefault(row.pk, (row, set()))
        entry[1].update(fields)

    def flush(self) -> None:
        for look in self.before_flush:
            look()
        for model, entries in self.changed.items():
            self._write_changes(model, list(entries.values()))
        if events := self.added[Event]:
            self.added[WebhookDelivery] += announce_events(events)
        for model in WRITE_ORDER:
            if rows := self.added[model]:
                # A key makes a repeat harmless; nothing else may be a repeat.
                insert_rows(model, rows, ignore_conflicts=model in ONCE_PER_KEY)
        if self.added[Notice] or self.added[FactCheck]:
            wake("tickets.tasks.relay")
        if self.added[WebhookDelivery]:
            wake("tickets.tasks.deliver_webhooks")
        self.added.clear()
        self.changed.clear()

    @staticmethod
    def _write_changes(
        model: type[models.Model], entries: list[tuple[models.Model, set[str]]]
    ) -> None:
        if len(entries) == 1:
            row, names = entries[0]
            row.save(update_fields=sorted(names))
            return
        names = set().union(*(names for _row, names in entries))
        update_rows(model, [row for row, _n in entries], sorted(names))
