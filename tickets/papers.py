"""Papers that a customer takes along, as PDF, and the code that leads back to the page.

A paper is plain text in parts; what stands in it is decided where the pages are told.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from html import escape

from reportlab.graphics.barcode import qrencoder
from reportlab.graphics.barcode.qr import QrCodeWidget
from reportlab.graphics.shapes import Drawing
from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

#: Predefined by Adobe and replaced by every reader's own Chinese font.
FONT = "STSong-Light"
pdfmetrics.registerFont(UnicodeCIDFont(FONT))

INK, SOFT, LINE = HexColor("#16181d"), HexColor("#545b69"), HexColor("#d5d9e2")
MARGIN, LABEL = 20 * mm, 38 * mm
QR_SIDE = 30 * mm
#: Light modules that a reader of codes wants around one.
QUIET = 4
TEXT = ParagraphStyle(
    "text", fontName=FONT, fontSize=10.5, leading=16, wordWrap="CJK", textColor=INK
)
QUIETLY = ParagraphStyle("quiet", parent=TEXT, fontSize=9, leading=13, textColor=SOFT)
HEADING = ParagraphStyle("heading", parent=TEXT, fontSize=13, leading=20, spaceBefore=10)
TITLE = ParagraphStyle("title", parent=TEXT, fontSize=19, leading=28)


@dataclass(frozen=True)
class Part:
    """A heading with facts (label, value), then lines."""

    title: str
    facts: Sequence[tuple[str, str]] = ()
    lines: Sequence[str] = ()


@dataclass(frozen=True)
class Paper:
    title: str
    subtitle: str
    parts: Sequence[Part]
    #: Where the living page is; printed as a code as well.
    address: str


def write_pdf(paper: Paper) -> bytes:
    """This function will set a paper on A4 pages."""
    out = io.BytesIO()
    document = SimpleDocTemplate(
        out,
        pagesize=A4,
        leftMargin=MARGIN,
        rightMargin=MARGIN,
        topMargin=MARGIN,
        bottomMargin=MARGIN,
        title=paper.title,
        author="",
        invariant=1,
    )
    story: list[Flowable] = [_head(paper)]
    for part in paper.parts:
        story.append(_paragraph(part.title, HEADING))
        if part.facts:
            story.append(_facts(part.facts))
        story += [_paragraph(line, TEXT) for line in part.lines]
    footer = partial(_number_page, text=_plain(paper.subtitle))
    document.build(story, onFirstPage=footer, onLaterPages=footer)
    return out.getvalue()


def _head(paper: Paper) -> Flowable:
    words = [
        _paragraph(paper.title, TITLE),
        _paragraph(paper.subtitle, TEXT),
        Spacer(1, 3 * mm),
        _paragraph(paper.address, QUIETLY),
    ]
    code = QrCodeWidget(paper.address, barWidth=QR_SIDE, barHeight=QR_SIDE, barLevel="M")
    head = Table([[words, Drawing(QR_SIDE, QR_SIDE, code)]], colWidths=[None, QR_SIDE])
    head.setStyle(TableStyle([("VALIGN", (0, 0), (-1, -1), "TOP"), *_no_padding()]))
    return head


def _facts(facts: Sequence[tuple[str, str]]) -> Flowable:
    rows = [[_paragraph(label, QUIETLY), _paragraph(value, TEXT)] for label, value in facts]
    width = A4[0] - 2 * MARGIN - LABEL
    table = Table(rows, colWidths=[LABEL, width])
    style = [("VALIGN", (0, 0), (-1, -1), "TOP"), ("LINEBELOW", (0, 0), (-1, -1), 0.4, LINE)]
    table.setStyle(TableStyle([*style, ("LEFTPADDING", (0, 0), (-1, -1), 0)]))
    return table


def _no_padding() -> list[tuple[object, ...]]:
    everywhere = ((0, 0), (-1, -1), 0)
    return [("LEFTPADDING", *everywhere), ("RIGHTPADDING", *everywhere)]


def _paragraph(text: str, style: ParagraphStyle) -> Paragraph:
    return Paragraph(escape(_plain(text)).replace("\n", "<br/>"), style)


def _plain(text: str) -> str:
    """The font ends where Unicode's first plane does; what lies beyond would break the line."""
    return "".join(sign if _is_drawn(sign) else "?" for sign in text)


def _is_drawn(sign: str) -> bool:
    return sign == "\n" or (ord(sign) <= 0xFFFF and sign.isprintable())


def _number_page(canvas: Canvas, document: SimpleDocTemplate, *, text: str) -> None:
    canvas.setFont(FONT, 8)
    canvas.setFillColor(SOFT)
    canvas.drawString(MARGIN, MARGIN / 2, text)
    canvas.drawRightString(A4[0] - MARGIN, MARGIN / 2, str(document.page))


@dataclass(frozen=True)
class Code:
    """A QR code for a page: one SVG path on a square of ``side`` modules."""

    side: int
    path: str


def draw_code(text: str) -> Code:
    """This function will draw a text as a QR code, each run of dark modules one rectangle."""
    code = qrencoder.QRCode(None, qrencoder.QRErrorCorrectLevel.M)
    code.addData(text)
    code.make()
    count = code.getModuleCount()
    runs = []
    for row in range(count):
        column = 0
        while column < count:
            start = column
            while column < count and code.isDark(row, column):
                column += 1
            if column > start:
                runs.append(f"M{start + QUIET} {row + QUIET}h{column - start}v1h{start - column}z")
            column += 1
    return Code(side=count + 2 * QUIET, path="".join(runs))
