"""Opening a dispute: once per order, with every clock it needs, from the instant that counts."""

import pytest
from django.core import mail
from django.utils import translation

from orders.models import Order
from tests.stories import (
    CUSTOMER,
    HOUR,
    MINUTE,
    OPENING,
    TICK,
    Desk,
    at,
    deadline_of,
    events_of,
    kinds_of,
    live_kinds,
    make_dispute,
    make_evidence,
    make_order,
    set_policy,
    staff,
    told,
)
from tickets.cases import TransitionRefused
from tickets.intake import Contact, UnableToOpen, open_ticket, save_draft, start_draft
from tickets.models import Deadline, Draft, Event, Message, Ticket
from tickets.proof import UnableToAttach
from tickets.transitions import add_evidence, request_evidence

pytestmark = pytest.mark.django_db

PROMISE = {"commitment_warning", "commitment_enforcement", "commitment"}


def file_it(order: Order, *evidence, now=OPENING, draft=None, **dispute):
    return open_ticket(
        order=order,
        dispute=make_dispute(*evidence, **dispute),
        actor=CUSTOMER,
        now=now,
        draft=draft,
    )


def test_a_complete_dispute_has_all_its_clocks_from_the_start(desk: Desk) -> None:
    opened = file_it(make_order(), make_evidence())
    ticket = opened.ticket
    assert opened.created
    assert (ticket.status, ticket.level, ticket.cycle) == ("new", "agent", 1)
    assert live_kinds(ticket) == {"first_reply", "agent_resolution", "referral", *PROMISE}
    due = {d.kind: d.due_at for d in Deadline.objects.filter(ticket=ticket)}
    assert due == {
        "first_reply": at("10:30"),
        "agent_resolution": at("12:00"),
        "commitment_warning": at("22:00"),
        "commitment_enforcement": at("11-25 09:00"),
        "commitment": at("11-25 10:00"),
        "referral": at("11-26 10:00"),
    }
    assert kinds_of(ticket) == ["opened", "evidence_added", "commitment_started"]
    assert desk.worries() == {}


def test_the_number_can_be_read_over_the_telephone(desk: Desk) -> None:
    ticket = file_it(make_order()).ticket
    assert ticket.number.startswith("D261124")
    assert len(ticket.number) == 13
    assert not set(ticket.number[7:]) & set("01OIAEU")


def test_the_day_in_the_number_is_the_day_in_shanghai(desk: Desk) -> None:
    assert file_it(make_order(), now=at("11-25 00:00")).ticket.number.startswith("D261125")
    assert file_it(make_order(), now=at("23:59:59")).ticket.number.startswith("D261124")


def test_the_policy_of_that_day_stays_with_the_ticket(desk: Desk) -> None:
    ticket = file_it(make_order(), make_evidence()).ticket
    set_policy(clocks={"commitment": "PT1H", "commitment_warning": "PT30M"}, enforce_lead="PT5M")
    assert desk.tell(ticket).policy["clocks"]["commitment"]["within"] == "PT24H"
    later = file_it(make_order(), make_evidence()).ticket
    assert later.commitment_due_at == at("11:00")
    assert deadline_of(ticket, "commitment").due_at == at("11-25 10:00")


class TestOnce:
    def test_a_second_dispute_adds_its_facts_to_the_first(self, desk: Desk) -> None:
        order = make_order()
        first = file_it(order, description="没到账")
        second = file_it(order, make_evidence(), now=at("10:20"), description="还是没到")
        assert (second.ticket, second.created) == (first.ticket, False)
        assert Ticket.objects.count() == 1
        assert "facts_added" in kinds_of(first.ticket)
        words = Message.objects.filter(ticket=first.ticket).values_list("body", flat=True)
        assert list(words) == ["没到账", "还是没到"]
        assert desk.tell(first.ticket).commitment_started_at == at("10:00")

    def test_the_same_files_sent_twice_are_added_once(self, desk: Desk) -> None:
        order, file = make_order(), make_evidence()
        ticket = file_it(order, file).ticket
        file_it(order, file, now=at("10:05"))
        assert kinds_of(ticket).count("evidence_added") == 1
        assert ticket.evidence.count() == 1

    def test_a_second_dispute_restarts_no_clock(self, desk: Desk) -> None:
        order = make_order()
        ticket = file_it(order, make_evidence()).ticket
        before = list(Deadline.objects.order_by("pk").values("pk", "due_at", "state", "round"))
        file_it(order, make_evidence(received_at=at("13:00")), now=at("13:00"))
        assert list(Deadline.objects.order_by("pk").values("pk", "due_at", "state", "round")) == (
            before
        )
        assert desk.tell(ticket).commitment_due_at == at("11-25 10:00")

    def test_another_order_is_another_dispute(self, desk: Desk) -> None:
        assert file_it(make_order()).ticket != file_it(make_order()).ticket

    def test_after_the_end_a_new_dispute_opens(self, desk: Desk, lin) -> None:
        order = make_order(paid=[])
        first = file_it(order).ticket
        Ticket.objects.filter(pk=first.pk).update(status="closed")
        second = file_it(order, now=at("11:00"))
        assert second.created
        assert second.ticket != first

    def test_what_comes_while_we_wait_for_the_customer_ends_the_wait(self, desk: Desk, lin) -> None:
        order = make_order()
        ticket = file_it(order).ticket
        request_evidence(
            ticket_id=ticket.pk,
            kinds=["payment_screenshot"],
            text="请上传付款截图",
            actor=lin,
            now=at("10:10"),
        )
        file_it(order, make_evidence(received_at=at("11:00")), now=at("11:00"))
        assert desk.tell(ticket).status == "in_progress"
        assert "evidence_due" not in live_kinds(ticket)
        assert deadline_of(ticket, "agent_resolution").state == "pending"
        assert desk.worries() == {}


class TestDrafts:
    def test_a_draft_sent_twice_is_one_ticket(self, desk: Desk) -> None:
        order = make_order()
        draft = start_draft(order=order, now=OPENING)
        first = file_it(order, make_evidence(draft=draft), draft=draft)
        again = file_it(order, now=at("10:01"), draft=draft)
        assert (again.ticket, again.created) == (first.ticket, False)
        assert Ticket.objects.count() == 1
        assert "facts_added" not in kinds_of(first.ticket), "the same draft brings nothing new"
        assert Draft.objects.get(pk=draft.pk).ticket == first.ticket

    def test_a_draft_in_two_tabs_is_one_ticket_even_with_other_words(self, desk: Desk) -> None:
        order = make_order()
        tab = start_draft(order=order, now=OPENING)
        other_tab = start_draft(order=order, now=OPENING)
        first = file_it(order, draft=tab)
        second = file_it(order, draft=other_tab, description="第二个窗口", now=at("10:01"))
        assert second.ticket == first.ticket
        assert Draft.objects.get(pk=other_tab.pk).ticket == first.ticket

    def test_the_back_button_after_the_ticket_ended_shows_that_ticket(self, desk: Desk) -> None:
        order = make_order()
        draft = start_draft(order=order, now=OPENING)
        first = file_it(order, draft=draft).ticket
        Ticket.objects.filter(pk=first.pk).update(status="closed")
        assert file_it(order, draft=draft, now=at("12:00")).ticket == first

    def test_a_sent_draft_is_not_written_any_more(self, desk: Desk) -> None:
        order = make_order()
        draft = start_draft(order=order, now=OPENING)
        save_draft(draft=draft, data={"category": "other"}, now=at("10:01"))
        file_it(order, draft=draft, now=at("10:02"))
        save_draft(draft=draft, data={"category": "card_code"}, now=at("10:03"))
        assert Draft.objects.get(pk=draft.pk).data == {"category": "other"}


class TestPromise:
    def test_files_before_the_opening_count_from_the_opening(self, desk: Desk) -> None:
        now = OPENING + TICK
        ticket = file_it(make_order(), make_evidence(received_at=OPENING - HOUR), now=now).ticket
        assert ticket.commitment_started_at == now
        assert ticket.commitment_due_at == at("11-25 10:00:00.000001")

    def test_the_last_required_file_counts_to_the_microsecond(self, desk: Desk) -> None:
        ticket = file_it(make_order()).ticket
        received_at = at("11:22:33.456789")
        file = make_evidence(received_at=received_at)
        add_evidence(ticket_id=ticket.pk, evidence_ids=[file.pk], actor=CUSTOMER, now=at("11:30"))
        ticket = desk.tell(ticket)
        assert ticket.commitment_started_at == received_at
        assert deadline_of(ticket, "commitment").due_at == at("11-25 11:22:33.456789")
        assert ticket.commitment_started_by == file

    def test_of_two_required_kinds_the_later_one_counts(self, desk: Desk) -> None:
        payment = make_evidence("bank_deduction_record", received_at=at("10:05"))
        account = make_evidence("account_screenshot", received_at=at("10:15"))
        more = make_evidence("chat_log", received_at=at("10:18"))
        opened = file_it(make_order(), category="wrong_amount")
        add_evidence(
            ticket_id=opened.ticket.pk,
            evidence_ids=[more.pk, account.pk, payment.pk],
            actor=CUSTOMER,
            now=at("10:20"),
        )
        ticket = desk.tell(opened.ticket)
        assert ticket.commitment_started_at == at("10:15")
        assert ticket.commitment_started_by == account

    def test_our_own_record_of_the_failure_is_proof_enough(self, desk: Desk) -> None:
        ticket = file_it(make_order(status="failed")).ticket
        assert ticket.commitment_started_at == OPENING
        assert ticket.commitment_started_by is None
        (started,) = events_of(ticket, "commitment_started")
        assert started.data["by"] == "records"
        assert "proof_incomplete" not in told(ticket)

    def test_a_record_that_changed_since_the_page_was_shown_counts(self, desk: Desk) -> None:
        """The order was read for the page; then the shop reported the failure."""
        shown = make_order()
        Order.objects.filter(pk=shown.pk).update(status="failed")
        assert file_it(shown).ticket.commitment_started_at == OPENING

    def test_no_later_file_moves_a_promise_that_has_started(self, desk: Desk) -> None:
        ticket = file_it(make_order(), make_evidence()).ticket
        file = make_evidence("bank_deduction_record", received_at=at("15:00"))
        add_evidence(ticket_id=ticket.pk, evidence_ids=[file.pk], actor=CUSTOMER, now=at("15:00"))
        assert desk.tell(ticket).commitment_due_at == at("11-25 10:00")
        assert kinds_of(ticket).count("commitment_started") == 1


class TestIncomplete:
    @pytest.mark.parametrize(
        ("category", "given", "missing"),
        [
            ("non_arrival", [], ["bank_deduction_record", "payment_screenshot"]),
            ("duplicate_charge", ["chat_log"], ["bank_deduction_record", "payment_screenshot"]),
            ("wrong_amount", ["payment_screenshot"], ["account_screenshot", "operator_record"]),
            ("card_code", ["payment_screenshot"], ["account_screenshot"]),
        ],
    )
    def test_is_answered_at_once_with_what_is_missing(
        self, desk: Desk, category: str, given: list[str], missing: list[str]
    ) -> None:
        files = [make_evidence(kind) for kind in given]
        ticket = file_it(make_order(), *files, category=category).ticket
        assert ticket.commitment_started_at is None
        assert not live_kinds(ticket) & PROMISE
        (notice,) = ticket.notices.filter(kind="proof_incomplete")
        assert notice.context == {"kinds": missing}
        assert desk.worries() == {}

    def test_any_file_will_do_for_something_else(self, desk: Desk) -> None:
        assert file_it(make_order(), make_evidence("other"), category="other").ticket.is_open
        assert "proof_incomplete" not in told(Ticket.objects.get())

    def test_the_words_name_the_kinds(self, desk: Desk) -> None:
        file_it(make_order(), language="en", contact=Contact(email="zhao@example.com"))
        desk.tick(OPENING)
        (letter,) = [m for m in mail.outbox if "screenshot of the payment" in m.body]
        assert letter.to == ["zhao@example.com"]


class TestRefused:
    @pytest.fixture(autouse=True)
    def _english(self):
        with translation.override("en"):
            yield

    def test_an_unknown_category_names_the_known_ones(self, desk: Desk) -> None:
        with pytest.raises(UnableToOpen, match="non_arrival, wrong_account") as refusal:
            file_it(make_order(), category="angry")
        assert (refusal.value.code, refusal.value.http_status) == ("invalid_category", 400)
        assert not Ticket.objects.exists()

    @pytest.mark.parametrize("description", ["", " \n\t ", "。" * 2001])
    def test_words_are_needed_and_not_a_book(self, desk: Desk, description: str) -> None:
        with pytest.raises(TransitionRefused) as refusal:
            file_it(make_order(), description=description)
        assert refusal.value.http_status == 400
        assert not Ticket.objects.exists()

    def test_two_thousand_characters_are_possible(self, desk: Desk) -> None:
        assert file_it(make_order(), description=" " + "。" * 2000 + "\n").created

    def test_a_tenth_file_saves_nothing_at_all(self, desk: Desk) -> None:
        files = [make_evidence("chat_log") for _i in range(10)]
        with pytest.raises(UnableToAttach, match="9") as refusal:
            file_it(make_order(), *files)
        assert refusal.value.code == "too_many_files"
        assert not Ticket.objects.exists()
        assert not Event.objects.exists()
        assert not Deadline.objects.exists()

    def test_a_file_of_another_dispute_is_unknown_here(self, desk: Desk) -> None:
        foreign = make_evidence()
        file_it(make_order(), foreign)
        with pytest.raises(UnableToAttach):
            file_it(make_order(), foreign)
        assert Ticket.objects.count() == 1


def test_at_night_the_staffed_clocks_wait_and_the_promise_does_not(desk: Desk) -> None:
    staff("9-18")
    ticket = file_it(make_order(), make_evidence(), now=at("18:00")).ticket
    assert deadline_of(ticket, "first_reply").due_at == at("11-25 09:30")
    assert deadline_of(ticket, "agent_resolution").due_at == at("11-25 06:00")
    assert deadline_of(ticket, "commitment").due_at == at("11-25 18:00")


def test_the_likely_cause_is_noted(desk: Desk) -> None:
    late = make_order(created_at=OPENING - HOUR, arrival_within=30 * MINUTE)
    assert file_it(late).ticket.cause == "supplier_fault"
    assert file_it(make_order(paid=[])).ticket.cause == "payment_delay"
    assert file_it(make_order(status="paid")).ticket.cause == "platform_fault"
