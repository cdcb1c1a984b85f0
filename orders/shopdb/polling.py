"""One pass over a shop's orders: everything that changed, page by page, as far as time goes."""

import logging
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import ModuleType
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from orders.models import Order, Payment, ShopFault, ShopFeed
from orders.shopdb.connection import Account, Shop, UnableToReadShop, open_shop, read_account
from orders.shopdb.presets import PRESETS
from orders.shopdb.presets.words import Local
from orders.shopdb.rows import clear_faults, store_row

logger = logging.getLogger(__name__)

PAGE = 500
#: Longer than a worker's task may run: a reader that died frees the shop then.
LEASE = timedelta(seconds=90)
BUDGET_S = 20.0
#: A shop's transaction may commit after a later one was seen; whole seconds hide an order.
OVERLAP = timedelta(minutes=5)
#: A pass that took longer than this is not repeated before as long again has gone by.
LONG_PASS_S = 10.0
#: Orders that are not finished are asked for again by number, the longest unasked first.
UNFINISHED = (
    Order.Status.PAID,
    Order.Status.RECHARGING,
    Order.Status.UNKNOWN,
    Order.Status.FAILED,
    Order.Status.PARTIALLY_DELIVERED,
)
UNFINISHED_FOR = timedelta(days=90)
THE_BEGINNING = datetime(1970, 1, 2)  # noqa: DTZ001  (the shop's times have no zone)
PREFIX = re.compile(r"[0-9A-Za-z_]{0,32}")


@dataclass(frozen=True)
class Source:
    """A shop as the settings describe it."""

    account: Account
    preset: ModuleType
    prefix: str
    zone: ZoneInfo
    channels: dict[str, str]
    manual_arrival: str

    def local(self, as_of: datetime) -> Local:
        return Local(self.zone, self.channels, self.manual_arrival, as_of)

    def select(self) -> str:
        return str(self.preset.SELECT).format(prefix=self.prefix)


@dataclass
class Pass:
    counts: Counter[str] = field(default_factory=Counter)
    #: Whether everything that changed has been read, or the time was over first.
    finished: bool = False
    #: Whether another reader has the shop at this moment, or the shop rests after a long pass.
    busy: bool = False


def read_source() -> Source:
    """This function will read what the settings say of the shop.

    :raises UnableToReadShop: naming the setting that cannot be.
    """
    preset = PRESETS.get(settings.SHOP_DB_PRESET)
    if preset is None:
        raise bad_setting("SHOP_DB_PRESET", settings.SHOP_DB_PRESET, ", ".join(PRESETS))
    prefix = settings.SHOP_DB_PREFIX if preset.NAME == Order.Source.ACG_FAKA else ""
    if not PREFIX.fullmatch(prefix):
        raise bad_setting("SHOP_DB_PREFIX", prefix, "acg_")
    try:
        zone = ZoneInfo(settings.SHOP_DB_TIME_ZONE)
    except (ZoneInfoNotFoundError, ValueError):
        raise bad_setting(
            "SHOP_DB_TIME_ZONE", settings.SHOP_DB_TIME_ZONE, "Asia/Shanghai"
        ) from None
    for channel in settings.SHOP_DB_CHANNELS.values():
        if channel not in Payment.Channel.values:
            raise bad_setting("SHOP_DB_CHANNELS", channel, ", ".join(Payment.Channel.values))
    return Source(
        account=read_account(settings.SHOP_DB_URL),
        preset=preset,
        prefix=prefix,
        zone=zone,
        channels=dict(settings.SHOP_DB_CHANNELS),
        manual_arrival=settings.SHOP_DB_MANUAL_ARRIVAL,
    )


def bad_setting(name: str, value: str, known: str) -> UnableToReadShop:
    return UnableToReadShop(
        _("%(name)s is “%(value)s”. Possible: %(known)s.")
        % {"name": name, "value": value, "known": known}
    )


def poll_shop(
    *,
    source: Source,
    clock: Callable[[], datetime],
    budget_s: float = BUDGET_S,
    page: int = PAGE,
) -> Pass:
    """This function will store what changed in the shop, the oldest change first.

    Each row is a transaction of its own; where a pass stands is kept after every page.

    :raises UnableToReadShop: nothing is lost, the next look goes on from there.
    """
    feed = claim_feed(source, now=clock())
    if feed is None:
        return Pass(busy=True)
    started = time.monotonic()
    done = Pass()
    try:
        with open_shop(source.account) as shop:
            read_changes(shop, source, feed, done, clock=clock, ends=started + budget_s, page=page)
            read_again(shop, source, done, clock=clock, page=page)
    except UnableToReadShop as error:
        note_failure(feed, str(error), now=clock())
        raise
    note_success(feed, now=clock(), took_s=time.monotonic() - started)
    return done


def claim_feed(source: Source, *, now: datetime) -> ShopFeed | None:
    """This function will make this reader the only one, for the length of a lease."""
    with transaction.atomic(durable=True):
        feed, _created = ShopFeed.objects.get_or_create(preset=source.preset.NAME)
        free = Q(leased_until__isnull=True) | Q(leased_until__lte=now)
        rested = Q(next_at__isnull=True) | Q(next_at__lte=now)
        mine = ShopFeed.objects.filter(free, rested, pk=feed.pk).update(leased_until=now + LEASE)
    return feed if mine else None


def read_changes(
    shop: Shop,
    source: Source,
    feed: ShopFeed,
    done: Pass,
    *,
    clock: Callable[[], datetime],
    ends: float,
    page: int,
) -> None:
    """This function will read from the cursor on, or from a little before the mark."""
    at, row_id = where_to_begin(feed, source)
    while True:
        as_of = clock()
        rows = fetch_changed(shop, source, (at, row_id), page)
        store_rows(source, rows, done, as_of=as_of, clock=clock)
        if rows:
            at, row_id = rows[-1]["changed_at"], rows[-1]["id"]
        if len(rows) < page:
            finish_pass(feed, source, at=min(at, naive(as_of, source.zone)), row_id=row_id)
            done.finished = True
            return
        keep_place(feed, source, at=at, row_id=row_id, now=clock())
        if time.monotonic() >= ends:
            return


def where_to_begin(feed: ShopFeed, source: Source) -> tuple[datetime, int]:
    if feed.cursor_at is not None:
        return naive(feed.cursor_at, source.zone), feed.cursor_id
    if feed.mark_at is None:
        return THE_BEGINNING, 0
    return naive(feed.mark_at, source.zone) - OVERLAP, 0


def naive(moment: datetime, zone: ZoneInfo) -> datetime:
    return moment.astimezone(zone).replace(tzinfo=None)


def fetch_changed(
    shop: Shop, source: Source, after: tuple[datetime, int], page: int
) -> list[dict[str, Any]]:
    at, row_id = after
    changed, narrow = source.preset.CHANGED, source.preset.NARROW
    return shop.fetch(
        f"{source.select()} WHERE {narrow} AND ({changed} > %s OR ({changed} = %s AND o.id > %s))"
        f" ORDER BY {changed}, o.id LIMIT %s",
        (at, at, at, row_id, page),
    )


def store_rows(
    source: Source,
    rows: list[dict[str, Any]],
    done: Pass,
    *,
    as_of: datetime,
    clock: Callable[[], datetime],
) -> None:
    """`as_of` was before the rows were read: what they say was true then, or later."""
    local = source.local(as_of)
    for row in rows:
        done.counts[store_row(source.preset, row, local, now=clock())] += 1


def finish_pass(feed: ShopFeed, source: Source, *, at: datetime, row_id: int) -> None:
    """The mark never stands ahead of the clock: a row dated tomorrow hides nothing."""
    if at > THE_BEGINNING:
        feed.mark_at, feed.mark_id = at.replace(tzinfo=source.zone), row_id
    feed.cursor_at, feed.cursor_id = None, 0
    feed.save(update_fields=["mark_at", "mark_id", "cursor_at", "cursor_id"])


def keep_place(feed: ShopFeed, source: Source, *, at: datetime, row_id: int, now: datetime) -> None:
    feed.cursor_at, feed.cursor_id = at.replace(tzinfo=source.zone), row_id
    feed.leased_until = now + LEASE
    feed.save(update_fields=["cursor_at", "cursor_id", "leased_until"])


def read_again(
    shop: Shop, source: Source, done: Pass, *, clock: Callable[[], datetime], page: int
) -> None:
    """This function will ask again for what is not finished here and for what could not be read.

    It finds deliveries that leave no time in the shop, and keeps what the desk knows of a disputed
    order fresh enough to act on.
    """
    as_of = clock()
    since = as_of - UNFINISHED_FOR
    unfinished = Order.objects.filter(
        source=source.preset.NAME, status__in=UNFINISHED, created_at__gte=since
    ).order_by("facts_as_of")
    numbers = list(unfinished.values_list("order_no", flat=True)[:page])
    for rows in fetch_by(shop, source, source.preset.ORDER_NO, numbers):
        store_rows(source, rows, done, as_of=as_of, clock=clock)
    faults = ShopFault.objects.filter(preset=source.preset.NAME, cleared_at__isnull=True)
    ids = list(faults.order_by("seen_at").values_list("row_id", flat=True)[:page])
    found: set[int] = set()
    for rows in fetch_by(shop, source, "o.id", ids):
        found |= {row["id"] for row in rows}
        store_rows(source, rows, done, as_of=as_of, clock=clock)
    clear_faults(source.preset, [row_id for row_id in ids if row_id not in found], now=clock())
    done.counts["rejected"] = faults.count()


def fetch_by(
    shop: Shop, source: Source, column: str, values: list[Any]
) -> Iterator[list[dict[str, Any]]]:
    if values:
        marks = ", ".join(["%s"] * len(values))
        yield shop.fetch(f"{source.select()} WHERE {column} IN ({marks})", tuple(values))


def note_success(feed: ShopFeed, *, now: datetime, took_s: float) -> None:
    feed.last_ok_at, feed.leased_until = now, None
    feed.failing_since, feed.last_error = None, ""
    feed.next_at = now + timedelta(seconds=took_s) if took_s > LONG_PASS_S else None
    feed.save(
        update_fields=["last_ok_at", "leased_until", "failing_since", "last_error", "next_at"]
    )


def note_failure(feed: ShopFeed, error: str, *, now: datetime) -> None:
    logger.warning("the shop's database cannot be read: %s", error)
    feed.failing_since = feed.failing_since or now
    feed.last_error, feed.leased_until = error[:500], None
    feed.save(update_fields=["failing_since", "last_error", "leased_until"])
