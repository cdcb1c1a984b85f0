"""The demo shop's published rules: what a shop has to state, in words a shop may begin with."""

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from orders.demo_shop.catalogue import RULE_VERSION
from orders.models import RuleVersion

HERE = Path(__file__).parent
SHANGHAI = ZoneInfo("Asia/Shanghai")
PUBLISHED_AT = datetime(2026, 8, 20, 10, tzinfo=SHANGHAI)
EFFECTIVE_AT = datetime(2026, 9, 1, tzinfo=SHANGHAI)


def publish_demo_rules() -> None:
    """This function will publish the version that the demo's orders were bought under."""
    RuleVersion.objects.get_or_create(
        version=RULE_VERSION,
        defaults={
            "text_zh": (HERE / "rules.zh.txt").read_text(encoding="utf-8").strip(),
            "text_en": (HERE / "rules.en.txt").read_text(encoding="utf-8").strip(),
            "published_at": PUBLISHED_AT,
            "effective_at": EFFECTIVE_AT,
            "published_by": "system",
        },
    )
