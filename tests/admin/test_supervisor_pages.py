"""The supervisor's rooms: morning, dashboard, reports, closures, outside cases, who looked."""

import csv
import io
import json
from typing import Any

import pytest
from django.test import Client

from tests.admin.conftest import count_queries, sign_in, submit, words_of
from tests.stories import HOUR, MINUTE, OPENING, Desk, at, events_of, make_order
from tickets.admin.sheets import as_sheet, escape
from tickets.models import ClosureReview, ExternalCase, ServicePolicy, StaffedHours, Ticket
from tickets.reveal import reveal_contact

pytestmark = pytest.mark.django_db

ROOMS = ("/admin/desk/dashboard/", "/admin/desk/reports/", "/admin/desk/reveals/")


def read_sheet(response: Any) -> list[list[str]]:
    assert response.status_code == 200
    assert response.content.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(response.content.decode("utf-8-sig"))))


@pytest.fixture
def a_week(office: Desk, at_the_time: Any) -> Desk:
    kept = office.open(office.order(supplier="north"))
    office.open(office.order(supplier="=SUM(A1)"))
    office.advance(at("11-25 09:00"))
    office.settle(kept, "succeeded")
    office.advance(at("11-26 10:00"))
    at_the_time(office.now)
    return office


def test_rooms_are_for_those_who_supervise(
    office: Desk, lin_at_work: Client, wang_at_work: Client, client: Client
):
    for room in ROOMS:
        assert wang_at_work.get(room).status_code == 200
        assert lin_at_work.get(room).status_code == 403
        assert client.get(room).status_code == 302
        assert wang_at_work.post(room).status_code == 405


def test_rooms_take_few_statements(a_week: Desk, wang_at_work: Client):
    for _number in range(8):
        a_week.open()
    for room in ("/admin/", *ROOMS):
        assert count_queries(wang_at_work, room) <= 20, room


def test_one_click_assigns(office: Desk, wang_at_work: Client, lin_at_work: Client):
    ticket, lin = office.open(), office.people["lin"]
    morning = wang_at_work.get("/admin/")
    assert [row["number"] for row in morning.context["unowned"]] == [ticket.number]
    assert morning.context["people"][0]["pk"] == lin.pk
    form = {"ticket": ticket.pk, "assignee": lin.pk}
    assert wang_at_work.get("/admin/desk/assign/", form).status_code == 405
    assert lin_at_work.post("/admin/desk/assign/", form).status_code == 403
    assert office.tell(ticket).assignee is None
    answer = wang_at_work.post("/admin/desk/assign/", form, follow=True)
    assert f"{ticket.number} goes to" in words_of(answer)
    assert office.tell(ticket).assignee == lin
    assert events_of(ticket)[-1].kind == "assigned"
    assert wang_at_work.get("/admin/").context["unowned"] == []
    for wrong in ({"ticket": "x", "assignee": "1"}, {"ticket": "9" * 30, "assignee": "1"}, {}):
        assert wang_at_work.post("/admin/desk/assign/", wrong).status_code == 404


def test_money_that_is_expected_today_and_what_the_channel_told(
    office: Desk, wang_at_work: Client, at_the_time: Any
):
    first, _second = office.open(), office.open()
    office.enforce(first)
    at_the_time(at("11-25 09:30"))
    (row,) = wang_at_work.get("/admin/").context["channels"]
    assert (row["held"], row["promised"], row["amount"], row["short"]) == (1, 1, "¥196.00", 0)
    office.settle(first, "rejected", retryable=True, code="BALANCE_NOT_ENOUGH")
    (row,) = wang_at_work.get("/admin/").context["channels"]
    assert row["short"] == 1
    assert "not enough for 1 refund" in words_of(wang_at_work.get("/admin/"))


def test_the_dashboard_says_what_was_kept(a_week: Desk, wang_at_work: Client):
    page = wang_at_work.get("/admin/desk/dashboard/")
    week, month = page.context["promises"]
    assert (week["share"], week["kept"].kept, week["kept"].broken) == ("50.0 %", 1, 1)
    assert month["kept"] == week["kept"]
    wrong = {item["label"]: item["count"] for item in page.context["reconcilers"] if item["count"]}
    # The refund that the channel never answered, since yesterday.
    assert wrong == {"Refunds without an answer for over 10 min": 1}
    assert page.context["open_total"] == Ticket.objects.filter(status="remedy_pending").count()


def test_the_sheets_say_the_same_as_the_page(a_week: Desk, wang_at_work: Client):
    days = read_sheet(wang_at_work.get("/admin/desk/dashboard/?format=csv&of=days"))
    assert len(days) == 31
    assert ["2026-11-25", "1", "1", "0"] in days
    levels = read_sheet(wang_at_work.get("/admin/desk/dashboard/?format=csv&of=levels"))
    assert sum(int(cell) for row in levels[1:] for cell in row[1:]) == 1
    address = "/admin/desk/reports/?by=supplier&first=2026-11-20&last=2026-11-26"
    page = wang_at_work.get(address)
    assert page.context["total"]["row"].opened == 2
    rows = {row[0]: row[1:] for row in read_sheet(wang_at_work.get(address + "&format=csv"))}
    assert rows["north"][:3] == ["1", "1", "0"]
    assert rows["north"][-1] == "98.00"
    assert rows["'=SUM(A1)"][:3] == ["1", "0", "1"]


@pytest.mark.parametrize(
    "cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1", "\n=1"]
)
def test_no_cell_computes(cell: str):
    assert escape(cell) == f"'{cell}"
    assert escape(-1) == -1
    assert b"'=1+1" in as_sheet("x", ["a"], [["=1+1"]]).content


@pytest.mark.parametrize("query", ["first=2026-02-30", "first=2026-11-02&last=2026-11-01", "by=x"])
def test_a_report_that_cannot_be_says_why(office: Desk, wang_at_work: Client, query: str):
    page = wang_at_work.get(f"/admin/desk/reports/?{query}")
    assert page.status_code == 200
    assert page.context["form"].errors
    assert wang_at_work.get(f"/admin/desk/reports/?{query}&format=csv").status_code == 200


@pytest.mark.parametrize("days", ["", "0", "9999999", "x", "-3", "٣"])
def test_a_length_that_cannot_be_is_the_usual_one(office: Desk, wang_at_work: Client, days: str):
    period = wang_at_work.get(f"/admin/desk/reports/?days={days}").context["period"]
    assert len(period.days) == 30


def test_who_looked_at_contact_data_and_why(office: Desk, wang_at_work: Client):
    ticket = office.open()
    reveal_contact(
        ticket_id=ticket.pk, reason="客户来电核对", user=office.people["lin"], now=OPENING
    )
    page = words_of(wang_at_work.get("/admin/desk/reveals/"))
    assert "客户来电核对" in page
    assert ticket.number in page
    assert ticket.order.customer_phone not in page
    rows = read_sheet(wang_at_work.get("/admin/desk/reveals/?format=csv"))
    assert rows[1][1:3] == ["lin", ticket.number]


def test_a_closure_is_signed_off_by_somebody_else(office: Desk, wang_at_work: Client):
    ticket = office.open()
    review = ClosureReview.objects.create(
        ticket=ticket, cycle=1, day=OPENING.date(), drawn_at=OPENING, drawn_of=1
    )
    assert ticket.number in words_of(wang_at_work.get("/admin/tickets/closurereview/"))
    answer = submit(wang_at_work, review, "review", verdict="sound", findings="核对无误")
    assert answer.status_code == 200, words_of(answer)
    review.refresh_from_db()
    assert (review.verdict, review.reviewed_by) == ("sound", office.people["wang"])


def test_agents_do_not_see_what_was_drawn(office: Desk, lin_at_work: Client):
    assert lin_at_work.get("/admin/tickets/closurereview/").status_code == 403


def test_an_outside_case_from_its_arrival_to_its_record(
    office: Desk, lin_at_work: Client, wang_at_work: Client, at_the_time: Any
):
    ticket = office.open(make_order())
    answer = submit(
        lin_at_work,
        ticket,
        "attach",
        channel="wechat",
        number="WX-1",
        received_at="2026-11-24T09:50",
        body="",
        due_at="",
    )
    assert answer.headers.get("HX-Redirect"), words_of(answer)
    case = ExternalCase.objects.get()
    assert case.received_at == OPENING - 10 * MINUTE
    assert office.tell(ticket).level == "supervisor"
    assert "WX-1" in words_of(wang_at_work.get("/admin/tickets/externalcase/"))
    again = submit(
        lin_at_work,
        ticket,
        "attach",
        channel="wechat",
        number="WX-1",
        received_at="2026-11-24T09:50",
    )
    assert again.status_code == 409
    assert ticket.number in words_of(again)
    at_the_time(OPENING + HOUR)
    assert submit(wang_at_work, case, "answer").headers.get("HX-Redirect")
    assert submit(wang_at_work, case, "accept", accepted_at="2026-11-24T10:30").status_code == 409
    record = {"process": "电话", "method": "退款", "result": "agreed"}
    done = submit(wang_at_work, case, "settle", settled_at="2026-11-24T10:59", **record)
    assert done.headers.get("HX-Redirect"), words_of(done)
    case.refresh_from_db()
    assert (case.result, case.settled_by) == ("agreed", f"staff:{office.people['wang'].pk}")


def test_a_policy_can_be_tried_before_it_is_saved(office: Desk, wang_at_work: Client):
    office.open()
    row = ServicePolicy.objects.get()
    body = json.dumps(row.body | {"clocks": changed(row.body["clocks"], first_reply="PT10M")})
    address = f"/admin/tickets/servicepolicy/{row.pk}/preview/"
    form = {"text": body, "seen_version": row.version}
    assert "changed 1 deadline of" in words_of(wang_at_work.post(address, form))
    assert wang_at_work.get(address).status_code == 405
    wrong = wang_at_work.post(address, form | {"text": "{"})
    assert "no JSON" in words_of(wrong)
    row.refresh_from_db()
    assert row.body["clocks"]["first_reply"]["within"] == "PT30M"


def changed(clocks: dict[str, Any], **within: str) -> dict[str, Any]:
    return clocks | {name: clocks[name] | {"within": value} for name, value in within.items()}


def test_other_hours_can_be_tried_before_they_are_saved(office: Desk, admin: Any, client: Client):
    office.open()
    client.force_login(admin)
    tuesday = StaffedHours.objects.get(weekday=1)
    form = {"weekday": 1, "opens_at": "11:00", "closes_at": "00:00"}
    page = words_of(client.post(f"/admin/tickets/staffedhours/{tuesday.pk}/preview/", form))
    assert "desk-note" in page
    tuesday.refresh_from_db()
    assert tuesday.opens_at.hour == 9
    assert client.post("/admin/tickets/calendarday/preview/", {"date": "x"}).status_code == 200


def test_roles_are_given_in_a_dialog(office: Desk, admin: Any, wang_at_work: Client):
    lin = office.people["lin"]
    assert submit(wang_at_work, lin, "role", role="supervisor").status_code == 403
    assert "wang" in words_of(wang_at_work.get("/admin/auth/user/"))
    chief = sign_in(admin)
    assert submit(chief, lin, "role", role="supervisor").headers.get("HX-Redirect")
    assert lin.groups.get().name == "supervisor"
    assert submit(chief, admin, "role", role="agent").status_code == 409
