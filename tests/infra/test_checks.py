"""A half-configured installation is told what is missing."""

import os
import subprocess
import sys

import pytest
from django.conf import settings
from django.core import checks

from helpdesk.checks import check_mail_leaves_the_building, check_site_url


def ids(found: list[checks.CheckMessage]) -> list[str]:
    return [message.id for message in found]


@pytest.mark.parametrize(
    ("site", "demo", "hosts", "expected"),
    [
        ("https://desk.example.com", False, ["desk.example.com"], []),
        ("desk.example.com", False, ["desk.example.com"], ["helpdesk.E001"]),
        ("https://desk.example.com/desk", False, ["desk.example.com"], ["helpdesk.E001"]),
        ("https://desk.example.com", True, ["desk.example.com"], ["helpdesk.E002"]),
        ("http://127.0.0.1:8000", True, ["127.0.0.1"], []),
        ("https://desk.example.com", False, ["other.example.com"], ["helpdesk.E003"]),
        ("https://desk.example.com", False, [".example.com"], []),
    ],
)
def test_site_url(settings, site, demo, hosts, expected):
    settings.SITE_URL, settings.DEMO, settings.ALLOWED_HOSTS = site, demo, hosts
    assert ids(check_site_url()) == expected


def test_a_public_desk_without_mail_is_told_so(settings):
    settings.SITE_URL, settings.SITE_URL_IS_GUESSED = "https://desk.example.com", False
    settings.DEMO, settings.EMAIL_URL = False, ""
    assert ids(check_mail_leaves_the_building()) == ["helpdesk.E006"]
    settings.EMAIL_URL = "smtp://mail.example.com"
    assert ids(check_mail_leaves_the_building()) == []


def run_manage(tmp_path, *command: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    clean = {
        "PATH": os.environ["PATH"],
        "HELPDESK_DATA": str(tmp_path / "data"),
        "DATABASE_URL": "",
        "DJANGO_SETTINGS_MODULE": "helpdesk.settings",
    }
    return subprocess.run(
        [sys.executable, "manage.py", *command],
        env=clean | environment,
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        check=False,
    )


DEPLOY = ("check", "--deploy", "--fail-level", "WARNING")


def test_an_installation_that_names_only_its_hosts_is_deployable(tmp_path):
    result = run_manage(tmp_path, *DEPLOY, ALLOWED_HOSTS="desk.example.com", DEBUG="0")
    assert result.returncode == 0, result.stderr


def test_a_database_of_ones_own_needs_a_key_of_ones_own(tmp_path):
    result = run_manage(tmp_path, "check", DATABASE_URL="postgres://nobody@/none")
    assert result.returncode != 0
    assert "SECRET_KEY is not set" in result.stderr


def test_a_data_folder_open_to_all_is_refused(tmp_path):
    (tmp_path / "data").mkdir(mode=0o755)
    (tmp_path / "data").chmod(0o755)
    result = run_manage(tmp_path, "check")
    assert result.returncode != 0
    assert "helpdesk.E004" in result.stderr


def test_the_kept_key_is_made_once_and_private(tmp_path):
    command = ("shell", "-c", "from django.conf import settings; print(settings.SECRET_KEY)")
    first, second = run_manage(tmp_path, *command), run_manage(tmp_path, *command)
    assert first.stdout.splitlines()[-1] == second.stdout.splitlines()[-1] != ""
    assert ((tmp_path / "data" / "secret_key").stat().st_mode & 0o777) == 0o600
