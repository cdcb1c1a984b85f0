"""The same screenshot sent through a chat is recognised; another payment on that screen is not."""

import io

import pytest
from PIL import Image, ImageDraw, ImageFont

from tests.stories import CUSTOMER, MINUTE, OPENING, Desk
from tests.tickets.pages import upload
from tickets import transitions
from tickets.evidence import find_seen, receive_evidence
from tickets.evidence.alike import SHADE_NEAR, look_of, looks_like
from tickets.models import Evidence, Ticket

pytestmark = pytest.mark.django_db


def screenshot(amount: str, *, scale: float = 1, quality: int = 90) -> bytes:
    """A payment page: a bar, a large amount, a few lines."""
    picture = Image.new("RGB", (720, 1280), "white")
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 0, 720, 140), fill="#1677ff")
    draw.text((60, 300), amount, fill="black", font=ImageFont.load_default(120))
    for line in range(6):
        draw.text((60, 560 + line * 90), f"{line} {amount} 2026", fill="gray", font_size=40)
    picture = picture.resize((int(720 * scale), int(1280 * scale)))
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=quality)
    return out.getvalue()


def file_it(ticket: Ticket, data: bytes) -> Evidence:
    file = receive_evidence(
        upload=upload(data), kind="payment_screenshot", actor=CUSTOMER, now=OPENING
    )
    transitions.add_evidence(
        ticket_id=ticket.pk, evidence_ids=[file.pk], actor=CUSTOMER, now=OPENING + MINUTE
    )
    file.refresh_from_db()
    return file


@pytest.mark.parametrize(("scale", "quality"), [(1, 60), (0.7, 80), (0.5, 60), (0.4, 50)])
def test_smaller_and_compressed_again_it_still_looks_the_same(scale: float, quality: int):
    (one, shade), (other, other_shade) = (
        look_of(data)
        for data in (screenshot("-98.00"), screenshot("-98.00", scale=scale, quality=quality))
    )
    assert looks_like(one, other)
    assert shade is not None
    assert other_shade is not None
    assert abs(shade - other_shade) <= SHADE_NEAR


@pytest.mark.parametrize("amount", ["-96.00", "-627.26", "-9.80", "-98.01"])
def test_another_amount_on_the_same_screen_is_another_picture(amount: str):
    assert not looks_like(look_of(screenshot("-98.00"))[0], look_of(screenshot(amount))[0])


def test_a_flat_picture_looks_like_nothing():
    out = io.BytesIO()
    Image.new("RGB", (600, 800), "steelblue").save(out, "JPEG")
    assert look_of(out.getvalue()) == ("", None)
    assert not looks_like("", "")


def test_a_copy_in_another_dispute_is_found_and_told_from_the_file_itself(desk: Desk):
    first, second, third = (desk.open(proof=()) for _n in range(3))
    file_it(first, screenshot("-98.00"))
    file_it(second, screenshot("-627.26"))
    copy = file_it(third, screenshot("-98.00", scale=0.7, quality=80))
    same = file_it(desk.open(proof=()), screenshot("-98.00"))
    found = find_seen([copy])[copy.pk]
    assert [(seen.number, seen.is_same) for seen in found if seen.number == first.number] == [
        (first.number, False)
    ]
    assert second.number not in {seen.number for seen in found}
    assert (first.number, True) in {(s.number, s.is_same) for s in find_seen([same])[same.pk]}
