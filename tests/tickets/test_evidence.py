"""Files of proof: what is taken, what is refused and with which words, and what is kept."""

import hashlib
import io
import os
import struct
import zipfile
import zlib

import pi_heif
import pytest
from django.core.management import CommandError, call_command
from django.utils import translation
from PIL import Image
from PIL.Image import Exif

from tests.stories import make_dispute
from tests.tickets.pages import NOON, make_order, picture, upload
from tickets import append_only
from tickets.actors import Actor
from tickets.evidence import (
    MAX_BYTES,
    UnableToReceive,
    evidence_storage,
    receive_evidence,
    remove_from_draft,
    verify_evidence,
)
from tickets.intake import open_ticket
from tickets.models import Draft, Event, Evidence, Ticket

pytestmark = pytest.mark.django_db

PDF = b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"


@pytest.fixture(autouse=True)
def _english():
    with translation.override("en"):
        yield


@pytest.fixture
def draft():
    return Draft.objects.create(order=make_order(), created_at=NOON, updated_at=NOON)


@pytest.fixture
def order_in_dispute(draft):
    evidence = receive(picture(), draft=draft)
    dispute = make_dispute(evidence)
    opened = open_ticket(
        order=draft.order, dispute=dispute, actor=Actor.customer(), now=NOON, draft=draft
    )
    return opened.ticket


def receive(data, name="付款截图.jpg", *, draft=None, kind="payment_screenshot"):
    return receive_evidence(
        upload=upload(data, name), kind=kind, actor=Actor.customer(), now=NOON, draft=draft
    )


def refusal(data, name="付款截图.jpg", **kwargs):
    with pytest.raises(UnableToReceive) as caught:
        receive(data, name, **kwargs)
    assert not Evidence.objects.exists()
    return caught.value


def stored_files():
    root = evidence_storage().location
    return sorted(name for _d, _s, names in os.walk(root) for name in names)


def photo_with_position():
    exif = Exif()
    exif[0x0110] = "Mate 60"
    exif[0x0131] = "Meitu 9.1"
    exif[0x0112] = 6  # lies on its side
    exif.get_ifd(0x8769)[0x9003] = "2026:11:24 11:31:05"
    exif.get_ifd(0x8825).update({1: "N", 2: (31.0, 14.0, 0.0), 3: "E", 4: (121.0, 29.0, 0.0)})
    out = io.BytesIO()
    Image.new("RGB", (4000, 3000), "green").save(out, "JPEG", exif=exif, comment=b"secret")
    return out.getvalue()


class TestTaken:
    def test_the_original_stays_byte_for_byte_and_has_a_digest(self, draft):
        data = photo_with_position()
        evidence = receive(data, draft=draft)
        with evidence.original.open() as file:
            assert file.read() == data
        assert evidence.sha256 == hashlib.sha256(data).hexdigest()
        assert evidence.size == len(data)
        assert "付款" not in evidence.original.name

    def test_the_preview_is_upright_small_and_tells_nothing_else(self, draft):
        evidence = receive(photo_with_position(), draft=draft)
        with evidence.preview.open() as file:
            preview = file.read()
        assert evidence.preview_sha256 == hashlib.sha256(preview).hexdigest()
        shown = Image.open(io.BytesIO(preview))
        assert shown.size == (1200, 1600)
        assert not shown.getexif()
        assert "comment" not in shown.info
        assert b"secret" not in preview
        assert b"Mate" not in preview

    def test_facts_are_kept_for_staff_without_the_position_itself(self, draft):
        facts = receive(photo_with_position(), draft=draft).facts
        assert facts["has_position"] is True
        assert facts["taken_at"] == "2026-11-24T11:31:05"
        assert facts["software"] == "Meitu 9.1"
        assert facts["camera"] == "Mate 60"
        assert "31.0" not in str(facts)

    def test_a_long_screenshot_stays_readable(self, draft):
        evidence = receive(picture("PNG", (1080, 9000)), "长截图.png", draft=draft)
        with evidence.preview.open() as file:
            assert Image.open(file).size == (1080, 9000)

    @pytest.mark.parametrize(
        ("format", "content_type"), [("PNG", "image/png"), ("WEBP", "image/webp")]
    )
    def test_png_and_webp_are_taken_for_what_they_are(self, draft, format, content_type):
        evidence = receive(picture(format), "其实不是.jpg", draft=draft)
        assert evidence.content_type == content_type
        assert evidence.original.name.endswith(content_type.split("/")[1])

    def test_heic_of_a_telephone_gets_a_preview_every_browser_shows(self, draft):
        heic = make_heic()
        evidence = receive(heic, "IMG_0001.HEIC", draft=draft)
        assert evidence.content_type == "image/heic"
        with evidence.preview.open() as file:
            assert Image.open(file).format == "JPEG"

    def test_a_pdf_is_kept_without_being_opened(self, draft):
        evidence = receive(PDF, "银行流水.pdf", draft=draft)
        assert evidence.content_type == "application/pdf"
        assert not evidence.preview

    def test_a_transparent_picture_gets_a_white_ground(self, draft):
        out = io.BytesIO()
        Image.new("RGBA", (10, 10), (0, 0, 0, 0)).save(out, "PNG")
        with receive(out.getvalue(), draft=draft).preview.open() as file:
            assert Image.open(file).getpixel((5, 5)) == (255, 255, 255)

    def test_the_name_is_never_trusted(self, draft):
        evidence = receive(picture(), "..\\..\\etc/<b>pass\x00wd" + "x" * 300, draft=draft)
        assert "/" not in evidence.filename
        assert "<" not in evidence.filename
        assert len(evidence.filename) <= 200


class TestRefused:
    def test_nothing_in_the_file(self, draft):
        assert "0 bytes" in str(refusal(b"", draft=draft))

    def test_eleven_megabytes(self, draft):
        error = refusal(b"\xff\xd8\xff" + b"\x00" * (11 * 1024 * 1024), draft=draft)
        assert error.code == "too_large"
        assert "11.0 MB" in str(error)
        assert "at most 10 MB" in str(error)
        assert error.limit == str(MAX_BYTES)

    def test_ten_megabytes_and_not_one_byte_more(self, draft):
        whole = picture("PNG")
        padded = pad_png(whole, MAX_BYTES)
        assert receive(padded, draft=draft).size == MAX_BYTES
        over = pad_png(whole, MAX_BYTES + 1)
        with pytest.raises(UnableToReceive):
            receive(over, draft=draft)

    @pytest.mark.parametrize(
        "data",
        [
            b"MZ\x90\x00" + b"\x00" * 200,
            b"<html><script>alert(1)</script></html>",
            b"<svg xmlns='http://www.w3.org/2000/svg'/>",
            b"GIF89a" + b"\x00" * 100,
            "付款成功 100 元".encode(),
        ],
    )
    def test_something_else_behind_a_right_name(self, draft, data):
        error = refusal(data, "付款截图.jpg", draft=draft)
        assert error.code == "wrong_type"
        assert "whatever its name says" in str(error)

    def test_a_picture_that_is_a_zip_as_well(self, draft):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            archive.writestr("payload.php", "<?php ?>")
        assert refusal(picture() + out.getvalue(), draft=draft).code == "two_in_one"

    def test_a_picture_that_is_a_page_as_well(self, draft):
        data = picture("JPEG", comment=b"<SCRIPT>alert(1)</SCRIPT>")
        assert refusal(data, draft=draft).code == "two_in_one"

    def test_a_picture_that_is_a_pdf_as_well(self, draft):
        assert refusal(picture("PNG") + PDF, draft=draft).code == "two_in_one"

    def test_a_pdf_with_a_file_behind_it(self, draft):
        assert refusal(PDF + b"MZ\x90", "a.pdf", draft=draft).code == "two_in_one"

    def test_a_pdf_without_its_end(self, draft):
        assert "end is missing" in str(refusal(PDF[:-8], "a.pdf", draft=draft))

    def test_a_pixel_bomb_is_refused_before_it_is_decoded(self, draft):
        error = refusal(bomb(30000, 30000), "小图.png", draft=draft)
        assert error.code == "too_many_pixels"
        assert "at most 50 megapixels" in str(error)

    def test_a_bomb_between_our_limit_and_pillows(self, draft):
        error = refusal(bomb(8000, 7000), "小图.png", draft=draft)
        assert "8000 x 7000 pixels (56 megapixels)" in str(error)

    @pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
    def test_a_picture_cut_in_half(self, draft, format):
        data = picture(format, (900, 900))
        error = refusal(data[: len(data) // 2], draft=draft)
        assert error.code == "damaged"
        assert "cut off or damaged" in str(error)

    def test_a_heic_cut_in_half(self, draft):
        heic = make_heic()
        assert refusal(heic[: len(heic) // 2], draft=draft).code == "damaged"

    def test_the_tenth_file(self, draft):
        for _number in range(9):
            receive(picture(), draft=draft)
        with pytest.raises(UnableToReceive) as caught:
            receive(picture(), draft=draft)
        assert "9 files already" in str(caught.value)
        assert Evidence.objects.count() == 9
        assert len(stored_files()) >= 18

    def test_a_kind_nobody_knows(self, draft):
        with pytest.raises(UnableToReceive) as caught:
            receive(picture(), draft=draft, kind="love_letter")
        assert "payment_screenshot" in str(caught.value)

    def test_what_is_refused_leaves_no_file_behind(self, draft):
        before = stored_files()
        refusal(b"nothing", draft=draft)
        assert stored_files() == before


class TestRemoved:
    def test_files_of_a_draft_go_and_those_of_others_stay(self, draft):
        mine = receive(picture(), draft=draft)
        other = Draft.objects.create(order=draft.order, created_at=NOON, updated_at=NOON)
        assert not remove_from_draft(evidence_id=mine.pk, draft=other)
        before = stored_files()
        assert remove_from_draft(evidence_id=mine.pk, draft=draft)
        assert len(stored_files()) == len(before) - 2
        assert not Evidence.objects.exists()


class TestVerified:
    def test_untouched_files_are_well(self, draft, capsys):
        receive(picture(), draft=draft)
        assert verify_evidence() == []
        call_command("verify_evidence")
        assert "all as received" in capsys.readouterr().out

    def test_one_changed_byte_is_found(self, draft):
        evidence = receive(picture(), draft=draft)
        with open(evidence.original.path, "r+b") as file:
            file.seek(100)
            file.write(b"\x00\x01")
        assert [finding.code for finding in verify_evidence()] == ["file_changed"]
        with pytest.raises(CommandError):
            call_command("verify_evidence")

    def test_a_file_that_is_gone_is_found(self, draft):
        evidence = receive(picture(), draft=draft)
        os.unlink(evidence.preview.path)
        assert [finding.code for finding in verify_evidence()] == ["file_missing"]

    def test_a_dispute_with_its_proof_is_well(self, order_in_dispute, capsys):
        call_command("verify_evidence", order_in_dispute.number)
        assert "1 files and 1 chains checked, all as received" in capsys.readouterr().out

    def test_a_file_that_was_exchanged_with_its_row_is_found_by_its_event(self, order_in_dispute):
        evidence = order_in_dispute.evidence.get()
        other = picture(size=(10, 10))
        with open(evidence.original.path, "wb") as file:
            file.write(other)
        Evidence.objects.update(sha256=hashlib.sha256(other).hexdigest())
        codes = [finding.code for finding in verify_evidence(ticket=order_in_dispute)]
        assert codes == ["row_changed"]

    def test_a_row_taken_away_is_found_by_its_event(self, order_in_dispute):
        Ticket.objects.update(commitment_started_by=None)
        Evidence.objects.all().delete()
        codes = [finding.code for finding in verify_evidence(ticket=order_in_dispute)]
        assert codes == ["row_missing"]

    def test_a_file_slipped_in_without_an_event_is_found(self, order_in_dispute):
        Evidence.objects.filter(pk=receive(picture()).pk).update(ticket=order_in_dispute)
        codes = [finding.code for finding in verify_evidence(ticket=order_in_dispute)]
        assert codes == ["event_missing"]

    def test_a_chain_with_another_head_is_found(self, order_in_dispute):
        Ticket.objects.update(event_seq=99)
        codes = [finding.code for finding in verify_evidence()]
        assert codes == ["chain_cut"]

    def test_words_put_into_an_event_are_found(self, order_in_dispute):
        with append_only.lifted():
            Event.objects.filter(seq=1).update(data={"category": "other"})
        codes = [finding.code for finding in verify_evidence()]
        assert codes == ["event_changed"]

    def test_a_number_nobody_knows(self):
        with pytest.raises(CommandError, match="no dispute"):
            call_command("verify_evidence", "TK0")


def bomb(width, height):
    """A PNG of a few kilobytes that claims to be enormous."""
    ihdr = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(b"\x00" * 10000)
    png = b"\x89PNG\r\n\x1a\n"
    for name, data in ((b"IHDR", ihdr), (b"IDAT", body), (b"IEND", b"")):
        png += struct.pack(">I", len(data)) + name + data
        png += struct.pack(">I", zlib.crc32(name + data))
    return png


def pad_png(png, size):
    """The same picture with a private chunk that fills it up to ``size``."""
    head, tail = png[:-12], png[-12:]
    data = b"\x00" * (size - len(png) - 12)
    chunk = struct.pack(">I", len(data)) + b"paDd" + data
    return head + chunk + struct.pack(">I", zlib.crc32(b"paDd" + data)) + tail


def make_heic():
    """pi-heif only reads: the smallest picture its own tests read is kept beside this file."""
    with open(os.path.join(os.path.dirname(__file__), "data", "photo.heic"), "rb") as file:
        data = file.read()
    assert pi_heif.is_supported(data)
    return data
