"""Money that cannot go back the way it came: asked for at the warning, paid by two people."""

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction
from django.test import override_settings

from orders.by_hand import UnableToSettleByHand, settle_by_hand
from orders.ledger import find_differences, get_balance
from orders.models import HandSettlement, Payment, Refund
from orders.refusals import Refused
from tests.stories import (
    CUSTOMER,
    MINUTE,
    SECOND,
    Desk,
    acting,
    breaches_of,
    deadline_of,
    events_of,
    kinds_of,
    make_evidence,
    make_payment,
    make_top_up,
    set_policy,
    told,
)
from tests.tickets.pages import picture
from tickets.actors import Actor
from tickets.cases import NotAllowed
from tickets.evidence import receive_evidence, verify_evidence
from tickets.models import BankDetails, BankTransfer, Event, Evidence, Ticket
from tickets.proof import UnableToAttach
from tickets.remedies import refund
from tickets.reveal import NothingToReveal, reveal_bank_details
from tickets.sealing import UnableToUnseal, seal, unseal
from tickets.transfer_decisions import approve_transfer, propose_transfer
from tickets.transfer_receipts import KEPT_FOR, erase_spent_details, record_transfer
from tickets.transfers import Account, UnableToTransfer, give_details
from tickets.transitions import add_evidence, withdraw

pytestmark = pytest.mark.django_db

ACCOUNT = Account(name="赵磊", bank="中国工商银行", number="6222021234567890128")
OTHER = Account(name="赵磊", bank="中国建设银行", number="6217001234567890122")


def employ(user: User, *codenames: str) -> User:
    user.user_permissions.add(*Permission.objects.filter(codename__in=codenames))
    return User.objects.get(pk=user.pk)


class Bank:
    """What the two who pay do, and the customer who names the account."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        rights = ("approve_transfer", "reveal_bank_details")
        self.wang = employ(desk.people["wang"], *rights)
        self.zhao = employ(desk.people["zhao"], *rights)

    def warned(self, **order: Any) -> Ticket:
        """A dispute about a payment in cash, up to the warning."""
        ticket = self.desk.open(self.desk.order(**{"channel": "offline", **order}))
        self.desk.advance(deadline_of(ticket, "commitment_warning").due_at)
        return ticket

    def asked(self, **order: Any) -> Ticket:
        """A dispute about a payment in cash that an agent has found right."""
        ticket = self.desk.open(self.desk.order(**{"channel": "offline", **order}))
        refund(
            ticket_id=ticket.pk,
            amount_fen=None,
            reason="未到账",
            text="",
            actor=acting(self.desk.people["lin"]),
            now=self.desk.now,
        )
        return ticket

    def transfer(self, ticket: Ticket) -> BankTransfer:
        return BankTransfer.objects.get(ticket=ticket)

    def give(self, ticket: Ticket, account: Account = ACCOUNT) -> BankTransfer:
        return give_details(ticket_id=ticket.pk, account=account, actor=CUSTOMER, now=self.desk.now)

    def propose(self, ticket: Ticket, actor: Actor | None = None) -> BankTransfer:
        by = actor or acting(self.desk.people["lin"])
        return propose_transfer(ticket_id=ticket.pk, note="", actor=by, now=self.desk.now)

    def approve(self, ticket: Ticket, user: User | None = None, **how: Any) -> BankTransfer:
        how = {"decision": True, "reason": "已核对", "seen_version": 1, **how}
        return approve_transfer(
            ticket_id=ticket.pk, user=user or self.wang, now=self.desk.now, **how
        )

    def receipt(self, **fields: Any) -> Evidence:
        return make_evidence("other", self.desk.now, actor=f"staff:{self.wang.pk}", **fields)

    def record(
        self, ticket: Ticket, proof: Evidence | None = None, reference: str = "ICBC20261125001"
    ) -> BankTransfer:
        return record_transfer(
            ticket_id=ticket.pk,
            proof=proof or self.receipt(),
            bank_reference=reference,
            user=self.wang,
            now=self.desk.now,
        )

    def approved(self, **order: Any) -> Ticket:
        ticket = self.asked(**order)
        self.give(ticket)
        self.propose(ticket)
        self.approve(ticket)
        return ticket


@pytest.fixture
def bank(desk: Desk) -> Bank:
    return Bank(desk)


class TestAsking:
    def test_at_the_warning_and_not_at_the_end(self, bank: Bank) -> None:
        ticket = bank.warned()
        assert bank.desk.now < deadline_of(ticket, "commitment_enforcement").due_at
        assert bank.transfer(ticket).state == "asked"
        assert told(ticket).count("bank_details_asked") == 1
        (item,) = bank.desk.refunds(ticket)
        assert (item.state, item.code, item.amount_fen) == ("manual", "OFFLINE", 9800)
        assert bank.desk.tell(ticket).status == "remedy_pending"
        assert bank.desk.worries() == {}

    def test_past_the_channels_window(self, bank: Bank) -> None:
        desk = bank.desk
        order = desk.order(channel="wechatpay")
        Payment.objects.filter(order=order).update(paid_at=desk.now - timedelta(days=366))
        ticket = desk.open(order)
        desk.advance(deadline_of(ticket, "commitment_warning").due_at)
        assert [r.code for r in desk.refunds(ticket)] == ["WINDOW_OVER"]
        assert "bank_details_asked" in told(ticket)

    def test_by_an_agents_refund_at_once(self, bank: Bank, lin: Actor) -> None:
        desk = bank.desk
        ticket = desk.open(desk.order(channel="offline"))
        refund(ticket_id=ticket.pk, amount_fen=None, reason="x", text="", actor=lin, now=desk.now)
        desk.tick()
        assert bank.transfer(ticket).state == "asked"
        assert [r.state for r in desk.refunds(ticket)] == ["manual"]
        assert "refund_requested" not in told(ticket), "nothing goes back the way it came"

    @pytest.mark.parametrize("obstacle", ["delivered", "code_shown", "rehearsal"])
    def test_not_where_something_speaks_against_the_claim(self, bank: Bank, obstacle: str) -> None:
        desk = bank.desk
        fields: dict[str, Any] = {}
        if obstacle == "rehearsal":
            set_policy(rehearsal=True)
        if obstacle == "code_shown":
            fields = {"target_account": "", "code_revealed_at": desk.now}
        order = desk.order(channel="offline", **fields)
        if obstacle == "delivered":
            make_payment(order, 9800, channel="offline")
            make_top_up(order, "succeeded", voucher_no="2026112400001")
        ticket = desk.open(order)
        desk.advance(deadline_of(ticket, "commitment_warning").due_at)
        assert not BankTransfer.objects.exists()
        assert "awaiting_approval" in told(ticket)

    def test_a_payment_that_can_go_back_is_asked_about_by_nobody(self, bank: Bank) -> None:
        bank.warned(channel="sandbox")
        assert not BankTransfer.objects.exists()

    def test_what_was_sent_and_is_unclear_asks_for_no_account(self, bank: Bank, lin) -> None:
        desk = bank.desk
        ticket = desk.open(desk.order(channel="sandbox"))
        refund(ticket_id=ticket.pk, amount_fen=None, reason="x", text="", actor=lin, now=desk.now)
        desk.settle(ticket, "unknown")
        assert [r.state for r in desk.refunds(ticket)] == ["manual"]
        assert not BankTransfer.objects.exists()


class TestTheAccount:
    def test_lies_sealed_and_is_shown_masked(self, bank: Bank) -> None:
        ticket = bank.asked()
        bank.give(ticket)
        details = BankDetails.objects.get()
        assert (details.masked_name, details.masked_number) == ("赵*", "**** 0128")
        assert details.name_matches is True
        assert ACCOUNT.number not in details.sealed
        assert unseal(details.sealed) == vars(ACCOUNT)
        assert bank.transfer(ticket).state == "ready"
        everything = repr(list(Event.objects.values_list("data", flat=True)))
        assert ACCOUNT.number not in everything
        assert "赵磊" not in everything
        assert "bank_details_given" in told(ticket)

    def test_the_same_again_changes_nothing(self, bank: Bank) -> None:
        ticket = bank.asked()
        bank.give(ticket)
        bank.give(ticket)
        assert BankDetails.objects.count() == 1
        assert kinds_of(ticket).count("bank_details_given") == 1

    def test_staff_cannot_enter_one(self, bank: Bank, lin: Actor) -> None:
        ticket = bank.asked()
        with pytest.raises(NotAllowed):
            give_details(ticket_id=ticket.pk, account=ACCOUNT, actor=lin, now=bank.desk.now)

    def test_nobody_asked(self, bank: Bank) -> None:
        ticket = bank.desk.open()
        with pytest.raises(UnableToTransfer) as refusal:
            bank.give(ticket)
        assert refusal.value.code == "no_transfer"

    def test_another_name_than_the_orders_is_pointed_out(self, bank: Bank) -> None:
        ticket = bank.asked()
        bank.give(ticket, Account(name="李雷", bank="工行", number=ACCOUNT.number))
        assert BankDetails.objects.get().name_matches is False

    def test_the_earlier_one_is_erased(self, bank: Bank) -> None:
        ticket = bank.asked()
        bank.give(ticket)
        bank.give(ticket, OTHER)
        first, second = BankDetails.objects.order_by("version")
        assert (first.sealed, first.erased_at) == ("", bank.desk.now)
        assert unseal(second.sealed)["number"] == OTHER.number

    @pytest.mark.parametrize("approved", [False, True])
    def test_a_change_makes_the_approval_void(self, bank: Bank, approved: bool) -> None:
        ticket = bank.asked()
        bank.give(ticket)
        bank.propose(ticket)
        if approved:
            bank.approve(ticket)
        bank.give(ticket, OTHER)
        transfer = bank.transfer(ticket)
        assert (transfer.state, transfer.decided_by, transfer.details) == ("ready", "", None)
        assert "transfer_voided" in kinds_of(ticket)
        assert "transfer_voided_staff" in told(ticket, "staff")
        with pytest.raises(UnableToTransfer):
            bank.record(ticket)
        bank.propose(ticket)
        with pytest.raises(UnableToTransfer) as refusal:
            bank.approve(ticket, seen_version=1)
        assert refusal.value.code == "stale"
        bank.approve(ticket, seen_version=2)

    def test_a_refund_on_its_way_by_transfer_cannot_be_withdrawn(self, bank: Bank) -> None:
        ticket = bank.asked()
        with pytest.raises(Refused) as refusal:
            withdraw(ticket_id=ticket.pk, reason="x", actor=CUSTOMER, now=bank.desk.now)
        assert refusal.value.code == "refund_under_way"

    def test_erased_when_it_has_done_its_service(self, bank: Bank) -> None:
        ticket = bank.approved()
        bank.record(ticket)
        bank.desk.tick()
        paid_at = bank.transfer(ticket).paid_at
        assert paid_at is not None
        assert erase_spent_details(now=paid_at + KEPT_FOR) == 0
        assert erase_spent_details(now=paid_at + KEPT_FOR + SECOND) == 1
        details = BankDetails.objects.get()
        assert (details.sealed, details.masked_number) == ("", "**** 0128")
        with pytest.raises(NothingToReveal):
            reveal_bank_details(ticket_id=ticket.pk, reason="x", user=bank.wang, now=bank.desk.now)


class TestRevealing:
    def test_in_full_with_a_reason_on_the_record(self, bank: Bank) -> None:
        ticket = bank.asked()
        bank.give(ticket)
        account = reveal_bank_details(
            ticket_id=ticket.pk, reason="转账", user=bank.wang, now=bank.desk.now
        )
        assert account.number == ACCOUNT.number
        (event,) = events_of(ticket, "contact_revealed")
        assert event.data["fields"] == ["bank_account"]
        assert event.actor == f"staff:{bank.wang.pk}"

    def test_not_without_the_right_or_a_reason(self, bank: Bank) -> None:
        ticket = bank.asked()
        bank.give(ticket)
        lin = bank.desk.people["lin"]
        with pytest.raises(NotAllowed):
            reveal_bank_details(ticket_id=ticket.pk, reason="x", user=lin, now=bank.desk.now)
        with pytest.raises(Refused):
            reveal_bank_details(ticket_id=ticket.pk, reason=" ", user=bank.wang, now=bank.desk.now)
        assert events_of(ticket, "contact_revealed") == []


class TestFourEyes:
    def test_proposed_by_one_approved_by_another(self, bank: Bank) -> None:
        ticket = bank.asked()
        bank.give(ticket)
        transfer = bank.propose(ticket, acting(bank.wang))
        assert (transfer.amount_fen, transfer.refunds) == (
            9800,
            [r.refund_no for r in bank.desk.refunds(ticket)],
        )
        with pytest.raises(NotAllowed) as refusal:
            bank.approve(ticket, bank.wang)
        assert refusal.value.code == "same_person"
        with pytest.raises(IntegrityError), transaction.atomic():
            BankTransfer.objects.update(state="approved", decided_by=transfer.proposed_by)
        with pytest.raises(IntegrityError), transaction.atomic():
            BankTransfer.objects.update(state="approved")
        assert bank.approve(ticket, bank.zhao).state == "approved"

    def test_an_agent_proposes_and_does_not_approve(self, bank: Bank) -> None:
        ticket = bank.asked()
        bank.give(ticket)
        bank.propose(ticket)
        with pytest.raises(NotAllowed):
            bank.approve(ticket, bank.desk.people["lin"])

    def test_not_before_the_customer_named_an_account(self, bank: Bank) -> None:
        ticket = bank.asked()
        with pytest.raises(UnableToTransfer) as refusal:
            bank.propose(ticket)
        assert refusal.value.code == "wrong_state"

    def test_turned_down_it_can_be_proposed_again(self, bank: Bank) -> None:
        ticket = bank.asked()
        bank.give(ticket)
        bank.propose(ticket)
        bank.approve(ticket, decision=False)
        assert bank.transfer(ticket).state == "ready"
        assert "transfer_declined" in kinds_of(ticket)
        bank.propose(ticket)

    def test_decided_once(self, bank: Bank) -> None:
        ticket = bank.approved()
        with pytest.raises(UnableToTransfer):
            bank.approve(ticket, bank.zhao)

    def test_what_is_due_has_changed(self, bank: Bank) -> None:
        ticket = bank.asked()
        bank.give(ticket)
        bank.propose(ticket)
        Refund.objects.update(state="succeeded")
        with pytest.raises(UnableToTransfer) as refusal:
            bank.approve(ticket)
        assert refusal.value.code == "stale"


class TestPaid:
    def test_the_receipt_settles_it_and_the_customer_hears(self, bank: Bank) -> None:
        ticket = bank.approved()
        bank.desk.now += 30 * MINUTE
        proof = bank.receipt()
        bank.record(ticket, proof)
        bank.desk.tick()

        (item,) = bank.desk.refunds(ticket)
        assert (item.state, item.settled_at) == ("succeeded", proof.received_at)
        assert get_balance("refunds_paid:offline") == 9800
        assert list(find_differences()) == []
        settlement = HandSettlement.objects.get()
        assert settlement.proposed_by != settlement.decided_by
        assert "ICBC20261125001" in settlement.proof
        assert (bank.desk.tell(ticket).status, bank.desk.tell(ticket).outcome) == (
            "resolved",
            "refunded",
        )
        assert told(ticket)[-1] == "resolved"
        assert deadline_of(ticket, "commitment").state == "met"
        assert breaches_of(ticket).count("commitment") == 0
        assert bank.transfer(ticket).state == "paid"

    def test_the_promise_is_judged_by_the_proofs_time(self, bank: Bank) -> None:
        """The receipt came a second before the promise fell due, the booking minutes after."""
        ticket = bank.approved()
        due_at = deadline_of(ticket, "commitment").due_at
        bank.desk.advance(due_at - SECOND)
        proof = bank.receipt()
        bank.desk.now = due_at + 2 * MINUTE
        bank.record(ticket, proof)
        bank.desk.tick()
        commitment = deadline_of(ticket, "commitment")
        assert (commitment.state, commitment.met_at) == ("met", due_at - SECOND)
        assert "commitment" not in breaches_of(ticket)

    def test_a_receipt_that_comes_too_late_is_a_breach(self, bank: Bank) -> None:
        ticket = bank.approved()
        bank.desk.advance(deadline_of(ticket, "commitment").due_at + SECOND)
        bank.record(ticket)
        bank.desk.tick()
        assert bank.desk.tell(ticket).outcome == "refunded"
        assert "commitment" in breaches_of(ticket)

    def test_not_before_the_approval(self, bank: Bank) -> None:
        ticket = bank.asked()
        bank.give(ticket)
        bank.propose(ticket)
        with pytest.raises(UnableToTransfer):
            bank.record(ticket)
        assert bank.desk.refunds(ticket)[0].state == "manual"

    @pytest.mark.parametrize(("reference", "code"), [(" ", "required"), ("x" * 65, "too_long")])
    def test_with_the_banks_number(self, bank: Bank, reference: str, code: str) -> None:
        ticket = bank.approved()
        with pytest.raises(UnableToTransfer) as refusal:
            bank.record(ticket, reference=reference)
        assert refusal.value.code == code

    def test_one_receipt_pays_once(self, bank: Bank) -> None:
        first, second = bank.approved(), bank.approved()
        proof = bank.receipt()
        bank.record(first, proof)
        with pytest.raises(UnableToTransfer) as refusal:
            bank.record(second, bank.receipt(sha256=proof.sha256), reference="ANOTHER")
        assert refusal.value.code == "used_proof"
        with pytest.raises(UnableToTransfer) as refusal:
            bank.record(second)
        assert refusal.value.code == "used_reference"
        assert bank.desk.refunds(second)[0].state == "manual"

    def test_recorded_once(self, bank: Bank) -> None:
        ticket = bank.approved()
        bank.record(ticket)
        with pytest.raises(UnableToTransfer):
            bank.record(ticket, reference="ANOTHER")
        assert get_balance("refunds_paid:offline") == 9800

    def test_two_payments_in_one_transfer(self, bank: Bank) -> None:
        desk = bank.desk
        order = desk.order(channel="offline")
        make_payment(order, 5000, channel="offline")
        ticket = desk.open(order)
        lin = acting(desk.people["lin"])
        refund(ticket_id=ticket.pk, amount_fen=None, reason="x", text="", actor=lin, now=desk.now)
        bank.give(ticket)
        assert bank.propose(ticket).amount_fen == 14800
        bank.approve(ticket)
        bank.record(ticket)
        desk.tick()
        assert desk.tell(ticket).outcome == "refunded"
        assert [r.state for r in desk.refunds(ticket)] == ["succeeded", "succeeded"]

    def test_somebody_settles_it_in_another_way_meanwhile(self, bank: Bank) -> None:
        ticket = bank.approved()
        (item,) = bank.desk.refunds(ticket)
        treasurer = employ(bank.zhao, "settle_refund_by_hand")
        settle_by_hand(
            refund_id=item.pk, paid=True, proof="柜台", actor=treasurer, now=bank.desk.now
        )
        with pytest.raises(UnableToSettleByHand):
            bank.record(ticket)

    def test_the_receipt_is_real_evidence(self, bank: Bank, settings, tmp_path) -> None:
        settings.MEDIA_ROOT = tmp_path
        ticket = bank.approved()
        upload = SimpleUploadedFile("回单.jpg", picture(), content_type="image/jpeg")
        proof = receive_evidence(
            upload=upload, kind="other", actor=acting(bank.wang), now=bank.desk.now
        )
        bank.record(ticket, proof)
        (event,) = events_of(ticket, "transfer_paid")
        assert event.data["sha256"] == proof.sha256
        own = {str(proof.pk)}
        assert [f for f in verify_evidence(ticket=bank.desk.tell(ticket)) if f.subject in own] == []
        with pytest.raises(UnableToAttach):
            add_evidence(
                ticket_id=bank.desk.open().pk,
                evidence_ids=[proof.pk],
                actor=CUSTOMER,
                now=bank.desk.now,
            )
        (tmp_path / str(proof.original.name)).write_bytes(b"forged")
        found = verify_evidence(ticket=bank.desk.tell(ticket))
        assert ("file_changed", str(proof.pk)) in {(f.code, f.subject) for f in found}


class TestSealing:
    def test_only_with_our_key(self) -> None:
        sealed = seal({"number": "1"})
        assert seal({"number": "1"}) != sealed
        key, another = settings.SECRET_KEY, "another one, also long enough for every check"
        with override_settings(SECRET_KEY=another), pytest.raises(UnableToUnseal):
            unseal(sealed)
        with override_settings(SECRET_KEY=another, SECRET_KEY_FALLBACKS=[key]):
            assert unseal(sealed) == {"number": "1"}

    def test_a_changed_text_does_not_open(self) -> None:
        sealed = seal({"number": "1"})
        with pytest.raises(UnableToUnseal):
            unseal(sealed[:-2] + "AA")
