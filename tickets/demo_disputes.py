"""A few disputes that the demo shop's customers have just opened, so that the desk has work."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from io import BytesIO
from uuid import UUID

from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image, ImageDraw, ImageFont

from orders.models import Order, Payment
from orders.refunds import yuan
from tickets.actors import Actor
from tickets.evidence import receive_evidence
from tickets.intake import Contact, Dispute, open_ticket
from tickets.models import Ticket
from tickets.remedies import refund
from tickets.transitions import assign_ticket, reply, request_evidence

#: Minutes ago, young enough that no deadline has passed yet.
OPENED_AGO = (24, 21, 17, 14, 11, 9, 6, 4, 2)
STORIES = (
    "支付成功三个小时了，话费一直没到，运营商那边也查不到充值记录。",
    "扣了钱没到账，急用，请尽快处理。",
    "付款后订单一直显示充值中，已经超过承诺的到账时间。",
)
REPLY = "您好，已向上游查单，十分钟内给您答复。"
ASK = "麻烦补充一张充值账号的余额截图，方便我们与运营商核对。"
REASON = "上游无到账记录"


def open_demo_disputes(*, now: datetime) -> int:
    """This function will open one dispute per picked order and let the agent begin with three."""
    if Ticket.objects.exists():
        return 0
    opened = [
        _open(order, story, now=now - timedelta(minutes=minutes))
        for (order, minutes), story in zip(_picked_orders(), STORIES * 3, strict=False)
    ]
    _let_agent_begin(opened, now=now)
    return len(opened)


def _picked_orders() -> Iterator[tuple[Order, int]]:
    """The demo order itself stays undisputed: it is the newcomer's to try."""
    shown = Order.objects.filter(source=Order.Source.DEMO).earliest("pk")
    troubled = (
        Order.objects.filter(
            source=Order.Source.DEMO,
            status__in=[Order.Status.FAILED, Order.Status.RECHARGING, Order.Status.UNKNOWN],
            payments__status=Payment.Status.PAID,
            payments__channel=Payment.Channel.SANDBOX,
        )
        .exclude(pk=shown.pk)
        .exclude(target_account="")
        .distinct()
    )
    cheap = troubled.filter(price_fen__lte=50000).order_by("-created_at")[: len(OPENED_AGO) - 1]
    dear = troubled.filter(price_fen__gt=50000).order_by("-created_at")[:1]
    return zip([*cheap, *dear], OPENED_AGO, strict=False)


def _open(order: Order, story: str, *, now: datetime) -> Ticket:
    customer = Actor.customer()
    files: tuple[UUID, ...] = ()
    if order.status != Order.Status.UNKNOWN:
        upload = SimpleUploadedFile("payment.png", _screenshot(order), content_type="image/png")
        file = receive_evidence(upload=upload, kind="payment_screenshot", actor=customer, now=now)
        files = (file.pk,)
    dispute = Dispute(
        category=Ticket.Category.NON_ARRIVAL,
        description=story,
        contact=Contact(order.customer_name, order.customer_phone, order.customer_email),
        evidence_ids=files,
    )
    return open_ticket(order=order, dispute=dispute, actor=customer, now=now).ticket


def _let_agent_begin(tickets: list[Ticket], *, now: datetime) -> None:
    agent = User.objects.get(username="agent")
    actor = Actor.of(agent)
    for ticket in tickets[:3]:
        assign_ticket(ticket_id=ticket.pk, assignee=agent, actor=actor, now=now)
    reply(ticket_id=tickets[0].pk, text=REPLY, actor=actor, now=now)
    request_evidence(
        ticket_id=tickets[1].pk, kinds=["account_screenshot"], text=ASK, actor=actor, now=now
    )
    dear = next((t for t in tickets if t.order.price_fen > 50000), None)
    if dear is not None:
        refund(ticket_id=dear.pk, amount_fen=None, reason=REASON, text="", actor=actor, now=now)


def _screenshot(order: Order) -> bytes:
    """A picture such as a phone would take of a payment, in letters every machine can draw."""
    payment = order.payments.first()
    assert payment is not None
    picture = Image.new("RGB", (720, 1280), "#f5f5f5")
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 0, 720, 150), fill="#1677ff")
    draw.text((40, 50), "Payment", font=ImageFont.load_default(48), fill="white")
    draw.text(
        (200, 260), f"-{yuan(payment.amount_fen)[1:]}", font=ImageFont.load_default(96), fill="#111"
    )
    lines = ("Paid", payment.trade_no, order.order_no, f"{order.created_at:%Y-%m-%d %H:%M}")
    for row, line in enumerate(lines):
        draw.text((60, 480 + 90 * row), line, font=ImageFont.load_default(34), fill="#444")
    buffer = BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()
