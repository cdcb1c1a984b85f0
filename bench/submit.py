"""Filing a dispute by the web form, beside django-helpdesk's public form."""

import argparse
import http.client
import re
import tempfile
import uuid
from pathlib import Path
from typing import Any

from bench.inside import migrate, run_inside
from bench.machine import describe_machine, describe_versions
from bench.peer import NoPeer, Peer
from bench.postgres import own_database
from bench.results import NothingMeasured, Result
from bench.web import Call, Pace, answers, form, photo, serving, time_calls
from tests.desk import free_port, wait_until

RUNS, CALLS = 5, 240
QUICK_RUNS, QUICK_CALLS = 2, 16
GOAL_TIMES, GOAL_STATEMENTS = 3.0, 12
SENT = {"step": "confirm", "go": "send", "description": "15:20 付款 98 元，一直没有到账。"}
PEER_FORM = "/helpdesk/tickets/submit/"


def run(options: argparse.Namespace) -> Result:
    """This function will send the same kind of form again and again, the two desks in turns."""
    runs, calls = (QUICK_RUNS, QUICK_CALLS) if options.quick else (RUNS, options.n or CALLS)
    machine = describe_machine()
    with own_database("submit") as url, tempfile.TemporaryDirectory(prefix="bench-") as folder:
        data = Path(folder) / "data"
        migrate(url, data)
        result = Result("submit", machine, describe_versions(url))
        result.setup = {"calls": calls, "runs": runs, "clients": [1, 8], "quick": options.quick}
        with own_database("peer") as peer_url:
            peer = find_peer(result, Path(folder) / "peer", peer_url)
            measure(result, url, data, peer, runs, calls)
        count_statements(result, url, data)
    result.notes.append(
        "One request: the form that opens the dispute. Letters are rows, which Celery's workers "
        "send afterwards; those were not running. django-helpdesk writes its letters within the "
        "request, to a backend that sends nothing."
    )
    return result


def find_peer(result: Result, folder: Path, url: str) -> Peer | None:
    try:
        return Peer.install(folder, url)
    except NoPeer as error:
        result.say_unmeasured("django-helpdesk's public form", str(error))
        return None


def measure(result: Result, url: str, data: Path, peer: Peer | None, runs: int, calls: int) -> None:
    ours: dict[str, list[Pace]] = {}
    theirs: dict[str, list[Pace]] = {}
    with serving(url, data) as port:
        for clients in (1, 8):
            for _run in range(runs):
                bare = f"without files, {clients} clients"
                ours.setdefault(bare, []).append(send_drafts(url, data, port, calls, clients))
                if peer is not None:
                    found = post_to_peer(peer, calls, clients)
                    theirs.setdefault(bare, []).append(found)
                photos = f"with two photos, {clients} clients"
                few = max(8, calls // 6)
                ours.setdefault(photos, []).append(send_photos(url, data, port, few, clients))
    write_rows(result, "the desk", ours)
    write_rows(result, "django-helpdesk", theirs)
    if theirs:
        name = "without files, 8 clients"
        pairs = zip(ours[name], theirs[name], strict=True)
        times = sorted(us.per_second / them.per_second for us, them in pairs)
        result.row_of("times django-helpdesk, 8 clients", times, "")
        middle = times[len(times) // 2]
        result.goal(
            "requests a second, times django-helpdesk's, 8 clients",
            f">= {GOAL_TIMES}",
            middle,
            middle >= GOAL_TIMES,
        )


def write_rows(result: Result, who: str, found: dict[str, list[Pace]]) -> None:
    for what, paces in found.items():
        result.row_of(f"{who}: {what}", [pace.per_second for pace in paces], "requests/s")
        result.row_of(f"{who}: {what}, p50", [pace.p50_ms for pace in paces], "ms")
        result.row_of(f"{who}: {what}, p95", [pace.p95_ms for pace in paces], "ms")


def send_drafts(url: str, data: Path, port: int, calls: int, clients: int) -> Pace:
    tokens = run_inside("prepare_drafts", url, data, count=calls)["tokens"]
    body, headers = form(SENT)
    sent = [Call(f"/disputes/draft/{token}/", body, headers, expects=302) for token in tokens]
    pace = time_calls(port, sent, clients)
    require_tickets(run_inside("check_sent", url, data, tokens=tokens), calls, 0)
    return pace


def send_photos(url: str, data: Path, port: int, calls: int, clients: int) -> Pace:
    """The same with two photos in the one request, as a browser without scripts sends them."""
    tokens = run_inside("prepare_drafts", url, data, count=calls)["tokens"]
    sent = [photo_call(token) for token in tokens]
    pace = time_calls(port, sent, clients)
    body, headers = form(SENT)
    time_calls(
        port, [Call(f"/disputes/draft/{t}/", body, headers, expects=302) for t in tokens], clients
    )
    require_tickets(run_inside("check_sent", url, data, tokens=tokens), calls, 2 * calls)
    return pace


def photo_call(token: str) -> Call:
    boundary = f"bench{uuid.uuid4().hex}"
    fields = {
        "csrfmiddlewaretoken": "b" * 32,
        "step": "proof",
        "kind": "payment_screenshot",
        "go": "next",
        "description": SENT["description"],
    }
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    for number in range(2):
        head = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="files"; '
            f'filename="{number}.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'
        )
        parts.append(head.encode() + photo() + b"\r\n")
    body = b"".join([*parts, f"--{boundary}--\r\n".encode()])
    headers = {
        "Content-Type": f"multipart/form-data; boundary={boundary}",
        "Cookie": f"csrftoken={'b' * 32}",
    }
    return Call(f"/disputes/draft/{token}/", body, headers, expects=302)


def require_tickets(found: dict[str, int], tickets: int, files: int) -> None:
    if found != {"tickets": tickets, "files": files}:
        raise NothingMeasured(f"{tickets} disputes with {files} files were sent, there are {found}")


def post_to_peer(peer: Peer, calls: int, clients: int) -> Pace:
    """This function will file tickets with the peer, whose ten thousand are there already."""
    filled = peer.fill(10_000, mixed=True)
    port = free_port()
    server = peer.serve(port)
    try:
        wait_until(lambda: answers(port, PEER_FORM), 300)
        token, cookie = read_token(port)
        sent = [peer_call(token, cookie, filled, number) for number in range(calls)]
        time_calls(port, sent[:clients], clients)
        return time_calls(port, sent, clients)
    finally:
        server.terminate()
        server.wait(20)


def read_token(port: int) -> tuple[str, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", PEER_FORM)
    answer = connection.getresponse()
    text = answer.read().decode()
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', text)
    cookie = re.search(r"csrftoken=([^;]+)", answer.headers["Set-Cookie"] or "")
    connection.close()
    assert found, "the peer's form has no token"
    assert cookie, "the peer's form has no cookie"
    return found[1], cookie[1]


def peer_call(token: str, cookie: str, filled: dict[str, Any], number: int) -> Call:
    body, headers = form(
        {
            "csrfmiddlewaretoken": token,
            "queue": str(filled["queue"]),
            "title": f"Refund dispute {number}",
            "body": "The credit never arrived. " * 10,
            "priority": "3",
            "submitter_email": f"c{number}@example.test",
            "due_date": "",
        }
    )
    return Call(PEER_FORM, body, headers | {"Cookie": f"csrftoken={cookie}"}, expects=302)


def count_statements(result: Result, url: str, data: Path) -> None:
    token = run_inside("prepare_drafts", url, data, count=1)["tokens"][0]
    found = run_inside("count_send", url, data, token=token, body=SENT)
    count, begun = found["statements"], found["transactions"]
    result.row("statements of one dispute without files", count, "statements")
    result.row("its transactions", begun, "transactions")
    target = f"<= {GOAL_STATEMENTS}"
    result.goal("statements of one dispute", target, count, count <= GOAL_STATEMENTS)
    result.goal("transactions of one dispute", "1", begun, begun == 1)
