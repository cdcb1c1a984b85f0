"""What every test may use, and the rule that nothing is left out in silence."""

import importlib.util
import os
import shutil
from typing import Any

import pytest

from tests.dovecot import find_dovecot
from tests.mariadb import find_mariadb

# Playwright's event loop runs in the tests' thread; Django would refuse the ORM there.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

pytest_plugins = [
    name
    for name in ("tests.stories", "tests.simulator_fixture")
    if importlib.util.find_spec(name) is not None
]

#: Where the tests live that want the machine to themselves.
ALONE = (
    "tests/processes/",
    "tests/contract/",
    "tests/browser/test_live_answer.py",
    "tests/infra/test_embedded.py",
    "tests/infra/test_supervisor.py",
)
REQUIRE_ALL = os.environ.get("REQUIRE_ALL") == "1"
NO_BROWSER = (
    "no Chromium, so the browser tests were LEFT OUT. "
    "Install one (apt-get install chromium fonts-noto-cjk) or set CHROMIUM_PATH."
)


def find_chromium() -> str | None:
    given = os.environ.get("CHROMIUM_PATH")
    if given is not None:
        return given if os.path.exists(given) else None
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return next(filter(None, map(shutil.which, names)), None)


CHROMIUM = find_chromium()


#: Fixtures that need a server of the machine's packages: is it there, and what is said if not.
SERVERS: dict[str, tuple[str | None, str]] = {
    "dovecot": (
        find_dovecot(),
        "no Dovecot, so the tests of the mailbox were LEFT OUT. "
        "Install it (apt-get install dovecot-imapd); it need not run.",
    ),
    "mariadb": (
        find_mariadb(),
        "no MariaDB, so the tests of a shop's database were LEFT OUT. "
        "Install it (apt-get install mariadb-server); it need not run.",
    ),
}


def needs_browser(item: pytest.Item) -> bool:
    return {"page", "browser", "context"} & set(getattr(item, "fixturenames", ())) != set()


def runs_alone(item: pytest.Item) -> bool:
    """Whole files, so that nobody forgets to mark a new test in one of them."""
    return item.nodeid.startswith(ALONE)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in filter(runs_alone, items):
        item.add_marker(pytest.mark.alone)
    browser_tests = [item for item in items if needs_browser(item)]
    for item in browser_tests:
        item.add_marker(pytest.mark.browser)
    if not CHROMIUM:
        leave_out(config, browser_tests, NO_BROWSER)
    for fixture, (found, reason) in SERVERS.items():
        if not found:
            needing = [i for i in items if fixture in getattr(i, "fixturenames", ())]
            leave_out(config, needing, reason)


def leave_out(config: pytest.Config, items: list[pytest.Item], reason: str) -> None:
    if items and REQUIRE_ALL:
        pytest.exit(f"REQUIRE_ALL=1, but there is {reason}", returncode=1)
    for item in items:
        item.add_marker(pytest.mark.skip(reason=reason))
    if items:
        config.stash.setdefault(LEFT_OUT, {})[reason] = len(items)


LEFT_OUT = pytest.StashKey[dict[str, int]]()


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    for reason, count in config.stash.get(LEFT_OUT, {}).items():
        terminalreporter.write_line(f"\n!!! {count} tests: {reason}", red=True, bold=True)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    quiet = ["--disable-quic", "--disable-background-networking", "--disable-component-update"]
    quiet += ["--disable-sync", "--no-first-run", "--disable-dev-shm-usage"]
    if os.geteuid() == 0:
        quiet.append("--no-sandbox")
    return {**browser_type_launch_args, "executable_path": CHROMIUM, "args": quiet}
