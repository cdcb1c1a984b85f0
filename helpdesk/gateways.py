"""Settings of payment channels and suppliers: where they are, who we are there, and the keys.

Part of helpdesk.settings, which has read .env into the environment before it comes here.
"""

from datetime import timedelta
from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured

env = environ.Env()

# Where the sandbox channel and the supplier are, and the secrets shared with them. In a demo,
# when these are empty, the gateway simulator's own files in HELPDESK_DATA say it.
SANDBOX_URL = env.str("SANDBOX_URL", default="")
SANDBOX_SECRET = env.str("SANDBOX_SECRET", default="")
SUPPLIER_URL = env.str("SUPPLIER_URL", default="")
SUPPLIER_SECRET = env.str("SUPPLIER_SECRET", default="")


def _read_key(given: str, path: str) -> str:
    """A key as it stands in its variable, or else in the file that another variable names."""
    if given or not path:
        return given
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise ImproperlyConfigured(f"The key file {path} cannot be read: {error}") from error


# Keys are never kept in the database. Keys as PEM or as the bare base64 of Alipay's own tools.
ALIPAY_APP_ID = env.str("ALIPAY_APP_ID", default="")
ALIPAY_PRIVATE_KEY = _read_key(
    env.str("ALIPAY_PRIVATE_KEY", default=""), env.str("ALIPAY_PRIVATE_KEY_FILE", default="")
)
ALIPAY_PUBLIC_KEY = _read_key(
    env.str("ALIPAY_PUBLIC_KEY", default=""), env.str("ALIPAY_PUBLIC_KEY_FILE", default="")
)
# The seller's account (2088...); when it is given, news for another seller of the app is refused.
ALIPAY_SELLER_ID = env.str("ALIPAY_SELLER_ID", default="")
ALIPAY_GATEWAY_URL = env.str("ALIPAY_GATEWAY_URL", default="")
# How many days after the payment Alipay still refunds; each merchant's contract says its own.
ALIPAY_REFUND_WINDOW = timedelta(days=env.int("ALIPAY_REFUND_WINDOW", default=365))
WECHATPAY_MCH_ID = env.str("WECHATPAY_MCH_ID", default="")
WECHATPAY_SERIAL_NO = env.str("WECHATPAY_SERIAL_NO", default="")
WECHATPAY_PRIVATE_KEY = _read_key(
    env.str("WECHATPAY_PRIVATE_KEY", default=""), env.str("WECHATPAY_PRIVATE_KEY_FILE", default="")
)
WECHATPAY_APIV3_KEY = env.str("WECHATPAY_APIV3_KEY", default="")
WECHATPAY_PUBLIC_KEY_ID = env.str("WECHATPAY_PUBLIC_KEY_ID", default="")
WECHATPAY_PUBLIC_KEY = _read_key(
    env.str("WECHATPAY_PUBLIC_KEY", default=""), env.str("WECHATPAY_PUBLIC_KEY_FILE", default="")
)
WECHATPAY_URL = env.str("WECHATPAY_URL", default="")
WECHATPAY_NOTIFY_URL = env.str("WECHATPAY_NOTIFY_URL", default="")
# The shop's own refund endpoint, for its wallet and for aggregators (docs/shop-refund-endpoint.md).
SHOP_REFUND_URL = env.str("SHOP_REFUND_URL", default="")
SHOP_REFUND_SECRET = env.str("SHOP_REFUND_SECRET", default="")
