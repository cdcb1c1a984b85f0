import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.markup import escape

from helpdesk import clock
from tickets.drill.gateway import NoSimulator, Simulator, find_simulator
from tickets.drill.scenes import CLOCKS, SCENES, Scene
from tickets.drill.stage import (
    Play,
    clear_stage,
    desk_is_running,
    find_agent,
    open_plays,
    play_agent,
)
from tickets.drill.verdict import Check, is_over, judge, largest_lateness
from tickets.models import Event

#: Not ready to be drilled; a drill that failed exits with 1.
NOT_READY = 2
LOOK_EVERY_S = 0.2
AGENT_ACTS_AFTER_S = 1.0
#: After the last clock of the policy: a message that still has to leave, a slow machine.
PATIENCE_S = 30.0
#: What of an event's data tells a reader something, in this order.
TOLD = ("kind", "to", "by", "outcome", "decision", "refund_no", "top_up_no", "amount_fen", "code")
COLOURS = {"A": "cyan", "B": "magenta", "C": "yellow"}


class Command(BaseCommand):
    help = (
        "Lets synthetic disputes live their whole lives on the running desk, in about a minute. "
        "Exit code 0 when every step came, in time, once; 1 when not; 2 when no desk runs."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--tolerance", type=float, default=3.0, help="seconds a clock may fire late (3)"
        )
        parser.add_argument(
            "--email",
            default="" if settings.EMAIL_URL else "drill@example.com",
            help="where the drill's customer gets mail; left out where real mail would leave",
        )

    def handle(self, *args: Any, tolerance: float, email: str, **options: Any) -> None:
        console = Console(file=self.stdout, highlight=False)  # type: ignore[arg-type]  # writes
        agent = self.require_ready()
        simulator = self.look_for_money(console)
        scenes = tuple(scene for scene in SCENES if simulator or not scene.needs_money)
        try:
            plays = open_plays(scenes=scenes, simulator=simulator, email=email, clock=clock.now)
        except NoSimulator as error:
            raise CommandError(f"No drill: {error}.", returncode=NOT_READY) from None
        with clearing(plays, console):
            announce(console, plays)
            watch(console, plays, agent=agent, with_money=simulator is not None)
            checks = judge(plays, simulator=simulator, tolerance_s=tolerance)
        passed = say_verdict(console, plays, checks)
        if simulator is None:
            console.print("[yellow]Steps with money were left out, as said above.[/]")
        if not passed:
            sys.exit(1)

    def require_ready(self) -> User:
        if not desk_is_running(now=clock.now()):
            raise CommandError(
                "The desk is not running: no sweep within 15 s. Start it with ./run, then drill.",
                returncode=NOT_READY,
            )
        agent = find_agent()
        if agent is None:
            raise CommandError(
                "Nobody works disputes here: run setup_roles and add an agent, then drill.",
                returncode=NOT_READY,
            )
        return agent

    def look_for_money(self, console: Console) -> Simulator | None:
        try:
            return find_simulator()
        except NoSimulator as error:
            if settings.DEMO:
                raise CommandError(f"No drill: {error}.", returncode=NOT_READY) from None
            console.print(
                f"[yellow]Left out, as {error}: every step with money (requesting, settling and "
                "refusing refunds, and the dispute that lives by them). Clocks, levels, messages, "
                "the promise, the 12315 notice and the chain are drilled.[/]"
            )
            return None


@contextmanager
def clearing(plays: list[Play], console: Console) -> Iterator[None]:
    """Whatever happens, Ctrl-C included, no open dispute is left in the agents' queue."""
    try:
        yield
    finally:
        for line in clear_stage(plays, clock=clock.now):
            console.print(f"[yellow]{line}[/]")


def announce(console: Console, plays: list[Play]) -> None:
    promise = ", ".join(f"{name} {seconds} s" for name, seconds in CLOCKS.items())
    console.print(f"Promises of this drill: {promise}.", soft_wrap=True)
    for play in plays:
        numbers = f"{play.ticket.number}  order {play.ticket.order.order_no}"
        console.print(f"{label(play.scene)}  {numbers}  {play.scene.title}", soft_wrap=True)
    console.print()


def watch(console: Console, plays: list[Play], *, agent: User, with_money: bool) -> None:
    """This function will print events as they come until every scene is over, or time is up."""
    started = time.monotonic()
    give_up_at = started + max(CLOCKS.values()) + PATIENCE_S
    waiting = [play for play in plays if play.scene.agent_acts]
    seen: dict[int, int] = {}
    while time.monotonic() < give_up_at:
        if waiting and time.monotonic() - started >= AGENT_ACTS_AFTER_S:
            play_agent(waiting.pop(), agent, with_money=with_money, clock=clock.now)
        print_new(console, plays, seen)
        if all(is_over(play) for play in plays):
            break
        time.sleep(LOOK_EVERY_S)
    print_new(console, plays, seen)


def print_new(console: Console, plays: list[Play], seen: dict[int, int]) -> None:
    fresh: list[tuple[Event, Play]] = []
    for play in plays:
        after = seen.get(play.ticket.pk, 0)
        events = list(play.ticket.events.filter(seq__gt=after).order_by("seq"))
        fresh += [(event, play) for event in events]
        if events:
            seen[play.ticket.pk] = events[-1].seq
    for event, play in sorted(fresh, key=lambda pair: pair[0].at):
        console.print(line_of(event, play), soft_wrap=True)


def line_of(event: Event, play: Play) -> str:
    since = (event.at - play.ticket.opened_at).total_seconds()
    said = [str(event.data[name]) for name in TOLD if event.data.get(name)]
    lateness = ""
    if (late_ms := event.data.get("late_ms")) is not None:
        lateness = f"[bold]{late_ms / 1000:.2f} s late[/]" if late_ms else "[bold]in time[/]"
    words = f"{event.kind:<24} {escape(' '.join(said)):<48}"
    return f"{label(play.scene)} {since:6.2f} s  {words} {lateness}".rstrip()


def label(scene: Scene) -> str:
    return f"[{COLOURS[scene.key]}]{scene.key}[/]"


def say_verdict(console: Console, plays: list[Play], checks: list[Check]) -> bool:
    """This function will print what was checked and say whether all of it passed."""
    console.print()
    for play in plays:
        own = [check for check in checks if check.scene == play.scene.key]
        steps = [check for check in own if check.is_step]
        came = sum(check.passed for check in steps)
        console.print(f"{label(play.scene)}  [bold]{play.scene.title}[/]", soft_wrap=True)
        console.print(f"   {mark(came == len(steps))} {came} of {len(steps)} steps came, once")
        for check in own:
            if not check.is_step or not check.passed:
                console.print(f"   {mark(check.passed)} {escape(check.text)}", soft_wrap=True)
    failed = sum(not check.passed for check in checks)
    latest = max(largest_lateness(list(play.ticket.events.all())) or 0.0 for play in plays)
    verdict = (
        f"[bold red]The drill FAILED: {failed} of {len(checks)} checks.[/]"
        if failed
        else "[bold green]The drill passed: every step came, in time, once.[/]"
    )
    console.print(f"\n{verdict} The latest clock fired {latest:.2f} s late.", soft_wrap=True)
    return not failed


def mark(passed: bool) -> str:
    return "[green]ok[/]    " if passed else "[bold red]FAILED[/]"
