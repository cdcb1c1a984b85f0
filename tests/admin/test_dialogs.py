"""Verbs are dialogs: shown by GET, carried out by POST, refused with the domain's own words."""

import pytest
from django.test import Client

from orders.models import Outage, Payment, Refund
from tests.admin.conftest import QUEUE, dialog_of, page_of, sign_in, submit, words_of
from tests.stories import MINUTE, OPENING, Desk, acting, events_of, kinds_of, make_order, told
from tickets import remedies, transitions
from tickets.actors import Actor
from tickets.models import Approval, Message, Ticket

pytestmark = pytest.mark.django_db

ALL_VERBS = [
    "take", "assign", "reply", "note", "request_evidence", "accept_evidence", "refund",
    "redeliver", "resolve", "refuse", "escalate", "approve", "decline", "reopen", "reveal",
    "merge", "link_outage",
]  # fmt: skip


def ask_refund(desk: Desk, ticket: Ticket, by: str = "lin", amount_fen: int | None = None) -> None:
    remedies.refund(
        ticket_id=ticket.pk,
        amount_fen=amount_fen,
        reason="未到账",
        text="",
        actor=acting(desk.people[by]),
        now=OPENING,
    )


def costly(desk: Desk, **fields) -> Ticket:
    """A dispute over 800 yuan, which is above what staff give back alone."""
    return desk.open(make_order(price_fen=80000, face_value_fen=80000, **fields))


@pytest.mark.parametrize("verb", ALL_VERBS)
def test_a_dialog_is_shown_in_the_readers_language(office: Desk, wang_at_work: Client, verb: str):
    ticket = office.open()
    response = wang_at_work.get(dialog_of(ticket, verb))
    assert response.status_code == 200
    page = words_of(response)
    assert 'id="dialog"' in page
    assert "csrfmiddlewaretoken" in page


def test_lin_takes_a_dispute(office: Desk, lin_at_work: Client):
    ticket = office.open()
    answer = submit(lin_at_work, ticket, "take")
    assert answer["HX-Redirect"] == QUEUE
    ticket = office.tell(ticket)
    assert (ticket.assignee, ticket.status) == (office.people["lin"], "in_progress")


def test_wang_gives_a_dispute_to_lin(office: Desk, wang_at_work: Client):
    ticket = office.open()
    submit(wang_at_work, ticket, "assign", assignee=office.people["lin"].pk)
    assert office.tell(ticket).assignee == office.people["lin"]
    assert "assigned" in told(ticket, "staff")


def test_the_reply_reaches_the_customer_and_the_note_does_not(office: Desk, lin_at_work: Client):
    ticket = office.open()
    submit(lin_at_work, ticket, "reply", text="正在查单")
    submit(lin_at_work, ticket, "note", text="渠道无响应")
    internal = dict(Message.objects.filter(ticket=ticket).values_list("body", "internal"))
    assert internal["正在查单"] is False
    assert internal["渠道无响应"] is True
    assert told(ticket).count("replied") == 1


def test_merging_suggests_the_customers_other_dispute(office: Desk, lin_at_work: Client):
    right = office.open(make_order(buyer_ref="zhao"))
    wrong = office.open(make_order(buyer_ref="zhao", paid=[]))
    office.open()
    form = lin_at_work.get(dialog_of(wrong, "merge")).context["form"]
    assert form.initial["into"] == right.number
    answer = submit(lin_at_work, right, "merge", into=wrong.number)
    assert answer.status_code == 409
    assert "Money is owed on order" in words_of(answer)
    submit(lin_at_work, wrong, "merge", into=right.number)
    assert office.tell(wrong).outcome == "duplicate"
    page = words_of(lin_at_work.get(page_of(right)))
    assert page.count(wrong.number) >= 3
    assert f"goes on as {right.number}" in words_of(lin_at_work.get(page_of(wrong)))


def test_a_dispute_is_linked_to_an_outage(office: Desk, lin_at_work: Client):
    assert "No outage is known." in words_of(
        lin_at_work.get(dialog_of(office.open(), "link_outage"))
    )
    outage = Outage.objects.create(
        title="移动通道维护",
        supplier="nobody",
        started_at=OPENING,
        declared_by="system",
        declared_at=OPENING,
    )
    ticket = office.open()
    submit(lin_at_work, ticket, "link_outage", outage=outage.pk)
    assert office.tell(ticket).outage == outage
    assert "移动通道维护" in words_of(lin_at_work.get(page_of(ticket)))
    assert submit(lin_at_work, ticket, "link_outage", outage=0).status_code == 200


def test_an_empty_reply_stays_in_the_dialog(office: Desk, lin_at_work: Client):
    ticket = office.open()
    answer = submit(lin_at_work, ticket, "reply", text="   ")
    assert "HX-Redirect" not in answer
    assert "This field is required" in words_of(answer)
    assert kinds_of(ticket).count("replied") == 0


def test_asking_for_proof_suggests_what_is_missing(office: Desk, lin_at_work: Client):
    ticket = office.open(proof=())
    form = lin_at_work.get(dialog_of(ticket, "request_evidence")).context["form"]
    assert form.initial["kinds"] == ["bank_deduction_record", "payment_screenshot"]
    submit(
        lin_at_work, ticket, "request_evidence", kinds=["payment_screenshot"], text="请补充付款截图"
    )
    assert office.tell(ticket).status == "waiting_customer"


def test_accepting_proof_names_its_files(office: Desk, lin_at_work: Client):
    ticket = office.open()
    file = ticket.evidence.get()
    submit(lin_at_work, ticket, "accept_evidence", evidence=[str(file.pk)])
    file.refresh_from_db()
    assert file.accepted_at == OPENING


def test_the_refund_is_filled_in_with_what_is_owed(office: Desk, lin_at_work: Client):
    ticket = office.open(make_order(paid=[9800, 9800]))
    form = lin_at_work.get(dialog_of(ticket, "refund")).context["form"]
    assert str(form.initial["amount"]) == "196.00"
    assert "¥196.00" in form.initial["text"]
    answer = submit(lin_at_work, ticket, "refund", amount="98.00", reason="重复扣款", text="")
    assert answer["HX-Redirect"]
    assert [r.amount_fen for r in office.refunds(ticket)] == [9800]
    assert office.tell(ticket).status == "remedy_pending"


@pytest.mark.parametrize("amount", ["0", "-5", "0.001", "abc", "1e9", ""])
def test_amounts_that_are_none_are_refused_in_the_dialog(
    office: Desk, lin_at_work: Client, amount: str
):
    ticket = office.open()
    answer = submit(lin_at_work, ticket, "refund", amount=amount, reason="未到账")
    assert "HX-Redirect" not in answer
    assert not Refund.objects.exists()


def test_more_than_was_paid_is_refused_with_the_limit(office: Desk, lin_at_work: Client):
    ticket = office.open()
    answer = submit(lin_at_work, ticket, "refund", amount="98.01", reason="未到账")
    assert answer.status_code == 409
    assert "At most ¥98.00 can be refunded" in words_of(answer)
    assert Payment.objects.get(order=ticket.order).reserved_fen == 0


def test_above_the_limit_a_supervisor_who_did_not_ask_decides(
    office: Desk, lin_at_work: Client, wang_at_work: Client
):
    ticket = costly(office)
    submit(lin_at_work, ticket, "refund", amount="800", reason="未到账")
    approval = Approval.objects.get(ticket=ticket)
    refused = submit(lin_at_work, ticket, "approve", approval=approval.pk, reason="同意")
    assert refused.status_code == 403
    assert "Only a supervisor may do this." in words_of(refused)
    shown = words_of(wang_at_work.get(dialog_of(ticket, "approve")))
    assert "¥800.00" in shown
    submit(wang_at_work, ticket, "approve", approval=approval.pk, reason="事实清楚")
    assert office.tell(ticket).status == "remedy_pending"


def test_nobody_decides_what_he_asked_for(office: Desk, wang_at_work: Client):
    ticket = costly(office)
    ask_refund(office, ticket, by="wang")
    approval = Approval.objects.get(ticket=ticket)
    answer = submit(wang_at_work, ticket, "approve", approval=approval.pk, reason="同意")
    assert answer.status_code == 403
    assert "Somebody else has to decide" in words_of(answer)
    assert "approve" not in [v["name"] for v in wang_at_work.get(page_of(ticket)).context["verbs"]]


def test_an_answer_goes_to_the_question_that_was_read(office: Desk, wang_at_work: Client):
    """Lin asked for 600 and Wang read it; meanwhile it was declined and 800 was asked for."""
    ticket = costly(office)
    ask_refund(office, ticket, amount_fen=60000)
    read = Approval.objects.get(ticket=ticket)
    transitions.approve(
        ticket_id=ticket.pk,
        decision=False,
        reason="金额不对",
        actor=acting(office.people["zhao"]),
        now=OPENING,
    )
    ask_refund(office, ticket)
    answer = submit(wang_at_work, ticket, "approve", approval=read.pk, reason="同意")
    assert answer.status_code == 409
    assert "Another decision is waiting by now" in words_of(answer)
    assert office.tell(ticket).status == "new"
    assert not office.refunds(ticket, held=False, state="requested")


def test_a_declined_refund_frees_the_money(office: Desk, zhao_at_work: Client):
    ticket = costly(office)
    ask_refund(office, ticket)
    approval = Approval.objects.get(ticket=ticket)
    submit(zhao_at_work, approval, "decline", approval=approval.pk, reason="需进一步核实")
    approval.refresh_from_db()
    assert (approval.state, approval.decision_reason) == ("declined", "需进一步核实")
    assert Payment.objects.get(order=ticket.order).reserved_fen == 0


def test_the_inbox_of_decisions_shows_what_waits(office: Desk, zhao_at_work: Client):
    ticket = costly(office)
    ask_refund(office, ticket)
    inbox = "/admin/tickets/approval/"
    assert ticket.number in words_of(zhao_at_work.get(inbox))
    approval = Approval.objects.get(ticket=ticket)
    submit(zhao_at_work, approval, "approve", approval=approval.pk, reason="事实清楚")
    assert ticket.number not in words_of(zhao_at_work.get(inbox))
    assert ticket.number in words_of(zhao_at_work.get(inbox + "?state=all"))


def test_a_decision_that_is_over_cannot_be_answered_from_the_inbox(
    office: Desk, zhao_at_work: Client, wang_at_work: Client
):
    ticket = costly(office)
    ask_refund(office, ticket)
    old = Approval.objects.get(ticket=ticket)
    submit(zhao_at_work, old, "decline", approval=old.pk, reason="金额不对")
    ask_refund(office, ticket)
    answer = submit(wang_at_work, old, "approve", approval=old.pk, reason="同意")
    assert answer.status_code == 409
    assert Approval.objects.get(ticket=ticket, state="pending").decided_by == ""


def test_delivered_needs_proof(office: Desk, lin_at_work: Client):
    ticket = office.open()
    answer = submit(lin_at_work, ticket, "resolve", outcome="delivered", text="已到账")
    assert answer.status_code == 409
    assert "Nothing proves the delivery" in words_of(answer)


def test_a_refusal_of_the_claim_is_asked_for(office: Desk, lin_at_work: Client):
    ticket = office.open()
    submit(lin_at_work, ticket, "refuse", reason="已充值成功", text="经核实，订单已充值成功。")
    assert Approval.objects.get(ticket=ticket).action == "refuse"
    assert office.tell(ticket).is_open


def test_escalating_twice_is_refused(office: Desk, lin_at_work: Client):
    ticket = office.open()
    submit(lin_at_work, ticket, "escalate", reason="供应商无回应")
    assert office.tell(ticket).level == "supervisor"
    answer = submit(lin_at_work, ticket, "escalate", reason="供应商无回应")
    assert answer.status_code == 409
    assert "A supervisor has this case already." in words_of(answer)


def test_redelivery_without_a_supplier_is_refused_with_its_name(office: Desk, lin_at_work: Client):
    ticket = office.open(make_order(status="failed", supplier="nowhere"))
    answer = submit(lin_at_work, ticket, "redeliver", reason="未到账", text="")
    assert answer.status_code == 409
    assert "nowhere" in words_of(answer)


def test_reopening_is_a_supervisors(office: Desk, lin_at_work: Client, wang_at_work: Client):
    ticket = office.open(make_order(paid=[]))
    submit(lin_at_work, ticket, "resolve", outcome="duplicate", text="重复提交")
    assert office.tell(ticket).status == "resolved"
    assert submit(lin_at_work, ticket, "reopen", reason="仍未到账").status_code == 403
    submit(wang_at_work, ticket, "reopen", reason="仍未到账")
    assert office.tell(ticket).status == "in_progress"


def test_the_page_offers_what_makes_sense(office: Desk, lin_at_work: Client, wang_at_work: Client):
    ticket = office.open()

    def offered(client: Client) -> set[str]:
        return {verb["name"] for verb in client.get(page_of(ticket)).context["verbs"]}

    assert {"take", "reply", "refund", "escalate", "resolve"} <= offered(lin_at_work)
    assert not {"approve", "decline", "reopen"} & offered(lin_at_work)
    submit(lin_at_work, ticket, "refund", amount="98", reason="未到账")
    assert "refund" not in offered(lin_at_work)


def test_without_a_token_of_the_form_nothing_happens(office: Desk):
    ticket = office.open()
    client = Client(enforce_csrf_checks=True)
    client.force_login(office.people["lin"])
    answer = client.post(dialog_of(ticket, "take"), {"_form_submitted": "True"})
    assert answer.status_code == 403
    assert office.tell(ticket).assignee is None


def test_without_scripts_the_dialog_still_leads_back(office: Desk, lin_at_work: Client):
    ticket = office.open()
    answer = lin_at_work.post(
        dialog_of(ticket, "reply"), {"_form_submitted": "True", "text": "正在查单"}
    )
    assert (answer.status_code, answer["Location"]) == (302, page_of(ticket))


def test_a_success_never_leads_to_another_site(office: Desk, lin_at_work: Client):
    ticket = office.open()
    answer = lin_at_work.post(
        dialog_of(ticket, "reply"),
        {"_form_submitted": "True", "text": "正在查单"},
        headers={"hx-request": "true", "hx-current-url": "https://evil.example/x"},
    )
    assert answer["HX-Redirect"] == page_of(ticket)


def test_the_actor_in_the_chain_is_who_signed_in(office: Desk, lin_at_work: Client):
    ticket = office.open()
    submit(lin_at_work, ticket, "take")
    assert events_of(ticket, "assigned")[0].actor == f"staff:{office.people['lin'].pk}"


def test_a_dialog_about_nothing_is_not_found(office: Desk, lin_at_work: Client):
    assert lin_at_work.get(f"{QUEUE}999999/refund/").status_code == 404
    assert lin_at_work.get(f"{QUEUE}abc/refund/").status_code == 404
    post = lin_at_work.post(f"{QUEUE}999999/reply/", {"_form_submitted": "True", "text": "x"})
    assert post.status_code == 404


def test_the_words_follow_the_customers_language(office: Desk, lin_at_work: Client):
    ticket = office.open(language="en")
    form = sign_in(office.people["lin"], "zh-hans").get(dialog_of(ticket, "refund")).context["form"]
    assert form.initial["text"].startswith("We are refunding ¥98.00")


def test_a_late_dialog_meets_a_dispute_that_is_over(office: Desk, lin_at_work: Client):
    ticket = office.open()
    transitions.withdraw(
        ticket_id=ticket.pk,
        reason="已到账",
        actor=Actor.customer(),
        now=OPENING + MINUTE,
    )
    answer = submit(lin_at_work, ticket, "reply", text="正在查单")
    assert answer.status_code == 409
    assert "nothing more can be done here" in words_of(answer)
