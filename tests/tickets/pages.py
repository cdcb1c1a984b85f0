"""Orders and pictures for the tests of the customers' pages."""

import io
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from orders.models import Order, Payment

NOON = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)


def make_order(order_no: str = "LT202611241130001", **fields: Any) -> Order:
    """Wang Fang paid 98.00 for 100.00 of phone credit an hour ago; nothing has arrived."""
    values = {
        "order_no": order_no,
        "source": Order.Source.DEMO,
        "product_code": "CM100",
        "product_name": "中国移动话费 100 元",
        "arrival_within": timedelta(minutes=10),
        "target_account": "13800001234",
        "face_value_fen": 10000,
        "price_fen": 9800,
        "customer_name": "王芳",
        "customer_phone": "13900005678",
        "customer_email": "wang.fang@example.com",
        "status": Order.Status.RECHARGING,
        "supplier": "demo",
        "facts_as_of": NOON - timedelta(minutes=10),
        "created_at": NOON - timedelta(hours=1),
        "updated_at": NOON - timedelta(minutes=10),
        **fields,
    }
    order = Order.objects.create(**values)
    Payment.objects.create(
        order=order,
        channel=Payment.Channel.ALIPAY,
        channel_trade_no=f"20261124220014{order.pk:014d}",
        amount_fen=order.price_fen,
        status=Payment.Status.PAID,
        paid_at=NOON - timedelta(hours=1),
    )
    return order


def picture(format: str = "JPEG", size: tuple[int, int] = (600, 800), **save_options: Any) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, "steelblue").save(out, format, **save_options)
    return out.getvalue()


def upload(data: bytes, name: str = "付款截图.jpg") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, data, content_type="image/jpeg")
