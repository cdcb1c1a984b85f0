"""What is done to a running desk: workers killed outright, the broker emptied."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import redis

from bench.machine import list_children
from helpdesk.lifeline import die_with_parent
from tests.desk import Desk

ROOT = Path(__file__).resolve().parent.parent
#: Of all kills, those that hit one process of a worker's pool and not the whole worker.
POOL_KILLS = 0.3


class Workers:
    """Celery workers beside the desk's own, on the same broker and database."""

    def __init__(self, desk: Desk, environment: Mapping[str, str], count: int) -> None:
        self._desk, self._environment = desk, environment
        self._extra = {f"extra{n}": self._spawn(f"extra{n}") for n in range(1, count + 1)}

    def _spawn(self, name: str) -> "subprocess.Popen[bytes]":
        parent = os.getpid()
        command = [sys.executable, "-m", "celery", "-A", "helpdesk", "worker"]
        command += ["--without-gossip", "--without-mingle", "--loglevel", "INFO"]
        with (self._desk.data / "log" / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                [*command, "-Q", "celery", "-c", "2", "-n", f"{name}@%h"],
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                process_group=0,
                preexec_fn=lambda: die_with_parent(parent),
            )

    def names(self) -> list[str]:
        return ["worker", *self._extra]

    def pids(self) -> dict[str, int]:
        return {name: process.pid for name, process in self._extra.items()}

    def are_ready(self) -> bool:
        """This function will say whether each of them, and the desk's own, takes up tasks."""
        logs = (self._desk.data / "log" / f"{name}.log" for name in self.names())
        return all(" ready." in log.read_text(errors="replace") for log in logs)

    def tend(self) -> None:
        """This function will start again whichever died."""
        for name, process in self._extra.items():
            if process.poll() is not None:
                self._extra[name] = self._spawn(name)

    def at_work(self) -> list[str]:
        """This function will name those that have started. One that dies before it has taken up
        anything proves nothing, and on a busy machine none would ever get further."""
        pids = {name: self._pid(name) for name in self.names()}
        return [name for name, pid in pids.items() if pid is not None and list_children(pid)]

    def kill(self, name: str, *, whole: bool, chance: random.Random) -> str:
        """This function will kill a worker, or one process of its pool, without a word; it says
        what it hit."""
        pid = self._pid(name)
        if pid is None:
            return "missed"
        if not whole and (pool := list_children(pid)):
            _kill(chance.choice(pool))
            return "pool process"
        _kill(pid)
        return "worker"

    def stop(self) -> None:
        for process in self._extra.values():
            process.kill()
        for process in self._extra.values():
            process.wait(10)

    def _pid(self, name: str) -> int | None:
        if name in self._extra:
            return self._extra[name].pid
        return self._desk.children().get(name)


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


class Harm(threading.Thread):
    """Kills every few seconds and empties the broker once, by a seed, until told to stop."""

    def __init__(
        self,
        desk: Desk,
        workers: Workers,
        *,
        seed: int,
        kill_every_s: float,
        most_kills: int | None,
        flush_after_s: float,
    ) -> None:
        super().__init__(name="harm", daemon=True)
        self._desk, self._workers, self._chance = desk, workers, random.Random(seed)
        self._kill_every_s, self._most_kills = kill_every_s, most_kills
        self._flush_after_s = flush_after_s
        self._stopping, self._calm = threading.Event(), threading.Event()
        self.kills: Counter[str] = Counter()
        self.flushes = 0
        self.last_at = time.monotonic()

    def run(self) -> None:
        started = time.monotonic()
        next_kill = started + self._kill_every_s
        while not self._stopping.wait(0.1):
            self._workers.tend()
            now = time.monotonic()
            if self._calm.is_set():
                continue
            if not self.flushes and now - started >= self._flush_after_s:
                self._flush()
            if now >= next_kill and not self._has_killed_enough():
                next_kill = now + self._kill_every_s * self._chance.uniform(0.5, 1.5)
                self._kill_one()

    def _has_killed_enough(self) -> bool:
        done = self.kills.total() - self.kills["missed"]
        return self._most_kills is not None and done >= self._most_kills

    def _kill_one(self) -> None:
        names = self._workers.at_work()
        if not names:
            self.kills["missed"] += 1
            return
        name = self._chance.choice(names)
        whole = self._chance.random() >= POOL_KILLS
        self.kills[self._workers.kill(name, whole=whole, chance=self._chance)] += 1
        self.last_at = time.monotonic()

    def _flush(self) -> None:
        url = (self._desk.data / "redis_url").read_text(encoding="utf-8").strip()
        with contextlib.closing(redis.Redis.from_url(url, socket_timeout=5)) as broker:
            broker.flushall()
        self.flushes += 1
        self.last_at = time.monotonic()

    def is_done(self) -> bool:
        """This function will say whether all that was to be done once has been done."""
        return self.flushes > 0 and (self._most_kills is None or self._has_killed_enough())

    def calm_down(self) -> None:
        """This function will end the harm; whichever died is still started again."""
        self._calm.set()

    def stop(self) -> None:
        # The kernel ends the workers that this thread started with the thread.
        self._stopping.set()
        self.join(10)
