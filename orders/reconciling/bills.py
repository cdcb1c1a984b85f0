"""The bills of one channel: given as files, or fetched, each once."""

import logging
import time
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path

from django.utils.translation import gettext as _

from orders.channels import find_billing_channel
from orders.channels.base import BILL_TIMEOUT_S, ChannelError, NoBill
from orders.reconciling.packed import PACKED_LIMIT
from orders.reconciling.statement import Statement, UnableToReadStatement
from orders.reconciling.statements import READERS, Reader

logger = logging.getLogger(__name__)

LEAST_TIMEOUT_S = 1.0


class NoStatement(Exception):
    """There is no bill of that day to be had; the text says why.

    `is_told`: the channel itself says that it has none, which may mean that nothing happened.
    """

    def __init__(self, message: str, *, is_told: bool = False) -> None:
        super().__init__(message)
        self.is_told = is_told


class Bills:
    """Read on demand and kept, whether it worked or not."""

    def __init__(
        self, read: Callable[[date], Statement], sources: Mapping[date, str] | None = None
    ) -> None:
        self._read = read
        self._sources = sources or {}
        self._kept: dict[date, Statement | Exception] = {}

    def get(self, day: date) -> Statement:
        """This function will return the bill of a day.

        :raises NoStatement: there is none.
        :raises UnableToReadStatement: there is something else, or only a part.
        """
        if day not in self._kept:
            try:
                self._kept[day] = self._read(day)
            except (NoStatement, UnableToReadStatement) as error:
                self._kept[day] = error
        kept = self._kept[day]
        if isinstance(kept, Exception):
            raise kept
        return kept

    def find(self, day: date) -> Statement | None:
        """This function will return a bill that is only looked into, if it can be had."""
        try:
            return self.get(day)
        except (NoStatement, UnableToReadStatement) as error:
            logger.info("no bill of %s to look into: %s", day, error)
            return None

    def name_source(self, day: date) -> str:
        return self._sources.get(day, "channel")


def fetched_bills(channel: str, *, today: date, within: float | None = None) -> Bills:
    """This function will give the bills that a channel itself hands out; after `within` seconds
    it asks for no more."""
    give_up_at = None if within is None else time.monotonic() + within
    source, reader = find_billing_channel(channel), READERS.get(channel)

    def read(day: date) -> Statement:
        if source is None or reader is None:
            raise NoStatement(_("Bills of this channel cannot be fetched; give them as files."))
        if day > today:
            raise NoStatement(_("That day has not begun yet."))
        left = BILL_TIMEOUT_S if give_up_at is None else give_up_at - time.monotonic()
        if left < LEAST_TIMEOUT_S:
            raise NoStatement(_("There was no time left to fetch this bill."))
        try:
            content = source.fetch_bill(day=day, timeout=min(left, BILL_TIMEOUT_S))
        except ChannelError as error:
            raise NoStatement(str(error), is_told=isinstance(error, NoBill)) from error
        return reader.read_statement(content, day=day)

    return Bills(read)


def read_file(reader: Reader, path: Path, *, day: date | None) -> Statement:
    try:
        if path.stat().st_size > PACKED_LIMIT:
            raise UnableToReadStatement(
                _("The file is larger than %(mb)d MB.") % {"mb": PACKED_LIMIT >> 20}
            )
        return reader.read_statement(path.read_bytes(), day=day)
    except UnableToReadStatement as error:
        error.file = f"{path.name}: {error.file}" if error.file else path.name
        raise
    except OSError as error:
        message = _("The file cannot be read: %(why)s.") % {"why": error.strerror}
        raise UnableToReadStatement(message, file=str(path)) from error


def given_bills(
    channel: str, paths: list[Path], *, day: date | None = None
) -> tuple[Bills, list[date]]:
    """This function will read bills out of files, and tell of which days they are.

    `day` is needed only for a bill that does not say it itself.

    :raises UnableToReadStatement: a file is no bill of this channel, or not all of one.
    """
    reader = READERS.get(channel)
    if reader is None:
        raise UnableToReadStatement(_("No bills of this channel can be read."))
    known: dict[date, tuple[Statement, str]] = {}
    for path in paths:
        statement = read_file(reader, path, day=day if len(paths) == 1 else None)
        if statement.day in known:
            raise UnableToReadStatement(
                _("Two files are of %(day)s.") % {"day": statement.day.isoformat()}, file=path.name
            )
        known[statement.day] = (statement, path.name)

    def read(wanted: date) -> Statement:
        if wanted not in known:
            raise NoStatement(_("No file of that day was given."))
        return known[wanted][0]

    return Bills(read, {found: name for found, (_s, name) in known.items()}), sorted(known)
