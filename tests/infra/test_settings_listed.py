import re

from django.conf import settings


def test_env_example_lists_every_variable_that_is_read():
    names = ("settings.py", "gateways.py", "notice_routes.py")
    source = "".join((settings.BASE_DIR / "helpdesk" / name).read_text() for name in names)
    read = set(re.findall(r"""env\.\w+\(\s*["']([A-Z_]+)["']""", source))
    example = (settings.BASE_DIR / ".env.example").read_text()
    listed = set(re.findall(r"^#([A-Z_]+)=", example, re.M))
    assert read - listed == {"HELPDESK_EMBEDDED", "TEST_DB_NAME"}
    assert listed - read == {"WEB_CONCURRENCY"}
