"""Readers of bills: one module for each channel, the same names in each."""

from datetime import date
from typing import Protocol

from orders.reconciling.statement import Statement
from orders.reconciling.statements import alipay, sandbox, shop, wechatpay


class Reader(Protocol):
    #: Columns of our refund, the first that is filled tells the bill on which it should be.
    REFUNDS_POSTED: tuple[str, ...]

    def read_statement(self, content: bytes, *, day: date | None = None) -> Statement:
        """This function will read a bill of `day`, or of whichever day it is.

        :raises UnableToReadStatement: it is none, another day's, or not complete.
        """


READERS: dict[str, Reader] = {
    "alipay": alipay,
    "wechatpay": wechatpay,
    "shop": shop,
    "sandbox": sandbox,
}
