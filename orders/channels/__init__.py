"""Payment channels: one module each, the same functions in each (see base.Channel)."""

from django.utils.translation import gettext_lazy as _

from orders.channels import alipay, sandbox, shop, wechatpay
from orders.channels.base import (
    BillingChannel,
    Channel,
    ChannelNotConfigured,
    NotifyingChannel,
)

CODES = ("alipay", "wechatpay", "shop", "sandbox", "offline")
_CHANNELS: dict[str, Channel] = {
    "alipay": alipay,
    "wechatpay": wechatpay,
    "shop": shop,
    "sandbox": sandbox,
}
#: Those of them that send news by themselves.
_NOTIFYING: dict[str, NotifyingChannel] = {"alipay": alipay, "wechatpay": wechatpay}
#: Those of them whose bills can be fetched.
_BILLING: dict[str, BillingChannel] = {
    "alipay": alipay,
    "wechatpay": wechatpay,
    "shop": shop,
    "sandbox": sandbox,
}


def has_channel(code: str) -> bool:
    """This function will say whether refunds of a channel can be sent from here at all."""
    channel = _CHANNELS.get(code)
    return channel is not None and channel.is_configured()


def get_channel(code: str) -> Channel:
    """This function will return the module that speaks to a channel.

    :raises ChannelNotConfigured: there is none: the refund is made by hand and then recorded.
    """
    channel = _CHANNELS.get(code)
    if channel is not None:
        return channel
    if code == "offline":
        raise ChannelNotConfigured(_("Offline refunds are paid by hand and then recorded."))
    message = _("This desk is not connected to the channel “%(code)s”: refund by hand.")
    raise ChannelNotConfigured(message % {"code": code})


def find_notifying_channel(code: str) -> NotifyingChannel | None:
    """This function will return the module that reads a channel's notifies, if it sends any."""
    return _NOTIFYING.get(code)


def find_billing_channel(code: str) -> BillingChannel | None:
    """This function will return the module that fetches a channel's bills, if it can."""
    return _BILLING.get(code)
