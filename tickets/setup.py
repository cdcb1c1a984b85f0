"""The checklist of an operator's first hour: each item is a fact, not a tick."""

from datetime import datetime, timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from orders.channels import has_channel
from orders.models import Order, Payment, Refund
from tickets.models import CalendarDay, Notice, StaffedHours
from tickets.policies import get_policy
from tickets.policy_reader import read_policy
from tickets.setup_item import Item
from tickets.shop_profile import TEST_MAIL, find_profile, mail_settings, policy_digest

LOOPBACK = {"127.0.0.1", "localhost", "::1"}
SUPERVISORS, AGENTS = 2, 1
#: Channels that money came through within this time have to be able to pay back.
RECENT = timedelta(days=90)
NOT_OURS = (Order.Source.DEMO, Order.Source.DRILL)


def checklist(*, now: datetime) -> list[Item]:
    """This function will look at every item as things stand, changing nothing."""
    return [
        check_shop(),
        check_site(),
        check_hours(now),
        check_people(),
        check_mail(),
        check_orders(),
        check_channels(now),
        check_refund(),
        check_policy(),
        check_budgets(),
    ]


def check_shop() -> Item:
    profile = find_profile()
    known = [profile.legal_name, profile.address]
    return Item(
        "shop",
        _("Name and address of the shop"),
        all(known),
        " · ".join(filter(None, known)) or _("not given yet"),
        _("Fill them in below: customers see whom they deal with, and need them for 12315."),
    )


def check_site() -> Item:
    url = urlsplit(settings.SITE_URL)
    public = url.scheme == "https" and url.hostname not in LOOPBACK
    return Item(
        "site",
        _("Address of the desk"),
        public and not settings.SITE_URL_IS_GUESSED,
        settings.SITE_URL,
        _("Set SITE_URL=https://… to the address customers will use; every link is built on it."),
    )


def check_hours(now: datetime) -> Item:
    hours = list(StaffedHours.objects.all())
    year = timezone.localtime(now).year
    known = CalendarDay.objects.filter(date__year=year).exists()
    lacks_calendar = any(day.follows_holidays for day in hours) and not known
    fact = ngettext("%(n)d day a week", "%(n)d days a week", len(hours)) % {"n": len(hours)}
    step = _("Enter when somebody is at the desk under Staffed hours.")
    if lacks_calendar:
        fact = _("the public holidays of %(year)d are not loaded") % {"year": year}
        step = _("Run: manage.py load_calendar --year %(year)d") % {"year": year}
    return Item("hours", _("Staffed hours"), bool(hours) and not lacks_calendar, fact, step)


def people_with(right: str) -> QuerySet[User]:
    backend = "django.contrib.auth.backends.ModelBackend"
    people = User.objects.with_perm(right, backend=backend, include_superusers=False)
    return people.filter(is_active=True, is_staff=True)


def check_people() -> Item:
    """An address for each: an alarm that reaches nobody is none."""
    supervisors = people_with("tickets.supervise_ticket")
    agents = people_with("tickets.work_ticket").exclude(pk__in=supervisors.values("pk"))
    found = {"supervisors": supervisors.count(), "agents": agents.count()}
    mute = [user.username for user in supervisors.union(agents) if not user.email]
    enough = found["supervisors"] >= SUPERVISORS and found["agents"] >= AGENTS
    fact = _("supervisors: %(supervisors)d, agents: %(agents)d") % found
    step = _("Two supervisors (nobody approves his own request) and an agent, under People.")
    if mute:
        fact += "; " + _("without e-mail: %(names)s") % {"names": ", ".join(sorted(mute))}
        step = _("Give each of them an e-mail address: alarms go there.") if enough else step
    return Item("people", _("People"), enough and not mute, fact, step)


def check_mail() -> Item:
    profile = find_profile()
    title = _("Test mail")
    if not settings.EMAIL_URL:
        step = _("Set EMAIL_URL=smtp+tls://user:password@smtp.example.com:587 and start again.")
        return Item("mail", title, False, _("mail is written into a folder here"), step)
    same = profile.mail_settings == mail_settings()
    if profile.mail_confirmed_at and same:
        fact = _("arrived at %(address)s") % {"address": profile.mail_to}
        return Item("mail", title, True, fact)
    if not (profile.mail_code and same):
        return Item("mail", title, False, _("none has arrived"), _("Send yourself one below."))
    last = Notice.objects.filter(kind=TEST_MAIL).order_by("-pk").first()
    fact = _("on its way to %(address)s") % {"address": profile.mail_to}
    if last is not None and last.last_error:
        fact = _("not sent: %(error)s") % {"error": last.last_error}
    elif last is not None and last.state == Notice.State.SENT:
        fact = _("sent to %(address)s") % {"address": profile.mail_to}
    return Item("mail", title, False, fact, _("Type the code of the mail in below."))


def check_orders() -> Item:
    orders = Order.objects.exclude(source__in=NOT_OURS)
    last = orders.order_by("-facts_as_of").first()
    fact = _("no order has come in")
    if last is not None:
        fact = _("%(count)d orders, the last from: %(source)s") % {
            "count": orders.count(),
            "source": last.get_source_display(),
        }
    step = _(
        "Let the shop send orders by API, read its database (docs/shop-scripts.md), or import a "
        "file (docs/importing.md)."
    )
    return Item("orders", _("Where orders come from"), last is not None, fact, step)


def check_channels(now: datetime) -> Item:
    used = Payment.objects.filter(paid_at__gte=now - RECENT).exclude(order__source__in=NOT_OURS)
    codes = set(used.values_list("channel", flat=True))
    labels = dict(Payment.Channel.choices)
    ready = [code for code in labels if has_channel(code)]
    lacking = sorted(codes - set(ready) - {Payment.Channel.OFFLINE})
    only_by_hand = codes == {Payment.Channel.OFFLINE}
    fact = ", ".join(str(labels[code]) for code in ready) or _("none is connected")
    if lacking:
        names = ", ".join(str(labels[code]) for code in lacking)
        fact += "; " + _("paid through, but not connected: %(names)s") % {"names": names}
    elif only_by_hand:
        fact = _("everything is paid back by hand")
    step = _("Set the keys of the channels your customers pay through (.env.example).")
    done = not lacking and (bool(ready) or only_by_hand)
    return Item("channels", _("Payment channels"), done, fact, step)


def check_refund() -> Item:
    settled = Refund.objects.filter(state=Refund.State.SUCCEEDED).exclude(
        payment__order__source__in=NOT_OURS
    )
    last = settled.order_by("-settled_at").first()
    step = _(
        "Buy something small in your own shop, file a dispute about it, press Refund there, and "
        "see the money arrive."
    )
    fact = _("none has been settled")
    if last is not None:
        fact = _("%(number)s was settled") % {"number": last.refund_no}
    return Item("refund", _("One real refund"), last is not None, fact, step)


def check_policy() -> Item:
    profile = find_profile()
    row = get_policy()
    seen = profile.policy_digest == policy_digest()
    fact = _("version %(version)d") % {"version": row.version}
    if profile.policy_seen_at and not seen:
        fact = _("changed since it was read: version %(version)d") % {"version": row.version}
    step = _("Read what the desk will promise under Policies, change it, then confirm below.")
    return Item("policy", _("Promises"), seen, fact, step)


def check_budgets() -> Item:
    budget = read_policy(get_policy().body).auto_refund_budget_fen
    known = budget.hour is not None and budget.day is not None
    fact = _("no limit to what the desk refunds by itself")
    if budget.hour is not None and budget.day is not None:
        fact = _("¥%(hour)s an hour, ¥%(day)s a day") % {
            "hour": f"{budget.hour / 100:,.2f}",
            "day": f"{budget.day / 100:,.2f}",
        }
    step = _("Say below how much the desk may refund alone; above it a supervisor is asked.")
    return Item("budgets", _("Budgets"), known, fact, step)
