"""`./run` as a newcomer meets it: real processes, a real broker, a folder of its own."""

import http.client
import json
import os
import re
import signal
import sys
import time
from collections.abc import Iterator

import pytest

from tests.desk import CHILDREN, Desk, free_port, fresh_database, wait_until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


@pytest.fixture(scope="module")
def desk(tmp_path_factory) -> Iterator[Desk]:
    # Longer than a socket's path may be, as real folders are.
    parent = tmp_path_factory.mktemp("a" * 60)
    with fresh_database() as database_url:
        desk = Desk(parent / ("b" * 60), database_url)
        desk.start()
        wait_until(lambda: set(desk.children()) == CHILDREN)
        yield desk
        desk.stop()


def test_it_says_where_it_is_and_how_to_get_in(desk):
    wait_until(lambda: "Ctrl-C" in desk.output.read_text())
    said = desk.output.read_text()
    demo = json.loads((desk.data / "demo.json").read_text())
    assert f"http://127.0.0.1:{desk.port}/" in said
    assert demo["order"]["order_no"] in said
    assert demo["order"]["account_last4"] in said
    for account in demo["accounts"]:
        assert account["username"] in said
        assert account["password"] in said
    assert {account["role"] for account in demo["accounts"]} == {"agent", "supervisor", "admin"}
    assert (desk.data.stat().st_mode & 0o777) == 0o700


def test_the_timers_turn(desk):
    """Beat, broker, the timers' worker and the database, all of them, or this stays 503."""

    def status() -> int:
        connection = http.client.HTTPConnection("127.0.0.1", desk.port, timeout=5)
        try:
            connection.request("GET", "/healthz/timers")
            return connection.getresponse().status
        except OSError:
            return 0
        finally:
            connection.close()

    wait_until(lambda: status() == 200)


@pytest.mark.parametrize("name", sorted(CHILDREN))
def test_a_child_killed_outright_is_back_and_the_timers_go_on(desk, name):
    old = desk.children()[name]
    os.kill(old, signal.SIGKILL)
    wait_until(lambda: desk.children().get(name, old) != old)
    wait_until(desk.answers)
    assert f"{name}: pid {old} was ended by SIGKILL" in desk.output.read_text()
    test_the_timers_turn(desk)


def test_nothing_is_written_outside_its_folder(desk):
    """Two copies would share it: gunicorn's control socket lies in the home folder by default."""
    assert "Control socket" not in (desk.data / "log" / "web.log").read_text()


def test_a_second_copy_on_the_same_folder_is_refused(desk):
    second = desk.popen(PORT=str(free_port()))
    assert second.wait(120) == 1
    assert "this desk runs already" in desk.output.read_text()


def test_a_taken_port_is_one_clear_line(desk, tmp_path):
    second = Desk(tmp_path / "second")
    second.port = desk.port
    assert second.popen().wait(120) == 1
    (line,) = second.output.read_text().splitlines()
    assert re.search(rf"{desk.port}: Address already in use\. .*PORT={desk.port + 1}", line)


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        ({"HELPDESK_DATA": "/proc/nobody/may"}, "data folder /proc/nobody/may cannot be written"),
        ({"HELPDESK_DATA": "/dev/null/x"}, "data folder /dev/null/x cannot be written"),
        ({"PORT": "http"}, "PORT must be a number from 1 to 65535"),
        ({"PORT": "65536"}, "PORT must be a number from 1 to 65535"),
    ],
)
def test_what_cannot_be_is_one_clear_line(tmp_path, wrong, line):
    desk = Desk(tmp_path / "data")
    assert desk.popen(**wrong).wait(120) == 1
    (said,) = desk.output.read_text().splitlines()
    assert said.startswith("run: ")
    assert line in said


def test_killed_outright_it_leaves_nobody_and_starts_again_within_ten_seconds(desk):
    desk.process.kill()
    desk.process.wait()
    wait_until(lambda: desk.everyone() == [], 10)
    before = (desk.data / "demo.json").read_bytes()
    assert desk.start() < 10
    assert (desk.data / "demo.json").read_bytes() == before


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_told_to_stop_it_leaves_nobody_within_ten_seconds_and_keeps_its_data(desk, signum):
    wait_until(lambda: set(desk.children()) == CHILDREN)
    started = time.monotonic()
    desk.stop(signum)
    assert time.monotonic() - started < 10
    assert desk.process.returncode == 0
    assert desk.everyone() == []
    assert not (desk.data / "processes.json").exists()
    assert (desk.data / "db.sqlite3").exists() != bool(desk.database_url)
    desk.start()
