"""What staff and customers look at, before a thousand, a hundred thousand and a million disputes;
beside django-helpdesk's list, ticket page and dashboard."""

import argparse
import tempfile
from pathlib import Path
from typing import Any

from bench.inside import migrate, run_inside
from bench.machine import describe_machine, describe_versions
from bench.peer import NoPeer, Peer
from bench.postgres import own_database
from bench.results import Result
from bench.web import Call, answers, serving, time_calls
from tests.desk import free_port, wait_until

SIZES, PEER_SIZES = (1_000, 100_000, 1_000_000), (1_000, 100_000)
QUICK = (200, 2_000)
RUNS, CALLS = 5, 40
MOST_STATEMENTS = {"queue": 12, "tracking page": 4}
GOAL_GROWTH, GOAL_TIMES = 1.3, 20.0


def run(options: argparse.Namespace) -> Result:
    """This function will fill one desk from size to size and look at its pages at each."""
    sizes = QUICK if options.quick else SIZES
    runs, calls = (2, 5) if options.quick else (RUNS, CALLS)
    machine = describe_machine()
    with own_database("queue") as url, tempfile.TemporaryDirectory(prefix="bench-") as folder:
        data = Path(folder) / "data"
        migrate(url, data)
        result = Result("queue", machine, describe_versions(url))
        result.setup = {"sizes": sizes, "runs": runs, "calls": calls, "quick": options.quick}
        p95 = {size: look_at(result, url, data, size, runs, calls) for size in sizes}
        write_growth(result, p95)
        theirs = look_at_peer(result, Path(folder) / "peer", options, runs)
    both = [size for size in p95 if size in theirs]
    if both:
        times = theirs[both[-1]] / p95[both[-1]]["queue"]
        result.goal(
            f"the queue beside django-helpdesk's list at {both[-1]:,}",
            f">= {GOAL_TIMES:.0f} x faster",
            times,
            times >= GOAL_TIMES,
        )
    return result


def look_at(
    result: Result, url: str, data: Path, size: int, runs: int, calls: int
) -> dict[str, float]:
    """This function will time every page at one size; page -> its p95 in the middle run."""
    desk: dict[str, Any] = run_inside("fill_desk", url, data, tickets=size)
    result.row(f"open of {desk['tickets']:,} disputes", desk["open"], "disputes")
    found = {}
    with serving(url, data) as port:
        for page, address in desk["pages"].items():
            role = "supervisor" if "supervisor" in page else "agent"
            session = desk["sessions"][role]
            calls_of = [Call(address, headers={"Cookie": f"sessionid={session}"})] * calls
            time_calls(port, calls_of[:4], 1)
            paces = [time_calls(port, calls_of, 1) for _run in range(runs)]
            result.row_of(f"{page} at {size:,}, p50", [p.p50_ms for p in paces], "ms")
            result.row_of(f"{page} at {size:,}, p95", [p.p95_ms for p in paces], "ms")
            found[page] = sorted(p.p95_ms for p in paces)[runs // 2]
            count_statements(result, url, data, page, address, session, size)
    for name, asked in run_inside("ask_watchdog", url, data).items():
        result.row(f"watchdog at {size:,}: {name}", asked["ms"], "ms")
    return found


def count_statements(
    result: Result, url: str, data: Path, page: str, address: str, session: str, size: int
) -> None:
    count = run_inside("count_page", url, data, address=address, session=session)["statements"]
    result.row(f"{page} at {size:,}, statements", count, "statements")
    if (most := MOST_STATEMENTS.get(page)) is not None:
        goal = f"statements of the {page} at {size:,}"
        result.goal(goal, f"<= {most}", count, count <= most)


def write_growth(result: Result, p95: dict[int, dict[str, float]]) -> None:
    small, large = min(p95), max(p95)
    growth = p95[large]["queue"] / p95[small]["queue"]
    goal = f"queue's p95 at {large:,}, times that at {small:,}"
    result.goal(goal, f"<= {GOAL_GROWTH}", growth, growth <= GOAL_GROWTH)


def look_at_peer(
    result: Result, folder: Path, options: argparse.Namespace, runs: int
) -> dict[int, float]:
    """This function will time the peer's pages; size -> its list's p95 in the middle run."""
    sizes = QUICK if options.quick else PEER_SIZES
    try:
        with own_database("peer") as url:
            peer = Peer.install(folder, url)
            return {size: look_at_peer_at(result, peer, size, runs) for size in sizes}
    except NoPeer as error:
        result.say_unmeasured("django-helpdesk's pages", str(error))
        return {}


def look_at_peer_at(result: Result, peer: Peer, size: int, runs: int) -> float:
    filled = peer.fill(size, mixed=True)
    listed = (
        f"/helpdesk/datatables_ticket_list/{filled['list_query']}?draw=1&start=0&length=25"
        "&order%5B0%5D%5Bcolumn%5D=0&order%5B0%5D%5Bdir%5D=desc"
    )
    pages = {
        "list": listed,
        "ticket page": f"/helpdesk/tickets/{size // 2}/",
        "dashboard": "/helpdesk/dashboard/",
    }
    port, p95 = free_port(), {}
    server = peer.serve(port)
    try:
        wait_until(lambda: answers(port, "/helpdesk/login/"), 300)
        for page, address in pages.items():
            call = Call(address, headers={"Cookie": f"sessionid={filled['session']}"})
            time_calls(port, [call], 1)
            calls = 20 if size < 50_000 else 3
            paces = [time_calls(port, [call] * calls, 1) for _run in range(runs)]
            what = f"django-helpdesk: {page} at {size:,}"
            result.row_of(f"{what}, p50", [p.p50_ms for p in paces], "ms")
            result.row_of(f"{what}, p95", [p.p95_ms for p in paces], "ms")
            p95[page] = sorted(p.p95_ms for p in paces)[runs // 2]
    finally:
        server.terminate()
        server.wait(20)
    return p95["list"]
