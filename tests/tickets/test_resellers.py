"""Qian Duo sells on: she pastes a list of her orders and files what did not arrive."""

from itertools import count

import pytest
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile

from orders.models import Order
from tests.stories import HOUR, Desk, at, deadline_of, make_evidence, make_order, told
from tests.tickets.pages import picture
from tests.tickets.web import Browser
from tickets import resellers
from tickets.evidence import read_preview
from tickets.models import Draft, Event, Evidence, Ticket
from tickets.notices import send_due_notices

pytestmark = pytest.mark.django_db

LIST = "/resellers/"
numbers = count(1)


@pytest.fixture
def web(monkeypatch, desk: Desk):
    cache.clear()
    return Browser(monkeypatch)


def buy(order_no: str = "", **fields) -> Order:
    n = next(numbers)
    return make_order(
        **{
            "order_no": order_no or f"R{n:04d}",
            "reseller": True,
            "buyer_ref": "agent-7788",
            "target_account": f"138{n:08d}",
            "customer_phone": "13900005678",
            "customer_email": "",
            "created_at": at("09:00"),
            **fields,
        }
    )


def paste(web: Browser, *orders: Order | str, last4: str = "7788") -> str:
    lines = "\n".join(o if isinstance(o, str) else o.order_no for o in orders)
    return web.post(LIST, {"numbers": lines, "last4": last4})


def table_of(web: Browser) -> str:
    return web.text.split('enctype="multipart/form-data" action="')[1].split('"')[0]


def photo(name: str = "流水.jpg") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, picture())


def file(web: Browser, address: str, *orders: Order, **fields) -> str:
    return web.post(
        address,
        {
            "chosen": [order.pk for order in orders],
            "category": "non_arrival",
            "description": "批量充值未到账",
            "kind": "payment_screenshot",
            **fields,
        },
    )


class TestLookingUp:
    def test_one_table_with_what_can_be_done(self, web: Browser, desk: Desk) -> None:
        late, unpaid = buy(), buy(status="awaiting_payment")
        unpaid.payments.all().delete()
        running = desk.open(buy())
        paste(web, late, unpaid, running.order)
        assert (web.status, web.text.count('name="chosen"')) == (200, 1)
        assert web.says("No payment has reached us for it.")
        assert f"/t/{running.tracking_token}/" in web.text
        assert late.target_account not in web.text

    @pytest.mark.parametrize("last4", ["7788", "5678", "７７８８"])
    def test_by_the_buyers_account_or_contact(self, web: Browser, last4: str) -> None:
        paste(web, buy(), last4=last4)
        assert web.says("Your orders")

    def test_not_by_an_account_that_was_topped_up(self, web: Browser) -> None:
        order = buy()
        paste(web, order, last4=order.target_account[-4:])
        assert web.says("No reseller's order fits")

    def test_the_same_answer_for_unknown_others_and_retail(self, web: Browser) -> None:
        retail = buy(reseller=False)
        other = buy(buyer_ref="agent-9999", customer_phone="13700001111")
        answers = set()
        for order in ("UNKNOWN", retail.order_no, other.order_no):
            text = paste(web, order).replace(order, "*")
            answers.add(text.split("<main")[1])
        assert len({a.split('name="csrfmiddlewaretoken"')[0] for a in answers}) == 1
        assert all("No reseller's order fits" in a for a in answers)

    def test_among_good_ones_they_are_listed_together(self, web: Browser) -> None:
        other = buy(buyer_ref="agent-9999", customer_phone="13700001111")
        paste(web, buy(), "UNKNOWN", other)
        assert web.says("2 numbers fit nothing")
        assert web.says(f"UNKNOWN · {other.order_no}")

    def test_separators_doubles_and_full_width(self, web: Browser) -> None:
        one, two, three = buy("RX1"), buy("RX2"), buy("RX3")
        paste(web, "RX1, RX2；ＲＸ３\n\nRX1")
        assert web.text.count('name="chosen"') == 3
        assert {one.pk, two.pk, three.pk}

    def test_two_hundred_and_not_one_more(self, web: Browser) -> None:
        paste(web, buy("N0"), *[f"N{n}" for n in range(1, 200)])
        assert web.says("199 numbers fit nothing")
        paste(web, *[f"N{n}" for n in range(201)])
        assert web.status == 400
        assert web.says("At most 200 order numbers at once; yours are 201.")

    @pytest.mark.parametrize(
        ("given", "last4", "says"),
        [
            ("", "7788", "at least one order number"),
            (" ,; ", "7788", "at least one order number"),
            ("X" * 65, "7788", "longer than an order number"),
            ("R1", "", "last four characters"),
            ("R1", "788", "Exactly four characters"),
            ("X" * 14000, "7788", "at most 13600"),
        ],
    )
    def test_what_cannot_be(self, web: Browser, given: str, last4: str, says: str) -> None:
        web.post(LIST, {"numbers": given, "last4": last4})
        assert web.status == 400
        assert web.says(says)

    def test_looking_writes_nothing(self, web: Browser) -> None:
        paste(web, buy())
        assert not Draft.objects.exists()
        assert not Ticket.objects.exists()

    def test_a_list_closes_after_two_hours(self, web: Browser) -> None:
        paste(web, buy())
        address = table_of(web)
        assert web.get(address)
        assert web.says("Your orders")
        web.get(address.replace(address[15], "x" if address[15] != "x" else "y"))
        assert web.says("For your safety this page closes after 2 hours")


class TestGuessing:
    def test_a_buyer_is_guessed_at_ten_times_an_hour(self, web: Browser) -> None:
        """However many of the buyer's orders are known."""
        orders = [buy() for _n in range(12)]
        for n, order in enumerate(orders[:10]):
            paste(web, order, last4=f"{n:04d}")
        paste(web, orders[11])
        assert web.says("No reseller's order fits"), "right, and too late"
        web.at(at("11:05"))
        paste(web, orders[11])
        assert web.says("Your orders")

    def test_an_order_is_guessed_at_ten_times_an_hour(self, web: Browser) -> None:
        order = buy()
        for n in range(10):
            paste(web, order, last4=f"{n:04d}")
        paste(web, order)
        assert web.says("No reseller's order fits")

    def test_lists_from_one_address(self, web: Browser) -> None:
        for _n in range(20):
            paste(web, "UNKNOWN")
        paste(web, "UNKNOWN")
        assert (web.status, web.response["Retry-After"] != "") == (429, True)


class TestFiling:
    def test_each_order_its_own_dispute_and_clock(self, web: Browser) -> None:
        one, two, left = buy(), buy(), buy()
        paste(web, one, two, left)
        file(web, table_of(web), one, two, files=[photo()])
        assert web.says("2 disputes have reached us.")
        tickets = Ticket.objects.order_by("pk")
        assert [t.order_id for t in tickets] == [one.pk, two.pk]
        assert not left.tickets.exists()
        for ticket in tickets:
            assert deadline_of(ticket, "commitment").due_at == at("11-25 10:00")
            (proof,) = ticket.evidence.all()
            assert read_preview(proof)
            assert Event.objects.filter(ticket=ticket, kind="evidence_added").count() == 1
            assert f"/t/{ticket.tracking_token}/" in web.text

    def test_the_bytes_are_kept_once(self, web: Browser) -> None:
        orders = [buy() for _n in range(3)]
        paste(web, *orders)
        file(web, table_of(web), *orders, files=[photo()])
        assert Evidence.objects.exclude(ticket=None).count() == 3
        assert len(set(Evidence.objects.values_list("original", flat=True))) == 1

    def test_sent_again_it_is_the_same(self, web: Browser) -> None:
        orders = [buy() for _n in range(2)]
        paste(web, *orders)
        address = table_of(web)
        file(web, address, *orders, files=[photo()])
        events = Event.objects.count()
        file(web, address, *orders, files=[photo()])
        assert web.says("2 orders have theirs already.")
        assert (Ticket.objects.count(), Event.objects.count()) == (2, events)

    def test_cut_off_in_the_middle_the_rest_follows(self, web: Browser, monkeypatch) -> None:
        class PowerCutError(BaseException): ...

        real, calls = resellers.open_ticket, []

        def cut(**more):
            calls.append(more)
            if len(calls) == 2:
                raise PowerCutError
            return real(**more)

        orders = [buy() for _n in range(3)]
        paste(web, *orders)
        address = table_of(web)
        with monkeypatch.context() as power:
            power.setattr(resellers, "open_ticket", cut)
            with pytest.raises(PowerCutError):
                file(web, address, *orders, files=[photo()])
        assert Ticket.objects.count() == 1
        file(web, address, *orders)
        assert Ticket.objects.count() == 3
        assert {t.evidence.count() for t in Ticket.objects.all()} == {1}

    def test_a_bad_file_stops_it_and_good_ones_stay(self, web: Browser) -> None:
        order = buy()
        paste(web, order)
        address = table_of(web)
        bad = SimpleUploadedFile("x.jpg", b"no picture")
        file(web, address, order, files=[photo(), bad])
        assert web.status == 400
        assert web.says("x.jpg")
        assert web.says("流水.jpg")
        assert not Ticket.objects.exists()
        file(web, address, order)
        assert Ticket.objects.get().evidence.count() == 1

    @pytest.mark.parametrize(
        ("fields", "says"),
        [
            ({"description": ""}, "one sentence"),
            ({"description": "长" * 2001}, "2001"),
            ({"category": "nonsense"}, "nonsense"),
            ({"chosen": []}, "tick at least one"),
            ({"contact_phone": "12"}, "7 to 15 digits"),
        ],
    )
    def test_nothing_is_half_filed(self, web: Browser, fields: dict, says: str) -> None:
        order = buy()
        paste(web, order)
        file(web, table_of(web), order, **fields)
        assert (web.status, Ticket.objects.count()) == (400, 0)
        assert web.says(says)

    def test_only_orders_of_the_list(self, web: Browser) -> None:
        order, stranger = buy(), buy(buyer_ref="agent-9999", customer_phone="13700001111")
        paste(web, order)
        file(web, table_of(web), stranger)
        assert (web.status, Ticket.objects.count()) == (400, 0)

    def test_money_goes_back_to_the_account_that_paid(self, web: Browser, desk: Desk) -> None:
        order = buy(status="failed")
        paste(web, order)
        file(web, table_of(web), order)
        ticket = Ticket.objects.get()
        desk.now = at("10:00")
        desk.advance(at("11-25 09:30"))
        (refund,) = desk.refunds(ticket)
        assert refund.payment == order.payments.get()


class TestNoConsumer:
    """The consumer complaint route does not fit a purchase for resale (art. 16 (3) of 121)."""

    def test_the_page_names_contract_court_and_arbitration(self, web: Browser, desk: Desk) -> None:
        ticket = desk.open(buy())
        web.get(f"/t/{ticket.tracking_token}/")
        assert web.says("not a purchase for daily life")
        assert "12315" not in web.text.split("<main")[1].split("</main>")[0]

    def test_a_customer_still_reads_of_12315(self, web: Browser, desk: Desk) -> None:
        ticket = desk.open(buy(reseller=False))
        web.get(f"/t/{ticket.tracking_token}/")
        assert web.says("How to reach 12315")

    def test_at_the_referral_too(self, web: Browser, desk: Desk) -> None:
        ticket = desk.open(buy(customer_email="qian@example.com", price_fen=90000))
        make_evidence(ticket=ticket)
        desk.advance(ticket.opened_at + 50 * HOUR)
        assert "referred" in told(ticket)
        send_due_notices(clock=lambda: desk.now)
        notice = ticket.notices.get(kind="referred", audience="customer")
        notice.refresh_from_db()
        assert "12315" not in notice.subject + notice.body
        web.at(desk.now)
        web.get(f"/t/{ticket.tracking_token}/")
        assert "12315" not in web.text.split("<main")[1].split("</main>")[0]

    def test_home_leads_there(self, web: Browser) -> None:
        assert f'href="{LIST}"' in web.get("/")

    def test_nor_do_the_papers(self, web: Browser, desk: Desk) -> None:
        ticket = desk.open(buy())
        web.get(f"/t/{ticket.tracking_token}/report/")
        assert web.status == 200
        assert web.says("If we do not agree")
        assert "12315" not in web.text.split("<main")[1].split("</main>")[0]
