"""What to register with the provider of SMS: in China only texts that it approved are sent."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from tickets.notice_kinds import SMS, URGENT
from tickets.notifiers.words import sms_text


class Command(BaseCommand):
    help = "Print the texts of all SMS as they are registered with the provider, by kind."

    def handle(self, *args: Any, **options: Any) -> None:
        for kind in sorted(SMS, key=lambda kind: (kind not in URGENT, kind)):
            for language, suffix in (("zh-hans", ""), ("en", ".en")):
                name = f"{kind}{suffix}"
                code = settings.ALIYUN_SMS_TEMPLATES.get(name, "-")
                self.stdout.write(f"{name:<26} {code:<16} {sms_text(kind, language)}")
