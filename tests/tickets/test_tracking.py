"""The page behind a tracking link: what it says, and what its holder may do."""

import pytest
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile

from tests.stories import MINUTE, at, make_evidence, make_order
from tests.tickets.pages import picture
from tests.tickets.web import Browser
from tickets import transitions
from tickets.remedies import refund

pytestmark = pytest.mark.django_db


@pytest.fixture
def web(monkeypatch, desk):
    cache.clear()
    return Browser(monkeypatch)


@pytest.fixture
def order():
    return make_order(order_no="LT1", target_account="13800001234", created_at=at("09:30"))


def visit(web, ticket, now=None):
    if now is not None:
        web.at(now)
    return web.get(f"/t/{ticket.tracking_token}/")


def do(web, ticket, verb, **fields):
    return web.post(f"/t/{ticket.tracking_token}/{verb}/", fields)


def give_back(ticket, lin):
    refund(
        ticket_id=ticket.pk,
        amount_fen=None,
        reason="未到账",
        text="已退款",
        actor=lin,
        now=at("10:10"),
    )


class TestReading:
    def test_status_deadline_and_what_started_it(self, web, desk, order):
        ticket = desk.open(order)
        visit(web, ticket)
        assert web.says("Received")
        assert web.says("25 Nov 10:00")
        assert 'data-due="2026-11-25T10:00:00+08:00"' in web.text
        assert 'data-now="2026-11-24T10:00:00+08:00"' in web.text
        assert web.says("They were started by this file: screenshot of the payment")
        assert web.says("The agents on duty")

    def test_nothing_personal_is_in_the_page(self, web, desk, order):
        ticket = desk.open(order)
        visit(web, ticket)
        assert web.says("138****1234")
        for secret in (order.target_account, order.customer_phone, order.customer_email):
            assert secret not in web.text

    def test_before_the_proof_is_complete_it_says_what_is_missing(self, web, desk, order):
        visit(web, desk.open(order, proof=[]))
        assert web.says("The 24 hours start when your proof is complete.")
        assert web.says("Still needed: screenshot of the payment or bank deduction record")

    def test_our_own_records_can_start_it_as_well(self, web, desk):
        visit(web, desk.open(make_order(status="failed", created_at=at("09:30")), proof=[]))
        assert web.says("They were started by our own records")

    def test_words_of_staff_are_shown_and_notes_among_them_are_not(self, web, desk, order, lin):
        ticket = desk.open(order)
        transitions.reply(ticket_id=ticket.pk, text="正在向上游核实", actor=lin, now=at("10:05"))
        transitions.reply(
            ticket_id=ticket.pk, text="客户有点急", actor=lin, now=at("10:06"), internal=True
        )
        visit(web, ticket, at("10:10"))
        assert web.says("正在向上游核实")
        assert not web.says("客户有点急")
        assert not web.says("agent_lin")

    def test_the_newest_comes_first(self, web, desk, order, lin):
        ticket = desk.open(order)
        transitions.reply(ticket_id=ticket.pk, text="正在核实", actor=lin, now=at("10:05"))
        visit(web, ticket)
        assert web.text.index("Answer of our staff") < web.text.index("Dispute received")

    def test_internal_clocks_are_not_the_customers_worry(self, web, desk, order):
        ticket = desk.open(order)
        desk.advance(at("12:30"))
        visit(web, ticket, at("12:30"))
        assert web.says("A supervisor has it now")
        assert not web.says("deadline")

    def test_at_night_it_says_who_comes_and_that_the_time_runs_on(self, web, desk, order):
        ticket = desk.open(order)
        visit(web, ticket, at("11-25 02:00"))
        assert web.says("somebody looks at it today 09:00. The promised time runs on all the same")

    def test_12315_is_always_there_and_we_never_say_that_we_filed(self, web, desk, order):
        visit(web, desk.open(order))
        assert web.says("How to reach 12315")
        assert web.says("You may file with the market regulator at any time")
        assert web.says("We do not do it for you")

    def test_a_broken_promise_is_said_aloud(self, web, desk, order):
        ticket = desk.open(order, now=at("10:00"))
        desk.advance(at("11-25 09:00"))
        desk.settle(ticket, "rejected", code="ACCOUNT_CLOSED")
        desk.advance(at("11-25 10:01"))
        visit(web, ticket, at("11-25 10:05"))
        assert web.says("We promised this by 25 Nov 10:00 and were late.")
        assert web.says("The payment channel did not take this refund")

    def test_an_unknown_link(self, web):
        web.get("/t/nobodys/")
        assert web.status == 404

    def test_the_page_is_kept_by_nobody(self, web, desk, order):
        visit(web, desk.open(order))
        assert "no-store" in web.response["Cache-Control"]
        assert 'name="robots" content="noindex"' in web.text


class TestMoney:
    def test_three_steps_that_are_not_the_same(self, web, desk, order, lin):
        ticket = desk.open(order)
        give_back(ticket, lin)
        visit(web, ticket, at("10:11"))
        assert web.says("Being refunded")
        assert web.says("Refund ¥98.00 by shop wallet")
        desk.now = at("10:12")
        desk.settle(ticket, "succeeded")
        visit(web, ticket, at("10:15"))
        assert web.says("Refunded")
        assert web.says("Given back by the payment channel")
        assert web.says("Your bank or wallet is booking it")
        assert web.says("In the shop: My account > Balance.")
        number = desk.refunds(ticket)[0].refund_no
        assert f'data-copy="{number}"' in web.text

    def test_what_waits_for_a_decision_is_not_called_submitted(self, web, desk):
        ticket = desk.open(make_order(price_fen=98000, face_value_fen=100000))
        desk.advance(at("11-25 09:30"))
        visit(web, ticket, at("11-25 09:30"))
        assert web.says("Waiting for a supervisor's decision. The amount is reserved for you.")
        assert not web.says("Where to find it")
        money = web.text[web.text.index('<ol class="money">') :]
        assert money[: money.index("</ol>")].count('class="next"') == 3

    def test_the_promise_kept_is_said(self, web, desk, order, lin):
        ticket = desk.open(order)
        give_back(ticket, lin)
        desk.settle(ticket, "succeeded")
        visit(web, ticket)
        assert web.says("Promised by 25 Nov 10:00, and kept.")


class TestAddingProof:
    def test_the_last_missing_file_starts_the_clock(self, web, desk, order):
        ticket = desk.open(order, proof=[])
        web.at(at("10:30"))
        data = {"kind": "payment_screenshot", "files": SimpleUploadedFile("a.jpg", picture())}
        do(web, ticket, "files", **data)
        assert web.says("Your proof has reached us.")
        assert desk.tell(ticket).commitment_due_at == at("11-25 10:30")
        assert desk.tell(ticket).status == "new"

    def test_it_is_the_main_thing_when_we_wait_for_it(self, web, desk, order, lin):
        ticket = desk.open(order)
        transitions.request_evidence(
            ticket_id=ticket.pk,
            kinds=["account_screenshot"],
            text="请补一张余额截图",
            actor=lin,
            now=at("10:05"),
        )
        visit(web, ticket, at("10:06"))
        assert web.says("We need something from you")
        assert web.says("请补一张余额截图")
        assert 'href="#proof"' in web.text
        assert web.says("Please answer by 26 Nov 10:05.")
        data = {"kind": "account_screenshot", "files": SimpleUploadedFile("a.png", picture("PNG"))}
        do(web, ticket, "files", **data)
        assert desk.tell(ticket).status == "in_progress"

    def test_a_bad_file_is_named_and_changes_nothing(self, web, desk, order):
        ticket = desk.open(order, proof=[])
        do(web, ticket, "files", kind="other", files=SimpleUploadedFile("a.jpg", b"MZ"))
        assert web.status == 400
        assert web.says("a.jpg: What is in this file")
        assert not ticket.evidence.exists()

    def test_nothing_chosen(self, web, desk, order):
        do(web, desk.open(order), "files")
        assert web.says("No file was chosen.")

    def test_the_tenth(self, web, desk, order):
        ticket = desk.open(order, proof=["payment_screenshot"] * 9)
        do(web, ticket, "files", files=SimpleUploadedFile("a.jpg", picture()))
        assert web.says("There are 9 files already; at most 9 are possible.")
        assert ticket.evidence.count() == 9

    def test_nobody_sees_the_files_of_another_dispute(self, web, desk, order):
        ticket = desk.open(order)
        stranger = make_evidence()
        answer = web.client.get(f"/t/{ticket.tracking_token}/files/{stranger.pk}/")
        assert answer.status_code == 404

    def test_after_the_end_there_is_nothing_to_add(self, web, desk, order, customer):
        ticket = desk.open(order)
        transitions.withdraw(ticket_id=ticket.pk, reason="到账了", actor=customer, now=at("10:05"))
        do(web, ticket, "files", files=SimpleUploadedFile("a.jpg", picture()))
        assert web.says("This dispute is over")


class TestVerbs:
    def test_a_reminder_is_passed_on_and_rests(self, web, desk, order):
        ticket = desk.open(order)
        do(web, ticket, "nudge")
        assert web.says("We have passed your reminder on.")
        assert web.says("You can remind us again today 10:30.")
        do(web.at(at("10:10")), ticket, "nudge")
        assert desk.tell(ticket).nudges == 1
        do(web.at(at("10:30")), ticket, "nudge")
        assert desk.tell(ticket).nudges == 2

    def test_writing_to_staff(self, web, desk, order):
        ticket = desk.open(order)
        do(web, ticket, "reply", text="请问什么时候处理？")
        assert web.says("请问什么时候处理？")
        assert web.says("You wrote")

    def test_nothing_written_is_said_at_the_field(self, web, desk, order):
        do(web, desk.open(order), "reply", text="  ")
        assert web.status == 400
        assert web.says("Please write a text.")

    def test_the_customer_takes_it_to_a_supervisor(self, web, desk, order):
        ticket = desk.open(order)
        do(web, ticket, "escalate", text="等太久了")
        assert desk.tell(ticket).level == "supervisor"
        do(web, ticket, "escalate", text="等太久了")
        assert web.status == 409
        assert web.says("A supervisor has this case already.")

    def test_looking_changes_nothing(self, web, desk, order):
        ticket = desk.open(order)
        for verb in ("nudge", "reply", "escalate", "withdraw", "reopen", "rate", "files"):
            assert web.client.get(f"/t/{ticket.tracking_token}/{verb}/").status_code == 405


class TestWithdrawing:
    def test_the_link_alone_is_not_enough(self, web, desk, order):
        ticket = desk.open(order)
        do(web, ticket, "withdraw", text="到账了")
        assert web.says("Please enter the last four characters.")
        do(web, ticket, "withdraw", text="到账了", last4="9999")
        assert web.says("These are not the last four characters of this order.")
        assert desk.tell(ticket).status == "new"

    def test_with_the_last_four_it_ends(self, web, desk, order):
        ticket = desk.open(order)
        do(web, ticket, "withdraw", text="到账了", last4="1234")
        assert desk.tell(ticket).status == "withdrawn"
        assert web.says("Your dispute is withdrawn.")

    def test_a_device_is_asked_once_for_each_dispute(self, web, desk, order, lin):
        ticket, other = desk.open(order), desk.open(make_order(order_no="LT2"))
        give_back(ticket, lin)
        do(web, ticket, "withdraw", text="不要了", last4="1234")
        visit(web, ticket)
        assert "withdraw_last4" not in web.text
        visit(web, other)
        assert "withdraw_last4" in web.text

    def test_guessing_stops_after_five(self, web, desk, order):
        ticket = desk.open(order)
        for guess in ("1111", "2222", "3333", "4444", "5555"):
            do(web, ticket, "withdraw", text="到账了", last4=guess)
        do(web, ticket, "withdraw", text="到账了", last4="1234")
        assert web.says("more than 5 tries within 60 minutes")
        assert desk.tell(ticket).status == "new"

    def test_a_refund_under_way_is_not_called_off(self, web, desk, order, lin):
        ticket = desk.open(order)
        give_back(ticket, lin)
        do(web, ticket, "withdraw", text="不要了", last4="1234")
        assert web.status == 409
        assert web.says("Your refund is already on its way.")


class TestAfterwards:
    @pytest.fixture
    def ticket(self, desk, order, lin):
        ticket = desk.open(order)
        give_back(ticket, lin)
        desk.settle(ticket, "succeeded")
        assert desk.tell(ticket).status == "resolved"
        return ticket

    def test_rating_once(self, web, desk, ticket):
        do(web, ticket, "rate", score="5", text="很快")
        assert desk.tell(ticket).score == 5
        assert web.says("You gave 5 of 5 stars.")

    def test_six_stars(self, web, desk, ticket):
        do(web, ticket, "rate", score="6")
        assert web.status == 400
        assert web.says("Please choose 1 to 5 stars.")

    def test_reopening_once(self, web, desk, ticket):
        do(web, ticket, "reopen", text="银行卡没收到")
        assert desk.tell(ticket).status == "in_progress"
        assert web.says("Your dispute is open again.")
        assert not web.says("Something is still wrong: reopen")


class TestReferred:
    @pytest.fixture
    def ticket(self, desk, order):
        ticket = desk.open(order, proof=[])
        desk.advance(at("11-26 10:01"))
        assert desk.tell(ticket).level == "referred"
        return ticket

    def test_the_file_is_ready_and_asks_who_reads_it(self, web, ticket):
        visit(web, ticket, at("11-26 10:05"))
        assert web.says("your file for 12315 is ready")
        web.get(f"/t/{ticket.tracking_token}/dossier/")
        assert web.status == 403
        assert web.says("Is it you?")
        assert "13800001234" not in web.text

    def test_with_the_last_four_it_opens_on_this_device(self, web, ticket):
        web.at(at("11-26 10:05"))
        do(web, ticket, "verify", last4="1234")
        assert web.says("13800001234")
        assert web.says("We have not filed anything")
        answer = web.client.get(f"/t/{ticket.tracking_token}/dossier/?download=1")
        assert answer["Content-Disposition"].startswith("attachment")
        assert answer.json()["order_no"] == "LT1"

    def test_before_that_there_is_none(self, web, desk):
        ticket = desk.open(make_order(order_no="LT7"), now=at("10:00") + MINUTE)
        web.get(f"/t/{ticket.tracking_token}/dossier/")
        assert web.status == 404
