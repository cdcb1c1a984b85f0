"""Every message there is, in both languages, as its reader gets it."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings

from tests.stories import OPENING, Desk, at, make_order
from tickets.models import ArrivalWatch, InboundMail, Notice, Ticket
from tickets.notice_kinds import DIGEST, SMS, URGENT
from tickets.notifiers import compose
from tickets.notifiers.sms import VALUE_LIMIT
from tickets.notifiers.words import PLACEHOLDER, sms_text, sms_values

pytestmark = pytest.mark.django_db

FOLDER = Path(django_settings.BASE_DIR) / "templates" / "notices"
KINDS = sorted(path.stem for path in FOLDER.glob("*.txt") if not path.stem.startswith("_"))
LANGUAGES = ["zh-hans", "en"]
#: Whoever wrote a mail that became no dispute, or was told of a refund nobody asked for.
WITHOUT_TICKET = {
    *("mail_asks_number", "mail_kept", "mail_too_large", "mail_quarantined_staff"),
    *("clock_jumped_staff", "watchdog_worry_staff", "watchdog_clear_staff"),
    *("webhook_disabled_staff", "mailbox_silent_staff", "shop_silent_staff"),
    *("bill_differs_staff", "bill_missing_staff"),
    *("refunded_unasked", "order_arrived", "order_failed"),
}
WITHOUT_PAGE = {"mail_kept", "mailbox_silent_staff", "shop_silent_staff"}
CONTEXT: dict[str, Any] = {
    "kinds": ["payment_screenshot"],
    "files": [{"name": "a.txt", "reason": "too_large"}],
    "amount_fen": 9800,
    "due_at": at("11-25 10:00").isoformat(),
    "since_at": at("11-25 10:00").isoformat(),
    "outcome": "refunded",
    "reason": "dispute_over",
    "code": "ACQ.TRADE_NOT_ALLOW_REFUND",
    "action": "refund",
    "by": "agent",
    "card": "6222 **** 1234",
    "refund_no": "RF1",
    "supplier": "上游甲",
    "channel_code": "alipay",
    "day": "2026-11-23",
    "count": 2,
    "why": "timeout",
    "admin_path": "/admin/orders/reconciliationrun/1/change/",
    "approved": True,
    "limit": 25,
    "error": "timeout",
    "preset": "dujiaoka",
    "into": "D26112482K7",
    "seconds": 86400,
    "worry": "stuck_refunds",
    "url": "https://shop.example.com/hooks",
}
CHINESE = re.compile(r"[\u4e00-\u9fff]")
ENGLISH_SENTENCE = re.compile(r"(?:\b[A-Za-z]{2,}\b[ ,]+){3,}")
#: What customers never read (who is told to wait patiently, or that it was his own fault).
NEVER = ("撤诉", "工单", "12315转交", "请耐心等待", "您操作失误", "亲")


def is_for_staff(kind: str) -> bool:
    return kind.endswith("_staff") or "_staff.txt" in (FOLDER / f"{kind}.txt").read_text()


@pytest.fixture
def ticket(desk: Desk) -> Ticket:
    """A dispute with every fact that a message may name. How it ended is set in memory alone."""
    ticket = desk.open(desk.order(product_name="CM 100"))
    ticket.outcome = Ticket.Outcome.DELIVERED
    return ticket


@pytest.fixture
def mail(db: None) -> InboundMail:
    return InboundMail(
        pk=1,
        sender="zhao@example.com",
        language="zh-hans",
        message_id="<a@b>",
        received_at=OPENING,
    )


def write(kind: str, language: str, ticket: Ticket, mail: InboundMail) -> Notice:
    ticket.language = mail.language = language
    about: dict[str, Any] = {"ticket": ticket}
    if kind in WITHOUT_TICKET:
        about = {"mail": mail} if kind.startswith("mail_") else {"order": ticket.order}
    if kind.startswith("order_"):
        about["watch"] = ArrivalWatch(language=language, email="zhao@example.com")
    audience = "staff" if is_for_staff(kind) else "customer"
    return Notice(
        kind=kind,
        audience=audience,
        context=dict(CONTEXT),
        key=f"one {kind}",
        created_at=OPENING,
        not_before=OPENING,
        **about,
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_message_reads_well(language, ticket, mail, settings, subtests) -> None:
    settings.LANGUAGE_CODE = language
    for kind in sorted(set(KINDS) - {DIGEST}):
        with subtests.test(kind):
            letter = compose(write(kind, language, ticket, mail), now=OPENING)
            check_words(letter.subject, letter.body, language)
            assert 4 <= len(letter.subject) <= 90
            assert "http" in letter.body or kind in WITHOUT_PAGE
            if not is_for_staff(kind):
                assert not any(word in letter.subject + letter.body for word in NEVER)


def check_words(subject: str, body: str, language: str) -> None:
    text = f"{subject}\n{body}"
    for hole in ("{{", "{%", "${", "None", "%(", "  ", "\n\n\n"):
        assert hole not in text, text
    own_words = re.sub(r"https?://\S+", "", text).replace("上游甲", "")
    if language == "en":
        assert not CHINESE.search(own_words), own_words
    else:
        assert CHINESE.search(subject), subject
        assert CHINESE.search(body), body
        assert not ENGLISH_SENTENCE.search(own_words), own_words


def kinds_in_source() -> set[str]:
    """Every kind that the code names where it tells somebody something."""
    calls = re.compile(
        r"(?:notify_(?:customer|owner|supervisors|person|buyer)|hand_to_supervisor|"
        r'alarm_supervisors|reply_to_mail)\(\s*(?:\w+,\s*)*"(\w+)"'
    )
    sources = (Path(django_settings.BASE_DIR) / "tickets").rglob("*.py")
    return {kind for path in sources for kind in calls.findall(path.read_text(encoding="utf-8"))}


def test_every_kind_that_is_named_has_its_words() -> None:
    named = kinds_in_source()
    assert len(named) > 40
    assert named - set(KINDS) == set()
    assert (SMS | URGENT) - set(KINDS) == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sms_is_short_and_says_what_to_do(language, ticket, mail, subtests) -> None:
    for kind in sorted(SMS):
        with subtests.test(kind):
            values = sms_values(write(kind, language, ticket, mail))
            text = sms_text(kind, language, values)
            check_words(text, text, language)
            # 70 characters are one SMS; with the address of the page it may be three.
            words = text.replace(ticket.tracking_token, "")
            assert len(words) <= (80 if language == "zh-hans" else 180)
            assert all(values.values()), values
            assert all(len(value) <= VALUE_LIMIT for value in values.values()), values
            assert not any(word in text for word in NEVER)
            assert ticket.order.target_account not in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_registered_text_is_the_text_with_its_names_left_open(
    language, ticket, mail, subtests
) -> None:
    for kind in sorted(SMS):
        with subtests.test(kind):
            registered = sms_text(kind, language)
            values = sms_values(write(kind, language, ticket, mail))
            filled = PLACEHOLDER.sub(lambda name, known=values: known[name[1]], registered)
            assert filled == sms_text(kind, language, values)
            assert set(PLACEHOLDER.findall(registered)) == set(values)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_summary_names_every_case(desk: Desk, language, settings) -> None:
    settings.LANGUAGE_CODE = language
    tickets = [desk.open(make_order()) for _number in range(3)]
    digest = Notice.objects.create(
        kind=DIGEST,
        audience="staff",
        user=desk.people["wang"],
        key="digest",
        created_at=OPENING,
        not_before=OPENING,
    )
    for one in tickets:
        notice = write("promise_broken_staff", language, one, InboundMail())
        notice.key = one.number
        notice.state, notice.folded_into = "folded", digest
        notice.save()
    letter = compose(digest, now=OPENING)
    check_words(letter.subject, letter.body, language)
    assert "3" in letter.subject
    assert all(one.number in letter.body for one in tickets)
