"""The demo shop: some hundred believable orders in every state, the same on every installation
but for the time, which counts back from now."""

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction

from orders.demo_shop.catalogue import (
    CHANNELS,
    FAILURES,
    GIVEN,
    PHONE_PREFIXES,
    PRODUCTS,
    RESELLERS,
    RULE_VERSION,
    STANDINGS,
    SURNAMES,
    Product,
)
from orders.intake import first_event
from orders.models import DeliveryRecord, Order, OrderEvent, Payment, ProofLevel, TopUp

SEED = 20261124
SHANGHAI = ZoneInfo("Asia/Shanghai")
SUPPLIER = "sandbox"


@dataclass
class DemoOrder:
    order: Order
    payments: list[Payment] = field(default_factory=list)
    top_ups: list[TopUp] = field(default_factory=list)
    records: list[DeliveryRecord] = field(default_factory=list)


class DemoShop:
    """Makes the orders, unsaved. One source of chance, so that the shop is the same every time."""

    def __init__(self, *, now: datetime) -> None:
        self.now = now
        self.dice = random.Random(SEED)
        self.made: list[DemoOrder] = []

    def make_all(self) -> list[DemoOrder]:
        """This function will make every order; the first is the one that demo.json names."""
        self.make_show_order()
        for status, count, oldest_hours in STANDINGS:
            for _number in range(count):
                product = self.dice.choices(PRODUCTS, [p.weight for p in PRODUCTS])[0]
                minutes = self.dice.randint(4, oldest_hours * 60)
                # Fresh ones are the more: age is skewed towards now.
                age = timedelta(minutes=max(4, minutes * self.dice.random()))
                self.make_order(status, product, age=age)
        self.add_second_payments(9)
        self.add_records()
        return self.made

    def make_show_order(self) -> None:
        """A phone top-up of 100 yuan that failed two hours ago, paid through the sandbox."""
        made = self.make_order("failed", PRODUCTS[0], age=timedelta(hours=2), channel="sandbox")
        order = made.order
        order.face_value_fen, order.price_fen, order.reseller = 10000, 9950, False
        order.product_code, order.product_name = "CM-100", PRODUCTS[0].name.format(face=100)
        order.target_account = order.customer_phone = "13800006688"
        order.customer_name, order.customer_email = "李雷", "lilei@example.com"
        order.buyer_ref = "u-demo"
        made.payments[0].amount_fen = 9950
        for top_up in made.top_ups:
            top_up.face_value_fen = 10000

    def make_order(
        self, status: str, product: Product, *, age: timedelta, channel: str = ""
    ) -> DemoOrder:
        paid_at = self.now - age
        face = self.dice.choice(product.faces_yuan)
        phone = self.dice.choice(PHONE_PREFIXES) + f"{self.dice.randrange(10_000):04d}"
        local = paid_at.astimezone(SHANGHAI)
        reseller = self.dice.random() < 0.12
        order = Order(
            order_no=f"LT{local:%Y%m%d%H%M}{len(self.made) + 1:03d}",
            source=Order.Source.DEMO,
            product_code=f"{product.code}-{face}",
            product_name=product.name.format(face=face),
            product_kind=product.kind,
            arrival_within=timedelta(hours=product.arrival_hours),
            target_account=self.account(product.account, phone),
            face_value_fen=face * 100,
            price_fen=face * product.permille // 10,
            customer_name=self.dice.choice(SURNAMES) + self.dice.choice(GIVEN),
            customer_phone=phone,
            customer_email=f"buyer{len(self.made) + 1:03d}@example.com",
            buyer_ref=self.dice.choice(RESELLERS) if reseller else f"u-{1000 + len(self.made)}",
            reseller=reseller,
            status=status,
            supplier=SUPPLIER,
            confirmed_input=self.dice.random() < 0.95,
            rule_version=RULE_VERSION,
            facts_as_of=self.now,
            created_at=paid_at - timedelta(minutes=2),
            updated_at=paid_at,
        )
        made = DemoOrder(order)
        self.made.append(made)
        made.payments.append(self.make_payment(order, paid_at, channel))
        self.deliver(made, paid_at)
        return made

    def account(self, kind: str, phone: str) -> str:
        match kind:
            case "phone":
                return phone
            case "qq":
                return str(self.dice.randint(100_000_000, 3_999_999_999))
            case "game":
                return f"UID{self.dice.randint(100_000_000, 299_999_999)}"
            case "card":
                return f"100011{self.dice.randrange(10**13):013d}"
        return ""

    def make_payment(self, order: Order, paid_at: datetime, channel: str = "") -> Payment:
        channel = channel or self.dice.choices(list(CHANNELS), list(CHANNELS.values()))[0]
        is_paid = order.status != Order.Status.AWAITING_PAYMENT
        unpaid = self.dice.choice([Payment.Status.PENDING, Payment.Status.FAILED])
        serial = f"{paid_at.astimezone(SHANGHAI):%Y%m%d%H%M}{self.dice.randrange(10**12):012d}"
        number = {
            "sandbox": f"SB{serial}",
            "alipay": f"{serial[:8]}2200{serial[8:]}",
            "wechatpay": f"4200{serial}",
            "offline": f"BT{serial}",
        }[channel]
        return Payment(
            order=order,
            channel=channel,
            channel_trade_no=number,
            merchant_trade_no=f"M{serial}",
            amount_fen=order.price_fen,
            status=Payment.Status.PAID if is_paid else unpaid,
            paid_at=paid_at if is_paid else None,
        )

    def deliver(self, made: DemoOrder, paid_at: datetime) -> None:
        order, at = made.order, paid_at + timedelta(seconds=20)
        match Order.Status(order.status):
            case Order.Status.RECHARGING:
                self.add_top_up(made, TopUp.State.PENDING, at)
            case Order.Status.UNKNOWN:
                self.add_top_up(made, TopUp.State.UNKNOWN, at)
            case Order.Status.FAILED:
                for attempt in range(self.dice.choice([1, 1, 2])):
                    self.add_top_up(made, TopUp.State.FAILED, at + timedelta(minutes=attempt))
            case Order.Status.PARTIALLY_DELIVERED:
                arrived = order.face_value_fen * self.dice.randint(1, 4) // 5 // 100 * 100
                order.delivered_face_fen = max(arrived, 100)
                self.add_top_up(made, TopUp.State.PARTIAL, at)
            case Order.Status.DELIVERED:
                self.dice_second_attempt(made, at)
                order.delivered_face_fen = order.face_value_fen
                self.add_top_up(made, TopUp.State.SUCCEEDED, at + timedelta(minutes=1))
                if not order.target_account and self.dice.random() < 0.7:
                    order.code_revealed_at = paid_at + timedelta(minutes=2)

    def dice_second_attempt(self, made: DemoOrder, at: datetime) -> None:
        if self.dice.random() < 0.06:
            self.add_top_up(made, TopUp.State.FAILED, at)

    def add_top_up(self, made: DemoOrder, state: TopUp.State, at: datetime) -> None:
        order, attempt = made.order, len(made.top_ups) + 1
        arrived = state in (TopUp.State.SUCCEEDED, TopUp.State.PARTIAL)
        # Now and then a supplier claims success and has no voucher to show for it.
        voucher = f"V{self.dice.randrange(10**14):014d}" if self.dice.random() < 0.9 else ""
        code, words = self.dice.choice(FAILURES)
        made.top_ups.append(
            TopUp(
                order=order,
                top_up_no=f"TU{order.order_no}{attempt}",
                attempt=attempt,
                supplier=SUPPLIER,
                supplier_order_no=f"SP{order.order_no}{attempt}",
                face_value_fen=order.face_value_fen,
                delivered_face_fen=order.delivered_face_fen if arrived else 0,
                state=state,
                proof_level=self.proof_level(arrived, voucher),
                voucher_no=voucher if arrived else "",
                message=f"{code} {words}" if state == TopUp.State.FAILED else "",
                created_at=at,
                submitted_at=at,
                settled_at=at + timedelta(seconds=40) if state not in TopUp.LIVE_STATES else None,
            )
        )

    def proof_level(self, arrived: bool, voucher: str) -> ProofLevel:
        if not arrived:
            return ProofLevel.NONE
        return ProofLevel.VOUCHER if voucher else ProofLevel.SUPPLIER_SAYS_SO

    def add_second_payments(self, count: int) -> None:
        """Some customers paid twice for one order."""
        paid = [made for made in self.made[1:] if made.order.status in ("delivered", "paid")]
        for made in self.dice.sample(paid, count):
            first = made.payments[0].paid_at or self.now
            made.payments.append(self.make_payment(made.order, first + timedelta(seconds=50)))

    def add_records(self) -> None:
        """Some deliveries are known from the operator; some operators know of none."""
        for made in self.made[1:]:
            chance = self.dice.random()
            if made.order.status != "delivered" or chance > 0.12:
                continue
            at = made.top_ups[-1].created_at + timedelta(minutes=20)
            arrived = chance > 0.02
            made.records.append(
                DeliveryRecord(
                    order=made.order,
                    arrived=arrived,
                    voucher_no=f"OP{self.dice.randrange(10**10):010d}" if arrived else "",
                    source=DeliveryRecord.Source.OPERATOR,
                    at=min(at, self.now),
                    recorded_at=self.now,
                )
            )


def store_shop(made: list[DemoOrder], *, now: datetime) -> None:
    """This function will store what the demo shop sold, all of it or nothing."""
    with transaction.atomic():
        Order.objects.bulk_create([one.order for one in made])
        for one in made:
            rows: list[Payment | TopUp | DeliveryRecord]
            rows = [*one.payments, *one.top_ups, *one.records]
            for row in rows:
                row.order_id = one.order.pk
        Payment.objects.bulk_create([row for one in made for row in one.payments])
        TopUp.objects.bulk_create([row for one in made for row in one.top_ups])
        DeliveryRecord.objects.bulk_create([row for one in made for row in one.records])
        OrderEvent.objects.bulk_create([first_event(one.order, now=now) for one in made])


#: What the supplier's side says of an attempt that our side calls so.
SUPPLIER_STATES = {
    TopUp.State.PENDING: "pending",
    TopUp.State.UNKNOWN: "pending",
    TopUp.State.SUCCEEDED: "success",
    TopUp.State.PARTIAL: "partial",
    TopUp.State.FAILED: "fail",
}


def what_gateways_know() -> dict[str, list[dict[str, Any]]]:
    """This function will list the demo's payments and top-ups as channels and supplier know them:
    `trades` and `orders` as POST /control/trades and /control/orders of the simulator take them."""
    demo = Payment.objects.filter(order__source=Order.Source.DEMO, status=Payment.Status.PAID)
    trades = [
        {
            "channel": payment.channel,
            "trade_no": payment.channel_trade_no,
            "merchant_trade_no": payment.merchant_trade_no,
            "amount_fen": payment.amount_fen,
            "paid_at": payment.paid_at.isoformat() if payment.paid_at else "",
        }
        for payment in demo.order_by("pk")
    ]
    return {"trades": trades, "orders": list(supplier_orders())}


def supplier_orders() -> Iterable[dict[str, Any]]:
    attempts = TopUp.objects.filter(order__source=Order.Source.DEMO).select_related("order")
    for top_up in attempts.order_by("pk"):
        yield {
            "number": top_up.top_up_no,
            "supplier_order_no": top_up.supplier_order_no,
            "account": top_up.order.target_account,
            "product": top_up.order.product_code,
            "amount_fen": top_up.face_value_fen,
            "state": SUPPLIER_STATES[TopUp.State(top_up.state)],
            "delivered_fen": top_up.delivered_face_fen,
            "voucher_no": top_up.voucher_no,
        }
