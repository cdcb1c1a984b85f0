"""Children are restarted, and none is left behind, whichever way the supervisor ends."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

PROGRAM = """
import os, sys
from pathlib import Path
from helpdesk.supervisor import Child, Supervisor, on_signals_exit
on_signals_exit()
supervisor = Supervisor(folder=Path(sys.argv[1]), environment=os.environ)
try:
    supervisor.start(Child("sleeper", ["sleep", "60.25"]))
    supervisor.start(Child("stubborn", ["sh", "-c", "trap '' TERM; while :; do sleep 0.1; done"]))
    supervisor.start(Child("family", ["sh", "-c", "sleep 60.5 & wait"]))
    supervisor.watch()
finally:
    supervisor.stop()
"""


def wait_until(condition: Callable[[], object], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False


class Running:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(folder)],
            stdout=subprocess.PIPE,
            text=True,
            process_group=0,
        )
        wait_until(lambda: len(self.children()) == 3)

    def children(self) -> dict[str, int]:
        try:
            record = json.loads((self.folder / "processes.json").read_text())
        except FileNotFoundError:
            return {}
        assert record["supervisor"] == self.process.pid
        return {child["name"]: child["pid"] for child in record["children"]}

    def everyone(self) -> set[int]:
        """All that descend from the supervisor, by the groups of its children."""
        groups = set(self.children().values())
        found = set(groups)
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    if os.getpgid(int(entry.name)) in groups:
                        found.add(int(entry.name))
                except ProcessLookupError:
                    continue
        return found


@pytest.fixture
def running(tmp_path):
    running = Running(tmp_path)
    yield running
    if running.process.poll() is None:
        running.process.kill()
    running.process.wait()


@pytest.mark.parametrize("name", ["sleeper", "stubborn", "family"])
def test_a_killed_child_is_restarted_recorded_and_said(running, name):
    old, family = running.children()[name], running.everyone()
    os.kill(old, signal.SIGKILL)
    wait_until(lambda: running.children().get(name, old) != old)
    assert is_alive(running.children()[name])
    assert not is_alive(old)
    running.process.terminate()
    said, _ = running.process.communicate(timeout=60)
    assert f"{name}: pid {old} was ended by SIGKILL" in said
    assert f"{name}: started again" in said
    wait_until(lambda: not any(map(is_alive, family)))


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_all_within_ten_seconds_even_one_that_will_not(running, signum):
    family = running.everyone()
    assert len(family) >= 4
    running.process.send_signal(signum)
    assert running.process.wait(10) == 0
    assert not any(map(is_alive, family))
    assert not (running.folder / "processes.json").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children of a parent's end")
def test_nobody_directly_below_outlives_a_supervisor_killed_outright(running):
    children = set(running.children().values())
    running.process.kill()
    running.process.wait()
    wait_until(lambda: not any(map(is_alive, children)))
    # Grandchildren of real children call die_with_parent themselves; this sleep does not.
    for pid in running.everyone() - children:
        os.kill(pid, signal.SIGKILL)
