"""The rules of tests/source_rules.py, held against the product; and each against planted faults,
as a rule that finds nothing may only be blind."""

import textwrap

import pytest

from tests.source_rules import (
    CHINESE_DATA,
    CLOCKS,
    PRODUCT,
    ROOT,
    RULES,
    TOOLS,
    Module,
    due_times_are_rows,
    every_call_has_a_timeout,
    no_error_is_swallowed,
    our_words_are_translated,
    read_modules,
    rule_of_calls,
    sql_is_given_the_time,
    status_is_written_by_transitions,
    there_is_one_clock,
)

MODULES = read_modules(*PRODUCT, *TOOLS)

WRONG = {
    status_is_written_by_transitions: """
        ticket.status = "closed"
        case.ticket.level = Level.SUPERVISOR
        self.ticket.status, self.ticket.outcome = "resolved", "refunded"
        old_ticket.status: str = "closed"
        Ticket.objects.filter(pk=1).update(status="closed")
        Ticket.objects.create(order=order, level="agent")
        Ticket(order=order, status="new")
        setattr(ticket, "status", "closed")
        setattr(ticket, name, value)
    """,
    due_times_are_rows: """
        close_ticket.apply_async(args=[1])
        remind(eta=tomorrow)
        signature(countdown=3600)
        close_ticket.delay(1)
        app.send_task("tickets.tasks.close")
    """,
    every_call_has_a_timeout: """
        import http.client, httpx, requests
        from urllib.request import urlopen
        from smtplib import SMTP
        httpx.post("https://x")
        requests.get("https://x")
        urlopen("https://x")
        SMTP("mail")
        http.client.HTTPConnection("x")
        client = httpx.Client()
        client.get("https://x")
    """,
    there_is_one_clock: """
        import datetime as dt, time
        from datetime import UTC, date, datetime
        from django.utils import timezone
        from django.db.models.functions import Now
        datetime.now(UTC)
        datetime.now()
        datetime.utcnow()
        dt.datetime.now(tz=dt.UTC)
        date.today()
        timezone.now()
        time.time()
        DateTimeField(auto_now_add=True)
        Now()
    """,
    sql_is_given_the_time: """
        due = "SELECT * FROM deadlines WHERE due_at <= clock_timestamp()"
        cursor.execute("SELECT now() - due_at")
        RawSQL("CURRENT_TIMESTAMP", [])
        f"{due} < datetime('now')"
    """,
    our_words_are_translated: """
        messages.error(request, "订单不存在")
        f"{name}：已退款"
        {"label": "超时"}
    """,
    no_error_is_swallowed: """
        try:
            pay()
        except:
            raise
        try:
            pay()
        except Exception:
            pass
        while True:
            try:
                pay()
            except BaseException:
                continue
    """,
}
#: How many of the planted faults each rule finds: every one.
PLANTED = {
    status_is_written_by_transitions: 9,
    due_times_are_rows: 5,
    every_call_has_a_timeout: 6,
    there_is_one_clock: 9,
    sql_is_given_the_time: 4,
    our_words_are_translated: 3,
    no_error_is_swallowed: 3,
}
RIGHT = {
    status_is_written_by_transitions: """
        received.status = 400
        order.status = "failed"
        ticket.score = 5
        Ticket.objects.filter(status="new", level="agent")
        Ticket.objects.filter(status="new").update(score=1)
        Response(TicketOpened(ticket).data, status=201)
        setattr(order, name, value)
        setattr(ticket, "score", 5)
    """,
    due_times_are_rows: """
        wake("tickets.tasks.relay", ticket.pk)
        start_deadline(case, Kind.APPROVAL, due_at=due_at)
    """,
    every_call_has_a_timeout: """
        import httpx
        httpx.post("https://x", timeout=5)
        client = httpx.Client(timeout=5)
        client.get("https://x")
        session.get("key")
    """,
    there_is_one_clock: """
        import time
        from datetime import datetime
        from django.utils import timezone
        from helpdesk import clock
        clock.now()
        time.monotonic()
        timezone.localtime(at)
        datetime.fromisoformat(text)
    """,
    sql_is_given_the_time: '''
        def find():
            """Not by clock_timestamp(), which scans everything."""
            return cursor.execute("SELECT * FROM deadlines WHERE due_at <= %s", [now])
    ''',
    our_words_are_translated: '''
        def add():
            """A working weekend (调休)."""
            return _("Order not found")  # 订单不存在
    ''',
    no_error_is_swallowed: """
        try:
            pay()
        except OSError:
            pass
        try:
            pay()
        except Exception:
            logger.exception("not paid")
    """,
}


def module(source: str, path: str = "tickets/views/planted.py") -> Module:
    return Module(path, textwrap.dedent(source))


@pytest.mark.parametrize("rule", RULES)
def test_the_source_keeps_it(rule) -> None:
    found = [f"{m.path}:{line}: {what}" for m in MODULES for line, what in rule(m)]
    assert found == []


@pytest.mark.parametrize("rule", RULES)
def test_every_planted_fault_is_found_and_nothing_else(rule) -> None:
    found = list(rule(module(WRONG[rule])))
    assert len({line for line, _what in found}) == PLANTED[rule], found
    assert list(rule(module(RIGHT[rule]))) == []


def test_those_who_may_are_left_alone() -> None:
    status = status_is_written_by_transitions
    assert not list(status(module(WRONG[status], "tickets/transitions/arrows.py")))
    clock = there_is_one_clock
    naive = [line for line, _what in clock(module(WRONG[clock], "helpdesk/clock.py"))]
    assert len(naive) == 4, "without a zone, or by itself, not even there"


@pytest.mark.parametrize("place", [*CLOCKS, *CHINESE_DATA])
def test_nobody_may_who_is_not_there_any_more(place: str) -> None:
    assert (ROOT / place).exists()


class TestTransactions:
    """Whoever talks to the world outside holds no lock meanwhile."""

    def found(self, source: str, **others: str) -> list[str]:
        modules = [module(source, "tickets/planted.py")]
        modules += [module(text, f"orders/{name}.py") for name, text in others.items()]
        return list(rule_of_calls(modules))

    def test_the_product_never_does(self) -> None:
        assert list(rule_of_calls(read_modules(*PRODUCT))) == []

    @pytest.mark.parametrize(
        "source",
        [
            "with transaction.atomic():\n    httpx.post('https://x', timeout=1)",
            "with transaction.atomic(durable=True):\n    channel.request(refund_no=1)",
            "with open_case(ticket_id=1, actor=a, now=n) as case:\n    supplier.query()",
            "@transaction.atomic\ndef pay():\n    send_mail('s', 'b', 'f', ['t'])",
            "@transaction.atomic()\ndef pay():\n    if late:\n        time.sleep(1)",
            "with a, atomic():\n    for x in [message.send()]:\n        pass",
        ],
    )
    def test_a_call_under_a_lock_is_found(self, source: str) -> None:
        imports = """
            import httpx, time
            from django.core.mail import send_mail
            from django.db import transaction
            from django.db.transaction import atomic
        """
        assert len(self.found(textwrap.dedent(imports) + source)) == 1

    def test_through_other_functions_and_modules(self) -> None:
        source = """
            from django.db import transaction
            from orders import settling
            from orders.settling import settle

            def decide():
                with transaction.atomic():
                    helper()

            def helper():
                settle()

            def decide_too():
                with transaction.atomic():
                    settling.settle()
        """
        settling = """
            from httpx import post

            def settle():
                ask()

            def ask():
                settle()
                return post("https://x", timeout=1)
        """
        found = self.found(source, settling=settling)
        assert len(found) == 2
        assert "helper -> orders.settling.settle -> orders.settling.ask -> httpx.post" in found[0]

    def test_before_after_and_later_are_right(self) -> None:
        source = """
            import httpx
            from django.db import transaction

            def settle():
                answer = httpx.get("https://x", timeout=1)
                with transaction.atomic():
                    save(answer)
                    transaction.on_commit(lambda: httpx.post("https://x", timeout=1))
                    request.channel.name
                httpx.post("https://x", timeout=1)
        """
        assert self.found(source) == []

    def test_it_knows_the_ways_out_that_there_are(self) -> None:
        """The rule sees the calls that leave the building where they really are made."""
        from tests.source_rules import Calls

        calls = Calls(read_modules(*PRODUCT))
        for name in (
            "orders.wire.exchange",
            "orders.settlement.call_channel",
            "orders.deliveries.call_supplier",
            "orders.inquiry.ask_about",
            "tickets.notifiers.deliver",
            "tickets.fact_checks.run_fact_check",
        ):
            assert calls.way_out(name), f"{name} counts as harmless"
