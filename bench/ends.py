"""The two ends of a bench: a process of the desk's own kind, and the other side's control desk."""

import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import httpx

from bench.harm import ROOT
from tests.desk import Desk


class Insider:
    """The desk-side process (see bench.insider)."""

    def __init__(self, desk: Desk) -> None:
        with (desk.data / "log" / "insider.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "bench.insider"],
                cwd=ROOT,
                env=desk.environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self._log = desk.data / "log" / "insider.log"

    def ask(self, verb: str, **more: Any) -> Any:
        """This function will have one thing done.

        :raises RuntimeError: the process ended; with the end of its log.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": verb, **more}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the bench's process at the desk ended:\n{self._end_of_log()}")
        return json.loads(line)

    def _end_of_log(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")[-2000:]

    def stop(self) -> None:
        self._process.kill()
        self._process.wait(10)


class Gateways:
    """The gateway simulator's control desk, from outside."""

    def __init__(self, desk: Desk) -> None:
        url = json.loads((desk.data / "simulator.json").read_text())["control_url"]
        self._http = httpx.Client(base_url=url, timeout=60, trust_env=False)

    def post(self, path: str, body: Mapping[str, Any]) -> None:
        answer = self._http.post(path, json=body)
        if answer.status_code != 200:
            raise RuntimeError(f"simulator {path}: {answer.status_code} {answer.text}")

    def get(self, path: str) -> dict[str, Any]:
        answer = self._http.get(path)
        answer.raise_for_status()
        body: dict[str, Any] = answer.json()
        return body
