"""Does a test notice? Each mistake of tests.mutants is made in a copy of the project, and the tests
that it names are run there: they have to fail, and not because nothing works any more."""

import argparse
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from bench.machine import describe_machine, describe_versions
from bench.postgres import own_database, server_url
from bench.results import NothingMeasured, Result
from tests.mutants.catalogue import find_mutants
from tests.mutants.mutant import ROOT, Mutant

#: A quick run takes a few of them: under a minute.
QUICK = 6
#: Far longer than any of these tests takes; a mutant may also hang them.
PATIENCE_S = 600


@dataclass(frozen=True)
class Course:
    """How some tests went: those that failed, those that could not run, and how many passed."""

    failed: list[str]
    broken: list[str]
    passed: int
    seconds: float
    output: str


@dataclass(frozen=True)
class Verdict:
    mutant: Mutant
    course: Course

    @property
    def is_caught(self) -> bool:
        """A test that breaks off before it tests anything has noticed nothing."""
        return bool(self.course.failed)


def run(options: argparse.Namespace) -> Result:
    """This function will try every mutant whose name is asked for, several at a time.

    :raises NothingMeasured: there is none, or the tests fail without any mistake.
    """
    mutants = find_mutants(options.only)
    if options.quick:
        mutants = [mutant for mutant in mutants if not mutant.postgresql][:QUICK]
    if not mutants:
        raise NothingMeasured(f"no mutant is called {options.only!r}")
    started = time.monotonic()
    with own_database("versions") as url:
        result = Result("mutants", describe_machine(), describe_versions(url))
    with server_url() as url, tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        place = Place(url, Path(folder))
        require_green(mutants, place)
        with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
            verdicts = list(pool.map(lambda mutant: try_mutant(mutant, place), mutants))
    write(result, verdicts)
    result.row("wall time", round(time.monotonic() - started, 1), "s")
    return result


@dataclass(frozen=True)
class Place:
    """Where the tests run: a server of PostgreSQL, and a folder with SQLite's database as the
    unspoiled project has made it. Each mutant starts from a copy: making one takes most of the
    time. One that spoils a migration makes its own."""

    server: str
    folder: Path

    @property
    def made(self) -> Path:
        return self.folder / "made"


def require_green(mutants: Sequence[Mutant], place: Place) -> None:
    """This function will run all the tests on the project as it is.

    :raises NothingMeasured: one of them fails already.
    """
    for postgresql in (False, True):
        tests = {test for m in mutants if m.postgresql == postgresql for test in m.tests}
        if not tests:
            continue
        with project_copy() as root:
            place.made.mkdir(exist_ok=True)
            data = None if postgresql else place.made
            course = run_tests(root, sorted(tests), place, data=data, more=["--create-db"])
        if course.failed or course.broken or not course.passed:
            raise NothingMeasured(f"without any mistake: {describe_course(course)}")


def try_mutant(mutant: Mutant, place: Place) -> Verdict:
    with project_copy() as root:
        for edit in mutant.edits:
            edit.apply(root)
        data = None if mutant.postgresql else root / "data"
        if data is not None:
            shutil.copytree(place.made, data)
        more = ["-x", *(["--create-db"] if mutant.makes_its_database else [])]
        course = run_tests(root, mutant.tests, place, data=data, more=more)
    verdict = Verdict(mutant, course)
    print(f"{'caught  ' if verdict.is_caught else 'SURVIVED'}  {mutant.name}", flush=True)
    if not verdict.is_caught:
        print(describe_course(course), flush=True)
    return verdict


@contextlib.contextmanager
def project_copy() -> Iterator[Path]:
    """This function will yield a copy of what git knows of, as it is in the folder now."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        for name in filter(None, listed.stdout.decode().split("\0")):
            source, copy = ROOT / name, Path(folder) / name
            if source.is_file():
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, copy)
        yield Path(folder)


def run_tests(
    root: Path, tests: Iterable[str], place: Place, *, data: Path | None, more: Sequence[str]
) -> Course:
    """``data`` is the folder of SQLite's database; without one PostgreSQL's server is used."""
    started, report = time.monotonic(), root / "report.xml"
    options = ["-q", "-p", "no:cacheprovider", f"--junitxml={report}", "-o", "junit_family=xunit1"]
    keep = ["--reuse-db"] if data is not None else []
    command = [sys.executable, "-m", "pytest", *options, *keep, *more, *tests]
    try:
        done = subprocess.run(
            command,
            cwd=root,
            env=environment(root, place, data),
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        output = done.stdout + done.stderr
    except subprocess.TimeoutExpired as error:
        output = f"no end after {error.timeout:.0f} s"
    return read_report(report, seconds=time.monotonic() - started, output=output)


def environment(root: Path, place: Place, data: Path | None) -> dict[str, str]:
    """What this process's own settings have put there is not for the copy."""
    left_out = ("HELPDESK_", "DJANGO_", "PYTHONPATH")
    kept = {n: v for n, v in os.environ.items() if not n.startswith(left_out)}
    if data is None:
        name = f"test_{root.name.replace('-', '_')}"
        return kept | {"DATABASE_URL": place.server, "TEST_DB_NAME": name}
    # A folder that is given is used as it is, and kept.
    given = {"HELPDESK_TESTS_PID": str(os.getpid()), "HELPDESK_DATA": str(data)}
    return kept | given | {"DATABASE_URL": "", "TEST_DB_NAME": ""}


def read_report(report: Path, *, seconds: float, output: str) -> Course:
    found: dict[str, list[str]] = {"failure": [], "error": [], "": []}
    cases = ElementTree.parse(report).iter("testcase") if report.exists() else ()
    for case in cases:
        what = next((kind for kind in ("failure", "error") if case.find(kind) is not None), "")
        found[what].append(f"{case.get('file')}::{case.get('name')}")
    passed = len(found[""])
    return Course(found["failure"], found["error"], passed, seconds, output[-3000:])


def describe_course(course: Course) -> str:
    said = [*(f"failed {t}" for t in course.failed), *(f"broken {t}" for t in course.broken)]
    said.append(f"{course.passed} passed in {course.seconds:.0f} s")
    return "\n".join([*said, *([] if course.passed else [course.output])])


def write(result: Result, verdicts: Sequence[Verdict]) -> None:
    survivors = [verdict.mutant.name for verdict in verdicts if not verdict.is_caught]
    result.setup = {
        "caught": {
            verdict.mutant.name: verdict.course.failed[0]
            for verdict in verdicts
            if verdict.is_caught
        },
        "survived": survivors,
    }
    result.row("mutants", len(verdicts), "mutants")
    result.row("caught by a test", len(verdicts) - len(survivors), "mutants")
    said = ", ".join(survivors)
    result.promise("mutants that no test notices", "0", len(survivors), not survivors, said)
