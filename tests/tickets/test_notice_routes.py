"""SMS and group robots over real HTTP: signed, sent once, asked about where nobody answered."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest

from tests.simulator_fixture import Simulator
from tests.stories import HOUR, MINUTE, SECOND, Desk, at, make_order
from tickets.alarms import alarm_supervisors
from tickets.intake import Contact
from tickets.models import Notice, Ticket
from tickets.notices import UNKNOWN_WAIT, send_due_notices
from tickets.notifiers import aliyun_wire, dingtalk, feishu, sms, wecom
from tickets.notifiers.base import mask_text
from tickets.texting import after_quiet_hours

pytestmark = pytest.mark.django_db

TEMPLATES = {"opened": "SMS_1", "opened.en": "SMS_2", "promise_started": "SMS_3"}
TEMPLATES["promise_broken"] = "SMS_4"
PHONE = "13900005678"


@pytest.fixture
def ways(simulator: Simulator, settings) -> Simulator:
    """A desk with SMS and three robots, all of them at the simulator."""
    for name, value in simulator.notice_environ.items():
        setattr(settings, name, value)
    settings.ALIYUN_SMS_TEMPLATES = TEMPLATES
    return simulator


#: The simulator judges a signature by the real clock, so these stories happen today.
NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture(autouse=True)
def _awake(settings) -> None:
    settings.SMS_QUIET_FROM = settings.SMS_QUIET_UNTIL = 0


def open_with_phone(desk: Desk, *, now: datetime = NOW, phone: str = PHONE, **how) -> Ticket:
    return desk.open(now=now, contact=Contact(name="赵磊", phone=phone), **how)


def send(now: datetime = NOW) -> int:
    return send_due_notices(clock=lambda: now)


def sms_of(ticket: Ticket, kind: str = "opened") -> Notice:
    return Notice.objects.get(ticket=ticket, kind=kind, route="sms")


class TestAliyunsSignature:
    def test_the_example_of_aliyuns_documentation(self) -> None:
        """ "Request syntax and signature method V3", the example of RunInstances."""
        account = aliyun_wire.Account("", "YourAccessKeyId", "YourAccessKeySecret")
        headers = {
            "host": "ecs.cn-shanghai.aliyuncs.com",
            "x-acs-action": "RunInstances",
            "x-acs-version": "2014-05-26",
            "x-acs-date": "2023-10-26T10:22:32Z",
            "x-acs-signature-nonce": "3156853299f313e23d1673dc12e1703d",
            "x-acs-content-sha256": aliyun_wire.EMPTY_DIGEST,
        }
        query = aliyun_wire.canonical_query(
            {
                "ImageId": "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd",
                "RegionId": "cn-shanghai",
            }
        )
        expected = "06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"
        assert aliyun_wire.authorize(account, query, headers).endswith(f"Signature={expected}")

    def test_what_is_encoded(self) -> None:
        assert (
            aliyun_wire.canonical_query({"b": "a b*~/", "a": "退"}) == "a=%E9%80%80&b=a%20b%2A~%2F"
        )

    def test_a_wrong_secret_is_noticed(self, desk, ways, settings) -> None:
        settings.ALIYUN_SMS_ACCESS_KEY_SECRET = "wrong"
        ticket = open_with_phone(desk, proof=[])
        send()
        assert sms_of(ticket).state == "failed"
        assert "SignatureDoesNotMatch" in sms_of(ticket).last_error
        assert ways.texts() == []


class TestSms:
    def test_one_leaves_beside_the_letter(self, desk: Desk, ways: Simulator) -> None:
        ticket = open_with_phone(desk, proof=[])
        send()
        assert send(NOW + MINUTE) == 0
        (sent,) = ways.texts()
        assert (sent["phone"], sent["template"]) == (PHONE, "SMS_1")
        assert sent["params"] == {"number": ticket.number, "code": ticket.tracking_token}
        notice = sms_of(ticket)
        assert (notice.state, notice.recipient, notice.reference) == ("sent", PHONE, sent["biz_id"])
        assert ticket.number in notice.body
        assert "${" not in notice.body

    def test_in_the_readers_language(self, desk, ways) -> None:
        ticket = open_with_phone(desk, proof=[], language="en")
        send()
        assert [text["template"] for text in ways.texts()] == ["SMS_2"]
        assert sms_of(ticket).body.startswith("Dispute")

    @pytest.mark.parametrize(
        ("phone", "number"),
        [
            ("+86 139-0000-5678", PHONE),
            ("8613900005678", PHONE),
            ("010-12345678", ""),
            ("12900005678", ""),
            ("+1 415 555 2671", ""),
            ("", ""),
        ],
    )
    def test_only_to_mainland_mobiles(self, phone: str, number: str) -> None:
        assert sms.find_number(phone) == number

    def test_none_without_a_mobile(self, desk, ways) -> None:
        order = make_order(customer_phone="010-12345678", created_at=NOW - HOUR)
        ticket = desk.open(order, now=NOW, proof=[])
        assert not Notice.objects.filter(ticket=ticket, route="sms").exists()

    def test_none_where_no_sms_is_configured(self, desk, simulator) -> None:
        open_with_phone(desk, proof=[])
        assert not Notice.objects.filter(route="sms").exists()

    def test_one_without_a_template_is_held_back_and_says_so(self, desk, ways) -> None:
        ticket = open_with_phone(desk, proof=[])
        send()
        held = sms_of(ticket, "proof_incomplete")
        assert (held.state, held.attempts) == ("withheld", 0)
        assert "template" in held.last_error

    @pytest.mark.parametrize(
        ("code", "state"),
        [
            ("isv.BUSINESS_LIMIT_CONTROL", "pending"),
            ("isv.AMOUNT_NOT_ENOUGH", "pending"),
            ("Throttling.User", "pending"),
            ("isv.MOBILE_NUMBER_ILLEGAL", "failed"),
            ("isv.SMS_TEMPLATE_ILLEGAL", "failed"),
            ("isv.WHATEVER_COMES_NEXT_YEAR", "failed"),
        ],
    )
    def test_what_may_be_tried_again(self, desk, ways, code: str, state: str) -> None:
        ways.fault("sms.send", f"reject:{code}")
        ticket = open_with_phone(desk, proof=[])
        send()
        notice = sms_of(ticket)
        assert (notice.state, notice.unknowns) == (state, 0)
        assert code in notice.last_error
        assert ways.texts() == []


class TestNobodyKnows:
    def test_sent_but_the_answer_was_lost_is_found_and_not_sent_again(self, desk, ways) -> None:
        ways.fault("sms.send", "http_500_after_effect")
        ticket = open_with_phone(desk, proof=[])
        send()
        assert (sms_of(ticket).state, sms_of(ticket).unknowns) == ("pending", 1)
        assert send(NOW + UNKNOWN_WAIT - SECOND) == 0, "their records need a moment"
        send(NOW + UNKNOWN_WAIT)
        assert sms_of(ticket).state == "sent"
        assert len(ways.texts()) == 1

    def test_not_sent_is_found_out_and_sent(self, desk, ways) -> None:
        ways.fault("sms.send", "http_500")
        ticket = open_with_phone(desk, proof=[])
        send()
        send(NOW + UNKNOWN_WAIT)
        assert sms_of(ticket).state == "sent"
        assert len(ways.texts()) == 1

    def test_twice_unknown_is_asked_about_once_more_and_never_sent_a_third_time(
        self, desk, ways
    ) -> None:
        ways.fault("sms.send", "http_500", times=2)
        ticket = open_with_phone(desk, proof=[])
        for round_ in range(4):
            send(NOW + round_ * UNKNOWN_WAIT)
        calls = [outcome for target, outcome in ways.calls() if target == "sms.send"]
        assert calls == ["http_500", "http_500"]
        assert sms_of(ticket).state == "failed"

    def test_while_it_cannot_be_asked_it_is_not_sent(self, desk, ways) -> None:
        ways.fault("sms.send", "http_500_after_effect")
        ways.fault("sms.query", "http_500", times=2)
        ticket = open_with_phone(desk, proof=[])
        now = NOW
        for _round in range(3):
            send(now)
            assert sms_of(ticket).state == "pending"
            now = sms_of(ticket).not_before
            assert len(ways.texts()) == 1
        send(now)
        assert sms_of(ticket).state == "sent"
        assert len(ways.texts()) == 1

    def test_a_provider_that_cannot_be_reached_leaves_nothing_unknown(self, desk, ways, settings):
        settings.ALIYUN_SMS_URL = "http://127.0.0.1:9"
        ticket = open_with_phone(desk, proof=[])
        send()
        assert (sms_of(ticket).state, sms_of(ticket).unknowns) == ("pending", 0)


class TestQuietHours:
    @pytest.mark.parametrize(
        ("moment", "leaves"),
        [
            ("21:59:59", "21:59:59"),
            ("22:00:00", "11-25 08:00"),
            ("23:59:59", "11-25 08:00"),
            ("11-25 00:00:00", "11-25 08:00"),
            ("11-25 07:59:59", "11-25 08:00"),
            ("11-25 08:00:00", "11-25 08:00"),
            ("2026-12-31 23:00", "2027-01-01 08:00"),
        ],
    )
    def test_over_midnight(self, moment: str, leaves: str) -> None:
        assert after_quiet_hours(at(moment), start=22, end=8) == at(leaves)

    def test_within_a_day_and_never(self) -> None:
        assert after_quiet_hours(at("13:30"), start=12, end=14) == at("14:00")
        assert after_quiet_hours(at("14:00"), start=12, end=14) == at("14:00")
        assert after_quiet_hours(at("03:00"), start=0, end=0) == at("03:00")

    def test_at_night_it_waits_as_a_row_and_mail_does_not(self, desk, ways, settings) -> None:
        settings.SMS_QUIET_FROM, settings.SMS_QUIET_UNTIL = 22, 8
        ticket = open_with_phone(desk, now=at("23:00"), proof=[])
        assert sms_of(ticket).not_before == at("11-25 08:00")
        assert Notice.objects.get(ticket=ticket, kind="opened", route="email").not_before == at(
            "23:00"
        )

    def test_an_urgent_one_does_not_wait(self, desk, ways, settings) -> None:
        settings.SMS_QUIET_FROM, settings.SMS_QUIET_UNTIL = 22, 8
        ticket = open_with_phone(desk, now=at("03:00"))
        desk.advance(at("11-25 03:00"))
        broken = sms_of(ticket, "promise_broken")
        assert broken.created_at == at("11-25 03:00")
        assert broken.attempts == 1, "it left at once"

    def test_in_the_morning_only_the_newest_is_told(self, desk, ways, settings) -> None:
        """The dispute came in at night; by morning there was more to say."""
        settings.SMS_QUIET_FROM, settings.SMS_QUIET_UNTIL = 22, 8
        ticket = open_with_phone(desk, now=at("23:00"))
        Notice.objects.filter(route="sms").update(not_before=NOW, created_at=NOW - HOUR)
        send()
        assert sms_of(ticket).state == "withheld"
        assert sms_of(ticket, "promise_started").state == "sent"
        assert len(ways.texts()) == 1


def test_a_number_gets_so_many_a_day(desk: Desk, ways: Simulator, settings) -> None:
    settings.SMS_PER_NUMBER_DAY = 2
    tickets = [open_with_phone(desk, proof=[]) for _number in range(3)]
    send()
    assert [sms_of(ticket).state for ticket in tickets] == ["sent", "sent", "withheld"]
    other = open_with_phone(desk, proof=[], phone="13900009999")
    send()
    assert sms_of(other).state == "sent"
    late = open_with_phone(desk, proof=[], now=NOW + timedelta(minutes=5))
    Notice.objects.filter(route="sms", state="sent").update(sent_at=NOW - timedelta(days=1))
    send(NOW + timedelta(minutes=5))
    assert sms_of(late).state == "sent"


class TestRobots:
    def test_an_alarm_is_said_once_in_every_group(self, desk, ways, alarm) -> None:
        alarm()
        send()
        for robot in ("wecom", "dingtalk", "feishu"):
            (text,) = ways.said(robot)
            assert "13900005678" not in text
            assert "139****5678" in text
        assert Notice.objects.filter(route="email").count() == 2, "two supervisors"
        assert {n.state for n in Notice.objects.all()} == {"sent"}

    def test_what_is_no_alarm_stays_out_of_the_group(self, desk, ways) -> None:
        open_with_phone(desk, proof=[])
        assert not Notice.objects.filter(route__in=Notice.GROUP_ROUTES).exists()

    @pytest.mark.parametrize(
        ("robot", "setting"),
        [("dingtalk", "DINGTALK_ROBOT_SECRET"), ("feishu", "FEISHU_ROBOT_SECRET")],
    )
    def test_a_wrong_secret_is_noticed(self, ways, alarm, settings, robot, setting) -> None:
        setattr(settings, setting, "wrong")
        alarm()
        send()
        notice = Notice.objects.get(route=robot)
        assert notice.state == "failed"
        assert "sign" in notice.last_error
        assert ways.said(robot) == []

    def test_a_key_never_stands_in_an_error(self, ways, alarm, settings) -> None:
        settings.WECOM_ROBOT_URL = "http://127.0.0.1:9/cgi-bin/webhook/send?key=verysecretkey"
        alarm()
        send()
        assert "verysecretkey" not in Notice.objects.get(route="wecom").last_error

    @pytest.mark.parametrize(
        ("robot", "code", "state"),
        [
            ("wecom", "45009", "pending"),
            ("wecom", "93000", "failed"),
            ("dingtalk", "130101", "pending"),
            ("dingtalk", "300001", "failed"),
            ("feishu", "11232", "pending"),
            ("feishu", "19001", "failed"),
        ],
    )
    def test_what_may_be_tried_again(self, ways, alarm, robot, code, state) -> None:
        ways.fault(f"{robot}.send", f"reject:{code}")
        alarm()
        send()
        assert Notice.objects.get(route=robot).state == state

    def test_an_answer_that_is_lost_is_said_once_more_and_no_more(self, ways, alarm) -> None:
        ways.fault("wecom.send", "http_500_after_effect", times=5)
        alarm()
        for round_ in range(4):
            send(NOW + round_ * UNKNOWN_WAIT)
        assert len(ways.said("wecom")) == 2
        assert Notice.objects.get(route="wecom").state == "failed"

    def test_a_long_text_is_cut_to_what_the_robot_takes(self, ways, alarm) -> None:
        alarm(error="错误" * 2000)
        send()
        assert len(ways.said("wecom")[0].encode()) <= wecom.BYTES


@pytest.fixture
def alarm(desk: Desk, ways: Simulator):
    """The mailbox is silent, and the server's words name somebody's number."""

    def raise_alarm(error: str = "550 sms to 13900005678 refused") -> None:
        alarm_supervisors(
            "mailbox_silent_staff", key="m", now=NOW, since_at=NOW.isoformat(), error=error
        )

    return raise_alarm


def test_dingtalks_and_feishus_signatures_are_not_the_same_thing(settings) -> None:
    """As their own documents say: DingTalk signs "ms\\nsecret" under the secret, Feishu an empty
    text under "s\\nsecret"."""
    settings.DINGTALK_ROBOT_URL, settings.DINGTALK_ROBOT_SECRET = "https://x/send?a=b", "SEC1"
    settings.FEISHU_ROBOT_SECRET = "SEC1"
    url = dingtalk.signed_url(datetime(2020, 9, 5, 17, 34, 33, tzinfo=UTC))
    assert url.startswith("https://x/send?a=b&timestamp=1599327273000&sign=")
    signed = feishu.signature(datetime(2020, 9, 5, 17, 34, 33, tzinfo=UTC))
    raw = hmac.new(b"1599327273\nSEC1", b"", hashlib.sha256).digest()
    assert signed["timestamp"] == "1599327273"
    assert signed["sign"] == base64.b64encode(raw).decode()


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("电话13812345678。", "电话138****5678。"),
        ("+8613812345678", "138****5678"),
        ("card 6222021234567890123", "card 62****23"),
        ("zhao.lei@example.com wrote", "z****@example.com wrote"),
        ("LT202310011430001", "LT202310011430001"),
        ("TK7Q2M 98.00", "TK7Q2M 98.00"),
    ],
)
def test_a_group_reads_no_numbers(text: str, masked: str) -> None:
    assert mask_text(text) == masked
