import re

from django.conf import settings


def test_env_example_lists_every_variable_that_is_read():
    files = [settings.BASE_DIR / "helpdesk" / name for name in ("settings.py", "gateways.py")]
    source = "".join(file.read_text() for file in files)
    read = set(re.findall(r"""env\.\w+\(\s*["']([A-Z_]+)["']""", source))
    example = (settings.BASE_DIR / ".env.example").read_text()
    listed = set(re.findall(r"^#([A-Z_]+)=", example, re.M))
    assert read - listed == {"HELPDESK_EMBEDDED", "TEST_DB_NAME"}
    assert listed - read == {"WEB_CONCURRENCY"}
