"""Refunds that no channel can settle: one person proposes with proof, another one books."""

import pytest
from django.contrib.auth.models import Permission, User
from django.db import IntegrityError, transaction

from orders.by_hand import (
    NotAllowedToSettle,
    UnableToSettleByHand,
    approve_settlement,
    settle_by_hand,
)
from orders.ledger import get_balance
from orders.models import HandSettlement, Refund
from tests.orders.saga import Saga

pytestmark = pytest.mark.django_db

PROOF = "evidence/2026/11/bank-receipt-8812.pdf"


def treasurer(name: str) -> User:
    user = User.objects.create_user(name)
    user.user_permissions.add(Permission.objects.get(codename="settle_refund_by_hand"))
    return User.objects.get(pk=user.pk)


@pytest.fixture
def he(db: None) -> User:
    return treasurer("he")


@pytest.fixture
def sun(db: None) -> User:
    return treasurer("sun")


@pytest.fixture
def manual(saga: Saga) -> Refund:
    """Qian Jun paid in cash; nothing can go back the way it came."""
    refund = saga.plan(saga.order(channel="offline"))
    saga.claim(refund)
    return refund


def propose(refund: Refund, actor: User, saga: Saga, *, paid: bool = True) -> HandSettlement:
    return settle_by_hand(refund_id=refund.pk, paid=paid, proof=PROOF, actor=actor, now=saga.now)


def test_paid_by_bank_transfer(saga: Saga, manual: Refund, he: User, sun: User) -> None:
    proposal = propose(manual, he, saga)
    assert saga.money(manual) == (0, 9800)

    approve_settlement(settlement_id=proposal.pk, decision=True, actor=sun, now=saga.now)

    assert saga.refund(manual).state == "succeeded"
    assert saga.money(manual) == (9800, 0)
    assert get_balance("refunds_paid:offline") == 9800
    assert saga.told(manual)[-1] == "refund_settled"


def test_certainly_not_paid_frees_the_money(saga: Saga, manual: Refund, he, sun) -> None:
    proposal = propose(manual, he, saga, paid=False)
    approve_settlement(settlement_id=proposal.pk, decision=True, actor=sun, now=saga.now)
    assert saga.refund(manual).state == "rejected"
    assert saga.money(manual) == (0, 0)


def test_one_pair_of_eyes_is_not_enough(saga: Saga, manual: Refund, he: User) -> None:
    proposal = propose(manual, he, saga)
    with pytest.raises(NotAllowedToSettle) as refusal:
        approve_settlement(settlement_id=proposal.pk, decision=True, actor=he, now=saga.now)
    assert refusal.value.code == "four_eyes"
    with pytest.raises(IntegrityError), transaction.atomic():
        HandSettlement.objects.filter(pk=proposal.pk).update(decided_by=proposal.proposed_by)
    assert saga.money(manual) == (0, 9800)


def test_turned_down_another_proposal_may_follow(saga: Saga, manual: Refund, he, sun) -> None:
    proposal = propose(manual, he, saga)
    approve_settlement(settlement_id=proposal.pk, decision=False, actor=sun, now=saga.now)
    assert saga.refund(manual).state == "manual"
    propose(manual, sun, saga)


def test_one_proposal_at_a_time(saga: Saga, manual: Refund, he: User, sun: User) -> None:
    propose(manual, he, saga)
    with pytest.raises(UnableToSettleByHand) as refusal:
        propose(manual, sun, saga)
    assert refusal.value.code == "already_proposed"


def test_decided_once(saga: Saga, manual: Refund, he: User, sun: User) -> None:
    proposal = propose(manual, he, saga)
    approve_settlement(settlement_id=proposal.pk, decision=True, actor=sun, now=saga.now)
    with pytest.raises(UnableToSettleByHand) as refusal:
        approve_settlement(settlement_id=proposal.pk, decision=True, actor=sun, now=saga.now)
    assert refusal.value.code == "already_decided"
    assert saga.money(manual) == (9800, 0)


def test_only_who_may(saga: Saga, manual: Refund, he: User) -> None:
    stranger = User.objects.create_user("stranger")
    with pytest.raises(NotAllowedToSettle):
        propose(manual, stranger, saga)
    proposal = propose(manual, he, saga)
    with pytest.raises(NotAllowedToSettle):
        approve_settlement(settlement_id=proposal.pk, decision=True, actor=stranger, now=saga.now)


@pytest.mark.parametrize(("proof", "code"), [("  ", "required"), ("x" * 201, "too_long")])
def test_not_without_proof(saga: Saga, manual: Refund, he: User, proof: str, code: str) -> None:
    with pytest.raises(UnableToSettleByHand) as refusal:
        settle_by_hand(refund_id=manual.pk, paid=True, proof=proof, actor=he, now=saga.now)
    assert (refusal.value.code, refusal.value.field) == (code, "proof")


def test_what_the_channel_still_works_on_is_left_to_it(saga: Saga, he: User) -> None:
    refund = saga.plan()
    saga.answer(refund, "accepted")
    with pytest.raises(UnableToSettleByHand) as refusal:
        propose(refund, he, saga)
    assert refusal.value.code == "not_in_peoples_hands"


class TestTheChannelPaysAfterAll:
    def stuck(self, saga: Saga) -> Refund:
        refund = saga.plan(amount_fen=1000)
        saga.answer(refund, "unknown", retryable=False)
        return refund

    def test_while_a_proposal_waits(self, saga: Saga, he: User, sun: User) -> None:
        refund = self.stuck(saga)
        proposal = propose(refund, he, saga)
        saga.notify(refund, "succeeded")
        assert saga.money(refund) == (1000, 0)
        assert saga.alarms(refund) == [("paid_twice", False, 1000)]
        with pytest.raises(UnableToSettleByHand):
            approve_settlement(settlement_id=proposal.pk, decision=True, actor=sun, now=saga.now)

    def test_after_people_paid(self, saga: Saga, he: User, sun: User) -> None:
        refund = self.stuck(saga)
        proposal = propose(refund, he, saga)
        approve_settlement(settlement_id=proposal.pk, decision=True, actor=sun, now=saga.now)
        saga.notify(refund, "succeeded")
        assert saga.money(refund) == (1000, 0)
        assert saga.alarms(refund) == [("paid_twice", False, 1000)]
