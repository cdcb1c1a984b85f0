"""The customer's opinion, once it is over."""

import pytest

from tests.stories import CUSTOMER, OPENING, Desk, at, events_of, make_order
from tickets.cases import NotAllowed, TransitionRefused
from tickets.transitions import rate, resolve

pytestmark = pytest.mark.django_db


@pytest.fixture
def over(desk: Desk, lin):
    ticket = desk.open(make_order(paid=[]))
    resolve(ticket_id=ticket.pk, outcome="corrected", text="已更正", actor=lin, now=OPENING)
    return ticket


def give(ticket, score, text="", actor=CUSTOMER):
    return rate(ticket_id=ticket.pk, score=score, text=text, actor=actor, now=at("11:00"))


def test_it_is_kept_with_its_words(desk: Desk, over) -> None:
    give(over, 5, "很快")
    assert desk.tell(over).score == 5
    (rated,) = events_of(over, "rated")
    assert rated.data["score"] == 5
    assert over.messages.latest("pk").body == "很快"


def test_words_are_not_needed(desk: Desk, over) -> None:
    give(over, 1, "  ")
    assert desk.tell(over).score == 1
    assert "text_digest" not in events_of(over, "rated")[0].data


@pytest.mark.parametrize("score", [0, 6, -1, 1000])
def test_one_to_five(desk: Desk, over, score: int) -> None:
    with pytest.raises(TransitionRefused) as refusal:
        give(over, score)
    assert refusal.value.code == "invalid_score"
    assert str(score) in str(refusal.value)
    assert desk.tell(over).score is None


def test_not_before_the_end_and_not_by_ourselves(desk: Desk, over, lin) -> None:
    with pytest.raises(TransitionRefused):
        give(desk.open(), 5)
    with pytest.raises(NotAllowed):
        give(over, 5, actor=lin)
