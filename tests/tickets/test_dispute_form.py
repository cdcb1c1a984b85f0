"""Wang Fang files a dispute in three steps, with and without second thoughts."""

import pytest
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile

from tests.stories import at, make_order
from tests.tickets.pages import picture
from tests.tickets.web import Browser
from tickets.evidence import MAX_BYTES
from tickets.models import Draft, Event, Evidence, Ticket
from tickets.views.limits import MAX_BODY
from tickets.views.tokens import make_order_token

pytestmark = pytest.mark.django_db


@pytest.fixture
def web(monkeypatch, desk):
    cache.clear()
    return Browser(monkeypatch)


@pytest.fixture
def order():
    return make_order(order_no="LT1", target_account="13800001234", created_at=at("09:30"))


def file(name="付款截图.jpg", data=None):
    return SimpleUploadedFile(name, picture() if data is None else data)


def begin(web, order, category="non_arrival"):
    """Step one; returns the draft's address."""
    web.post(f"/disputes/new/?order={make_order_token(order)}", {"category": category})
    return web.address.split("?")[0]


def add(web, draft, *files, kind="payment_screenshot", **fields):
    return web.post(draft, {"step": "proof", "kind": kind, "files": files, "go": "upload"} | fields)


def send(web, draft, **fields):
    typed = {"description": "15:20 付款 98 元，没有到账", **fields}
    return web.post(draft, {"step": "confirm", "go": "send", **typed})


class TestSelfCheck:
    def test_it_shows_the_order_and_six_cards(self, web, order):
        web.get(f"/disputes/new/?order={make_order_token(order)}")
        assert web.says("138****1234")
        assert web.text.count('type="radio"') == 6

    def test_looking_at_it_writes_nothing(self, web, order):
        web.get(f"/disputes/new/?order={make_order_token(order)}")
        assert not Draft.objects.exists()

    def test_without_a_card_it_stays_and_says_so(self, web, order):
        web.post(f"/disputes/new/?order={make_order_token(order)}", {})
        assert web.status == 400
        assert web.says("Please choose one of the six cards.")

    def test_a_card_nobody_printed(self, web, order):
        web.post(f"/disputes/new/?order={make_order_token(order)}", {"category": "theft"})
        assert web.says("Please choose one of the six cards.")

    def test_without_looking_the_order_up_there_is_no_form(self, web):
        web.get("/disputes/new/?order=forged")
        assert web.address == "/"
        assert web.says("Please look your order up first.")

    def test_an_order_in_dispute_leads_to_that_dispute(self, web, order, desk):
        ticket = desk.open(order)
        web.get(f"/disputes/new/?order={make_order_token(order)}")
        assert web.address == f"/t/{ticket.tracking_token}/"

    def test_the_choice_can_be_changed_later(self, web, order):
        draft = begin(web, order)
        web.post(draft, {"step": "check", "category": "card_code"})
        assert Draft.objects.get().data["category"] == "card_code"
        assert web.says("Still needed: screenshot of the account")


class TestProof:
    def test_it_says_what_is_needed_until_it_is_there(self, web, order):
        draft = begin(web, order, "wrong_amount")
        assert web.says("screenshot of the payment or bank deduction record; ")
        add(web, draft, file(), description="少到了 50 元")
        assert web.says("Still needed: screenshot of the account or operator's record")
        add(web, draft, file(), kind="operator_record", description="少到了 50 元")
        assert web.says("Your proof is complete.")
        assert web.says("2/9")

    def test_the_first_sentence_is_written_already(self, web, order):
        begin(web, order)
        assert web.says("paid ¥98.00 by shop wallet for 中国移动话费100元, order LT1")

    def test_what_was_typed_survives_an_upload(self, web, order):
        draft = begin(web, order)
        add(web, draft, file(), description="我写的话")
        assert web.says("我写的话")

    def test_files_chosen_without_scripts_travel_with_next(self, web, order):
        draft = begin(web, order)
        add(web, draft, file(), file("b.png"), go="next", description="没到账")
        assert web.address.endswith("step=confirm")
        assert Evidence.objects.filter(draft__isnull=False).count() == 2

    def test_one_bad_file_keeps_no_good_one_out(self, web, order):
        draft = begin(web, order)
        add(web, draft, file(), file("病毒.jpg", b"MZ\x90"), description="没到账")
        assert web.status == 400
        assert web.says("病毒.jpg: What is in this file is none of JPG")
        assert web.says("1/9")

    def test_eleven_megabytes_get_a_sentence(self, web, order):
        draft = begin(web, order)
        add(web, draft, file("a.jpg", b"\xff\xd8\xff" + b"0" * (MAX_BYTES + 1024 * 1024)))
        assert web.says("a.jpg: The file has 11.0 MB; at most 10 MB are possible.")

    def test_an_empty_file_gets_a_sentence(self, web, order):
        draft = begin(web, order)
        add(web, draft, file("a.jpg", b""))
        assert web.says("The file is empty (0 bytes).")

    def test_the_tenth_file_is_refused_and_nine_stay(self, web, order):
        draft = begin(web, order)
        add(web, draft, *[file(f"{n}.jpg") for n in range(10)])
        assert web.says("9.jpg: There are 9 files already; at most 9 are possible.")
        assert Evidence.objects.count() == 9

    def test_a_body_of_a_hundred_megabytes_is_not_even_read(self, web, order):
        draft = begin(web, order)
        web.post(draft, {"step": "proof"}, CONTENT_LENGTH=str(MAX_BODY + 1))
        assert web.status == 413
        assert web.says("at most 91 MB are possible at once")

    def test_scripts_get_the_grid_alone(self, web, order):
        draft = begin(web, order)
        data = {"kind": "payment_screenshot", "files": file()}
        web.post(f"{draft}files/", data, headers={"x-fragment": "files"})
        assert web.status == 200
        assert "<html" not in web.text
        assert web.says("1/9")

    def test_a_file_can_be_taken_out_again(self, web, order):
        draft = begin(web, order)
        add(web, draft, file())
        evidence = Evidence.objects.get()
        web.post(f"{draft}files/{evidence.pk}/remove/")
        assert web.says("0/9")
        assert not Evidence.objects.exists()

    def test_only_the_clean_copy_is_ever_shown(self, web, order):
        draft = begin(web, order)
        add(web, draft, file())
        evidence = Evidence.objects.get()
        shown = web.client.get(f"{draft}files/{evidence.pk}/")
        assert shown["Content-Type"] == "image/jpeg"
        assert shown["X-Content-Type-Options"] == "nosniff"
        assert "private" in shown["Cache-Control"]
        assert shown["Content-Security-Policy"] == "default-src 'none'; sandbox"
        with evidence.preview.open() as preview:
            assert shown.content == preview.read()

    def test_one_draft_never_shows_the_files_of_another(self, web, order):
        draft = begin(web, order)
        add(web, draft, file())
        evidence = Evidence.objects.get()
        other = begin(web, order)
        assert web.client.get(f"{other}files/{evidence.pk}/").status_code == 404


class TestConfirm:
    def test_everything_can_be_read_once_more(self, web, order):
        draft = begin(web, order)
        add(web, draft, file(), go="next", description="15:20 付款，没有到账")
        assert web.says("15:20 付款，没有到账")
        assert web.says("138****1234")
        assert web.says("Not arrived")
        assert web.says("1/9")

    def test_it_becomes_a_ticket_with_its_proof_and_its_clock(self, web, order):
        draft = begin(web, order)
        add(web, draft, file(), description="没到账")
        send(web, draft, contact_name="王芳", contact_phone="139 0000 5678")
        ticket = Ticket.objects.get()
        assert web.address == f"/t/{ticket.tracking_token}/"
        assert web.says("Your dispute has reached us.")
        assert ticket.intake == "web"
        assert ticket.contact_phone == "13900005678"
        assert ticket.evidence.count() == 1
        assert ticket.commitment_due_at == at("11-25 10:00")

    def test_signs_that_become_three_are_counted_as_three(self, web, order):
        send(web, begin(web, order), contact_phone="\N{PARENTHESIZED DIGIT ONE}" * 15)
        assert web.status == 400
        assert web.says("At most 32 characters are possible; yours has 45.")
        assert not Ticket.objects.exists()

    def test_a_phone_number_too_short_is_counted(self, web, order):
        send(web, begin(web, order), contact_phone="138001")
        assert web.status == 400
        assert web.says("7 to 15 digits (a mobile number 11); yours has 6.")
        assert not Ticket.objects.exists()

    def test_words_too_long_are_counted(self, web, order):
        send(web, begin(web, order), description="长" * 2001)
        assert web.says("At most 2000 characters are possible; yours has 2001.")

    def test_without_a_word_it_is_not_sent(self, web, order):
        send(web, begin(web, order), description="  ")
        assert web.says("Please write one sentence about what happened.")

    def test_going_back_keeps_what_was_typed(self, web, order):
        draft = begin(web, order)
        fields = {"description": "改过的话", "contact_name": "王芳", "go": "back"}
        web.post(draft, {"step": "confirm", **fields})
        assert web.address.endswith("step=proof")
        assert web.says("改过的话")
        assert Draft.objects.get().data["contact_name"] == "王芳"

    def test_markup_stays_text(self, web, order):
        draft = begin(web, order)
        add(web, draft, file("<img src=x>.jpg"), description="<script>alert(1)</script>")
        send(web, draft, description="<script>alert(1)</script>")
        raw = web.response.content.decode()
        assert "<script>alert" not in raw
        assert "<img src=x>" not in raw


class TestOnce:
    def test_sending_twice_makes_one_ticket(self, web, order):
        draft = begin(web, order)
        add(web, draft, file())
        send(web, draft)
        first = web.address
        send(web, draft)
        assert web.address == first
        assert Ticket.objects.count() == 1
        assert Event.objects.filter(kind="opened").count() == 1

    def test_the_back_button_leads_to_the_ticket(self, web, order):
        draft = begin(web, order)
        send(web, draft)
        for step in ("check", "proof", "confirm"):
            web.get(f"{draft}?step={step}")
            assert web.address == f"/t/{Ticket.objects.get().tracking_token}/"

    def test_two_tabs_make_one_ticket_and_lose_nothing(self, web, order):
        one, two = begin(web, order), begin(web, order)
        add(web, one, file())
        add(web, two, file(), kind="account_screenshot")
        send(web, one)
        send(web, two, description="另一个标签页写的")
        ticket = Ticket.objects.get()
        assert web.address == f"/t/{ticket.tracking_token}/"
        assert ticket.evidence.count() == 2
        assert web.says("另一个标签页写的")

    def test_a_sent_draft_takes_no_more_files(self, web, order):
        draft = begin(web, order)
        send(web, draft)
        web.post(f"{draft}files/", {"files": file()})
        assert web.status == 409

    def test_a_post_without_its_token_changes_nothing(self, web, order):
        draft = begin(web, order)
        web.client.handler.enforce_csrf_checks = True
        send(web, draft)
        assert web.status == 403
        assert web.says("This page was open too long")
        assert not Ticket.objects.exists()

    def test_an_unknown_draft(self, web):
        web.get("/disputes/draft/nobodys/")
        assert web.status == 404
