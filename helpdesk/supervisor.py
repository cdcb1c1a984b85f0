"""Keep a handful of processes running until told to stop, and leave none behind."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from helpdesk.lifeline import die_with_parent

POLL_SECONDS = 0.1
FIRST_DELAY_SECONDS = 0.2
LONGEST_DELAY_SECONDS = 5.0
# A child that ran this long was well; its next death starts with a short delay again.
WELL_AFTER_SECONDS = 10.0
# Everything may be killed at any moment; the terminal has been promised ten seconds in all.
STOP_SECONDS = 4.5
KEEP_LOG_BYTES = 10_000_000


def say(line: str) -> None:
    # The terminal may be gone; the desk goes on.
    with contextlib.suppress(OSError):
        print(line, flush=True)


@dataclass
class Child:
    name: str
    command: Sequence[str]
    # SIGKILL is safe for all that only work on rows; a store is given the time to write.
    death_signal: int = signal.SIGKILL
    process: "subprocess.Popen[bytes] | None" = None
    started: float = 0.0
    delay: float = FIRST_DELAY_SECONDS
    start_again_at: float = 0.0


@dataclass
class Supervisor:
    folder: Path
    environment: Mapping[str, str]
    children: list[Child] = field(default_factory=list)

    def start(self, child: Child) -> None:
        """This function will start the child and look after it from now on."""
        self.children.append(child)
        self._spawn(child)

    def watch(self) -> None:
        """This function will restart whatever dies, until a signal's handler raises."""
        while True:
            self.tend()
            time.sleep(POLL_SECONDS)

    def tend(self) -> None:
        now = time.monotonic()
        for child in self.children:
            if child.process is None:
                if now >= child.start_again_at:
                    self._spawn(child)
                    say(f"{child.name}: started again (pid {self._pid(child)})")
            elif child.process.poll() is not None:
                self._bury(child, now)

    def stop(self) -> None:
        """This function will end every child: politely in reverse order of their start, and what
        is left after a few seconds at once."""
        for child in reversed(self.children):
            if child.process is not None and child.death_signal == signal.SIGKILL:
                child.process.terminate()
        self._wait(STOP_SECONDS, stores=False)
        for child in self.children:
            if child.process is not None and child.process.poll() is None:
                child.process.terminate()
        self._wait(2.0, stores=True)
        for child in self.children:
            self._kill_group(child)
        self.children = []
        (self.folder / "processes.json").unlink(missing_ok=True)

    def _wait(self, seconds: float, *, stores: bool) -> None:
        end = time.monotonic() + seconds
        waited = [c for c in self.children if stores or c.death_signal == signal.SIGKILL]
        while time.monotonic() < end:
            if all(c.process is None or c.process.poll() is not None for c in waited):
                return
            time.sleep(0.05)
        for child in waited:
            self._kill_group(child)

    def _spawn(self, child: Child) -> None:
        supervisor = os.getpid()
        with self._open_log(child.name) as log:
            child.process = subprocess.Popen(
                child.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self.environment,
                # A group of its own: a terminal's Ctrl-C reaches only the supervisor.
                process_group=0,
                preexec_fn=lambda: die_with_parent(supervisor, child.death_signal),
            )
        child.started = time.monotonic()
        self._record()

    def _bury(self, child: Child, now: float) -> None:
        # Its own children (prefork, gunicorn workers) must not outlive it.
        self._kill_group(child)
        status = child.process.returncode if child.process else 0
        pid, child.process = self._pid(child), None
        if now - child.started > WELL_AFTER_SECONDS:
            child.delay = FIRST_DELAY_SECONDS
        child.start_again_at = now + child.delay
        child.delay = min(child.delay * 2, LONGEST_DELAY_SECONDS)
        self._record()
        how = f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended ({status})"
        say(f"{child.name}: pid {pid} {how}; see {self.log_path(child.name)}")
        if status > 0:
            say(self._last_lines(child.name))

    def _kill_group(self, child: Child) -> None:
        if child.process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.process.pid, signal.SIGKILL)
        child.process.wait()

    def _pid(self, child: Child) -> int | None:
        return child.process.pid if child.process else None

    def log_path(self, name: str) -> Path:
        return self.folder / "log" / f"{name}.log"

    def _open_log(self, name: str) -> BinaryIO:
        path = self.log_path(name)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        if path.exists() and path.stat().st_size > KEEP_LOG_BYTES:
            path.replace(path.with_suffix(".log.1"))
        return path.open("ab")

    def _last_lines(self, name: str) -> str:
        lines = self.log_path(name).read_text(errors="replace").splitlines()[-3:]
        return "\n".join(f"    {line}" for line in lines)

    def _record(self) -> None:
        alive = [{"name": c.name, "pid": c.process.pid} for c in self.children if c.process]
        write_json(self.folder / "processes.json", {"supervisor": os.getpid(), "children": alive})


def write_json(path: Path, content: object) -> None:
    """This function will replace the file in one step, readable by its owner only."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.touch(mode=0o600)
    partial.write_text(json.dumps(content, indent=1), encoding="utf-8")
    partial.replace(path)


def on_signals_exit() -> None:
    """This function will turn the first SIGINT, SIGTERM or SIGHUP into SystemExit(0) and the
    second into the end of this process, whose children the kernel then ends."""

    def first(signum: int, frame: object) -> None:
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, second)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        sys.exit(0)

    def second(signum: int, frame: object) -> None:
        os._exit(130)

    signal.signal(signal.SIGINT, first)
    signal.signal(signal.SIGTERM, first)
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
        signal.signal(signal.SIGHUP, first)
