"""The states a customer's page can be in, brought about by the desk's own verbs."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from playwright.sync_api import BrowserContext

from orders.models import Order, Outage
from tests.stories import HOUR, MINUTE, Desk, acting, make_order
from tests.tickets.pages import picture, upload
from tickets import transitions
from tickets.actors import Actor
from tickets.arrivals import watch_arrival
from tickets.evidence import receive_evidence
from tickets.intake import start_draft
from tickets.models import Draft, Ticket
from tickets.remedies import refund
from tickets.views.tokens import make_order_token


class Stage:
    """Wang Fang's order and what became of it, told backwards from now."""

    def __init__(self, desk: Desk, now: datetime) -> None:
        self.desk, self.now = desk, now
        self.lin = acting(desk.people["lin"])
        self.ticket: Ticket | None = None
        self.proven = False

    def order(self, **fields: Any) -> Order:
        values = {
            "order_no": "LT202611241130001",
            "target_account": "13800001234",
            "created_at": self.now - 30 * MINUTE,
            "facts_as_of": self.now,
            **fields,
        }
        return make_order(**values)

    def outage(self, **fields: Any) -> Outage:
        values = {
            "title": "移动话费上游维护",
            "supplier": "yunchong",
            "started_at": self.now - 2 * HOUR,
            "published_at": self.now - HOUR,
            "declared_by": "wang",
            "declared_at": self.now - HOUR,
            "text_zh": "移动话费上游正在维护，会延迟到账。已付款的订单不会丢失，到账或退款承诺不变",
            "text_en": "The supplier of mobile credit is under maintenance; top-ups arrive later.",
            **fields,
        }
        return Outage.objects.create(**values)

    def order_page(self, **fields: Any) -> str:
        return f"/orders/{make_order_token(self.order(**fields))}/"

    def open(self, ago: Any = 5 * MINUTE, order: Order | None = None, **how: Any) -> Ticket:
        opened = self.now - ago
        order = order or self.order(created_at=opened - 30 * MINUTE)
        self.ticket = self.desk.open(order, now=opened, **how)
        return self.ticket

    def page(self, ticket: Ticket, more: str = "") -> str:
        return f"/t/{ticket.tracking_token}/{more}"

    def draft(self, files: int) -> Draft:
        draft = start_draft(order=self.order(), now=self.now)
        data = {"category": "non_arrival", "description": "15:20 付款 100 元，至今未到账"}
        Draft.objects.filter(pk=draft.pk).update(data=data)
        kinds = ["payment_screenshot", "account_screenshot", "chat_log"]
        for kind in kinds[:files]:
            receive_evidence(
                upload=upload(picture()),
                kind=kind,
                actor=Actor.customer(),
                now=self.now,
                draft=draft,
            )
        return draft

    def prove_device(self, context: BrowserContext, site: str) -> None:
        """Some pages ask for the last four characters first, once per device."""
        if not self.proven or self.ticket is None:
            return
        page = context.new_page()
        page.goto(f"{site}{self.page(self.ticket, 'dossier/')}")
        page.get_by_label("充值账号、手机号或邮箱的后四位").fill("1234")
        page.get_by_role("button", name="继续").click()
        page.wait_for_url("**/dossier/")
        page.close()


def home(stage: Stage) -> str:
    stage.outage()
    return "/"


def quiet_home(stage: Stage) -> str:
    return "/"


def notices(stage: Stage) -> str:
    stage.outage()
    stage.outage(
        title="微信支付退款延迟", supplier="", channel="wechatpay", ended_at=stage.now - HOUR
    )
    return "/notices/"


def paid_order(stage: Stage) -> str:
    return stage.order_page(status="paid", created_at=stage.now - 3 * MINUTE)


def late_order(stage: Stage) -> str:
    stage.outage()
    return stage.order_page(status="recharging", supplier="yunchong")


def delivered_order(stage: Stage) -> str:
    return stage.order_page(status="delivered")


def stop_watch(stage: Stage) -> str:
    watch = watch_arrival(
        order=stage.order(), email="a@example.com", language="zh-hans", now=stage.now
    )
    return f"/orders/arrival/{watch.stop_token}/"


def check(stage: Stage) -> str:
    return f"/disputes/new/?order={make_order_token(stage.order())}"


def proof(stage: Stage) -> str:
    return f"/disputes/draft/{stage.draft(3).token}/?step=proof"


def confirm(stage: Stage) -> str:
    return f"/disputes/draft/{stage.draft(1).token}/?step=confirm"


def received(stage: Stage) -> str:
    return stage.page(stage.open())


def without_proof(stage: Stage) -> str:
    return stage.page(stage.open(proof=[]))


def asked(stage: Stage) -> str:
    ticket = stage.open()
    transitions.request_evidence(
        ticket_id=ticket.pk,
        kinds=["account_screenshot"],
        text="麻烦补充一张充值账号的余额截图，方便我们与运营商核对。",
        actor=stage.lin,
        now=stage.now - MINUTE,
    )
    return stage.page(ticket)


def answered(stage: Stage) -> str:
    ticket = stage.open(ago=40 * MINUTE)
    transitions.reply(
        ticket_id=ticket.pk,
        text="您好，正在向上游查单。",
        actor=stage.lin,
        now=stage.now - 30 * MINUTE,
    )
    transitions.reply(
        ticket_id=ticket.pk,
        text="好的，大概多久？",
        actor=Actor.customer(),
        now=stage.now - 20 * MINUTE,
    )
    transitions.nudge(ticket_id=ticket.pk, actor=Actor.customer(), now=stage.now - 10 * MINUTE)
    return stage.page(ticket)


def refunding(stage: Stage) -> str:
    ticket = stage.open(ago=HOUR)
    give_back(stage, ticket)
    return stage.page(ticket)


def give_back(stage: Stage, ticket: Ticket) -> None:
    refund(
        ticket_id=ticket.pk,
        amount_fen=None,
        reason="上游无到账记录",
        text="已为您原路退款。",
        actor=stage.lin,
        now=stage.now - 10 * MINUTE,
    )


def refunded(stage: Stage) -> str:
    path = refunding(stage)
    assert stage.ticket is not None
    stage.desk.now = stage.now - 5 * MINUTE
    stage.desk.settle(stage.ticket, "succeeded")
    return path


def late(stage: Stage) -> str:
    ticket = stage.open(ago=25 * HOUR)
    stage.desk.advance(ticket.opened_at + 23 * HOUR)
    stage.desk.settle(ticket, "rejected", code="ACCOUNT_CLOSED")
    stage.desk.advance(stage.now)
    return stage.page(ticket)


def withdrawn(stage: Stage) -> str:
    ticket = stage.open()
    transitions.withdraw(
        ticket_id=ticket.pk, reason="已到账", actor=Actor.customer(), now=stage.now
    )
    return stage.page(ticket)


def referred(stage: Stage) -> str:
    ticket = stage.open(ago=49 * HOUR, proof=[])
    stage.desk.advance(stage.now)
    return stage.page(ticket)


def report(stage: Stage) -> str:
    refunded(stage)
    assert stage.ticket is not None
    return stage.page(stage.ticket, "report/")


def dossier(stage: Stage) -> str:
    referred(stage)
    assert stage.ticket is not None
    stage.proven = True
    return stage.page(stage.ticket, "dossier/")


STAGES: dict[str, Callable[[Stage], str]] = {
    "home": home,
    "home-quiet": quiet_home,
    "notices": notices,
    "rules": lambda stage: "/rules/",
    "order-paid": paid_order,
    "order-late": late_order,
    "order-delivered": delivered_order,
    "dispute-1-check": check,
    "dispute-2-proof": proof,
    "dispute-3-confirm": confirm,
    "tracking-received": received,
    "tracking-without-proof": without_proof,
    "tracking-asked": asked,
    "tracking-answered": answered,
    "tracking-refunding": refunding,
    "tracking-refunded": refunded,
    "tracking-late": late,
    "tracking-withdrawn": withdrawn,
    "tracking-referred": referred,
    "report": report,
    "dossier": dossier,
    "stop-watch": stop_watch,
}
