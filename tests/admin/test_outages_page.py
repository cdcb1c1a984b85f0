"""Supervisors declare an outage, propose refunds for all it hit, approve and watch them."""

from typing import Any

import pytest
from django.test import Client

from orders.models import BatchRow, Outage, RefundBatch
from orders.outages import OutageFacts, declare_outage
from tests.admin.conftest import dialog_of, submit, words_of
from tests.stories import HOUR, MINUTE, OPENING, Desk
from tickets.mass_refunds import carry_on_batches

pytestmark = pytest.mark.django_db
ADD = "/admin/orders/outage/add/"


def described(**changes: Any) -> dict[str, Any]:
    return {
        "title": "云充接口中断",
        "supplier": "yunchong",
        "channel": "",
        "product_code": "",
        "started_at_0": "2026-11-24",
        "started_at_1": "08:00:00",
        "ended_at_0": "",
        "ended_at_1": "",
        "text_zh": "",
        "text_en": "",
        **changes,
    }


@pytest.fixture
def outage(office: Desk) -> Outage:
    facts = OutageFacts(title="云充接口中断", supplier="yunchong", started_at=OPENING - 2 * HOUR)
    wang = type(office.people["wang"]).objects.get(pk=office.people["wang"].pk)
    return declare_outage(facts=facts, actor=wang, now=OPENING)


def stuck(office: Desk, count: int = 3) -> None:
    for _n in range(count):
        office.order(supplier="yunchong", created_at=OPENING - HOUR)


def propose(client: Client, outage: Outage) -> RefundBatch:
    shown = client.get(dialog_of(outage, "propose")).context["form"]
    answer = submit(
        client,
        outage,
        "propose",
        reason="供应商故障",
        until=shown.initial["until"],
        digest=shown.initial["digest"],
    )
    assert answer.status_code == 200, words_of(answer)
    batch = RefundBatch.objects.get()
    assert answer["HX-Redirect"] == f"/admin/orders/refundbatch/{batch.pk}/change/"
    return batch


def test_wang_declares_one_and_tells_the_public(office: Desk, wang_at_work: Client) -> None:
    page = words_of(wang_at_work.get(ADD))
    assert "Tell the public" in page
    answer = wang_at_work.post(
        ADD, described(is_public="on", text_zh="延迟", text_en="Late"), follow=True
    )
    assert answer.status_code == 200
    outage = Outage.objects.get()
    assert (outage.published_at, outage.declared_by) == (
        OPENING,
        f"staff:{office.people['wang'].pk}",
    )
    assert "云充接口中断" in words_of(wang_at_work.get("/admin/orders/outage/"))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"supplier": ""}, "supplier"),
        ({"is_public": "on"}, "text_zh"),
        ({"started_at_0": "2027-01-01"}, "started_at"),
    ],
)
def test_what_is_wrong_stands_beside_its_field(
    office: Desk, wang_at_work: Client, changes: dict[str, Any], field: str
) -> None:
    answer = wang_at_work.post(ADD, described(**changes))
    assert answer.status_code == 200
    assert field in answer.context["adminform"].form.errors
    assert not Outage.objects.exists()


def test_it_ends_and_is_not_news_a_second_time(
    office: Desk, wang_at_work: Client, outage: Outage, at_the_time: Any
) -> None:
    at_the_time(OPENING + HOUR)
    address = f"/admin/orders/outage/{outage.pk}/change/"
    said = described(ended_at_0="2026-11-24", ended_at_1="10:30:00")
    assert wang_at_work.post(address, said).status_code == 302
    outage.refresh_from_db()
    assert outage.ended_at == OPENING + 30 * MINUTE


def test_an_agent_may_look_only(office: Desk, lin_at_work: Client, outage: Outage) -> None:
    assert lin_at_work.get(ADD).status_code == 403
    assert lin_at_work.get(dialog_of(outage, "propose")).status_code == 403
    assert lin_at_work.get("/admin/orders/outage/").status_code == 200


def test_proposed_by_one_approved_by_another_and_watched(
    office: Desk, wang_at_work: Client, zhao_at_work: Client, outage: Outage
) -> None:
    stuck(office)
    dialog = words_of(wang_at_work.get(dialog_of(outage, "propose")))
    assert "3 orders, together ¥294.00." in dialog
    batch = propose(wang_at_work, outage)
    assert (batch.state, batch.count) == ("proposed", 3)

    refused = submit(wang_at_work, batch, "approve", reason="属实", digest=batch.digest)
    assert refused.status_code == 403
    assert "Another supervisor has to decide" in words_of(refused)

    assert (
        submit(zhao_at_work, batch, "approve", reason="属实", digest=batch.digest).status_code
        == 200
    )
    while carry_on_batches(clock=office.clock):
        pass
    batch.refresh_from_db()
    page = words_of(zhao_at_work.get(f"/admin/orders/refundbatch/{batch.pk}/change/"))
    assert "0 / 3" in page, "the refunds went out, none is settled"
    assert BatchRow.objects.filter(state=BatchRow.State.SENT).count() == 3
    rows = zhao_at_work.get(f"/admin/orders/batchrow/?batch__id__exact={batch.pk}")
    assert words_of(rows).count("¥98.00") == 3


def test_a_list_that_changed_is_not_proposed(
    office: Desk, wang_at_work: Client, outage: Outage
) -> None:
    stuck(office)
    shown = wang_at_work.get(dialog_of(outage, "propose")).context["form"].initial
    stuck(office, 1)
    answer = submit(
        wang_at_work,
        outage,
        "propose",
        reason="供应商故障",
        until=shown["until"],
        digest=shown["digest"],
    )
    assert "changed since you read it" in words_of(answer)
    assert not RefundBatch.objects.exists()


def test_paused_resumed_and_cancelled(
    office: Desk, wang_at_work: Client, zhao_at_work: Client, outage: Outage
) -> None:
    stuck(office)
    batch = propose(wang_at_work, outage)
    submit(zhao_at_work, batch, "approve", reason="属实", digest=batch.digest)
    for verb, state in (("pause", "paused"), ("resume", "working"), ("cancel", "cancelled")):
        assert submit(wang_at_work, batch, verb, reason="核对").status_code == 200
        batch.refresh_from_db()
        assert batch.state == state
    assert submit(wang_at_work, batch, "resume", reason="核对").status_code in (403, 409)


def test_lin_links_a_dispute(office: Desk, lin_at_work: Client, outage: Outage) -> None:
    ticket = office.open()
    answer = submit(lin_at_work, ticket, "link_outage", outage=outage.pk)
    assert answer.status_code == 200, words_of(answer)
    assert office.tell(ticket).outage == outage
