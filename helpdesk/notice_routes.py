"""Settings of what tells people and programs: SMS, group robots, webhooks, the dead man's ping.

Part of helpdesk.settings, which has read .env into the environment before it comes here.
"""

import environ
from django.core.exceptions import ImproperlyConfigured

from helpdesk.gateways import _read_key

env = environ.Env()

# SMS by Aliyun (dysmsapi). Templates: kind=SMS_123, and kind.en=SMS_124 for readers of English.
ALIYUN_SMS_ACCESS_KEY_ID = env.str("ALIYUN_SMS_ACCESS_KEY_ID", default="")
ALIYUN_SMS_ACCESS_KEY_SECRET = _read_key(
    env.str("ALIYUN_SMS_ACCESS_KEY_SECRET", default=""),
    env.str("ALIYUN_SMS_ACCESS_KEY_SECRET_FILE", default=""),
)
ALIYUN_SMS_SIGN_NAME = env.str("ALIYUN_SMS_SIGN_NAME", default="")
ALIYUN_SMS_TEMPLATES = env.dict("ALIYUN_SMS_TEMPLATES", default={})
ALIYUN_SMS_URL = env.str("ALIYUN_SMS_URL", default="").rstrip("/")
# Hours of Shanghai's day in which only urgent SMS leave, and how many one number gets in 24 hours.
_quiet = env.str("SMS_QUIET_HOURS", default="") or "22-8"
try:
    SMS_QUIET_FROM, SMS_QUIET_UNTIL = (int(hour) for hour in _quiet.split("-"))
except ValueError:
    SMS_QUIET_FROM = SMS_QUIET_UNTIL = -1
if not (0 <= SMS_QUIET_FROM <= 23 and 0 <= SMS_QUIET_UNTIL <= 23):
    raise ImproperlyConfigured(
        f"SMS_QUIET_HOURS is {_quiet!r}; it must look like 22-8 (0-0 for no quiet hours)."
    )
SMS_PER_NUMBER_DAY = env.int("SMS_PER_NUMBER_DAY", default=10)

# Group robots for staff alarms. The addresses hold a key; DingTalk and Feishu also sign.
WECOM_ROBOT_URL = _read_key(
    env.str("WECOM_ROBOT_URL", default=""), env.str("WECOM_ROBOT_URL_FILE", default="")
)
DINGTALK_ROBOT_URL = _read_key(
    env.str("DINGTALK_ROBOT_URL", default=""), env.str("DINGTALK_ROBOT_URL_FILE", default="")
)
DINGTALK_ROBOT_SECRET = _read_key(
    env.str("DINGTALK_ROBOT_SECRET", default=""),
    env.str("DINGTALK_ROBOT_SECRET_FILE", default=""),
)
FEISHU_ROBOT_URL = _read_key(
    env.str("FEISHU_ROBOT_URL", default=""), env.str("FEISHU_ROBOT_URL_FILE", default="")
)
FEISHU_ROBOT_SECRET = _read_key(
    env.str("FEISHU_ROBOT_SECRET", default=""), env.str("FEISHU_ROBOT_SECRET_FILE", default="")
)

# Whether a webhook may go to http addresses and into private networks: a demo's and a test's may.
WEBHOOK_ALLOW_PRIVATE = env.bool("WEBHOOK_ALLOW_PRIVATE", default=env.bool("DEMO", default=False))
# Somebody outside who is called each minute while the timers run, and misses the call.
DEADMAN_URL = env.str("DEADMAN_URL", default="")
