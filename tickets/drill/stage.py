"""Setting the scenes up, playing the agent, and leaving nothing open behind."""

import io
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from orders.facts import OrderFacts, PaymentFacts
from orders.intake import put_order
from orders.models import Order, Payment
from orders.refusals import Refused
from tickets import remedies, transitions
from tickets.actors import Actor
from tickets.drill.gateway import CHANNEL, Simulator
from tickets.drill.scenes import POLICY, POLICY_CODE, SCENES, Scene
from tickets.evidence import receive_evidence
from tickets.intake import Contact, Dispute, open_ticket
from tickets.models import ServicePolicy, SweepBeat, Ticket
from tickets.policies import replace_policy
from tickets.policy_reader import read_policy
from tickets.watchdog import SWEEP_AGE

Clock = Callable[[], datetime]
WORDS = "Drill: paid, nothing arrived."


@dataclass(frozen=True)
class Play:
    """A scene and the dispute that it became."""

    scene: Scene
    ticket: Ticket


def desk_is_running(*, now: datetime) -> bool:
    return SweepBeat.objects.filter(last_ok_at__gte=now - SWEEP_AGE).exists()


def find_agent() -> User | None:
    """This function will find somebody who works disputes, rather an agent than the admin."""
    people = User.objects.with_perm(
        "tickets.work_ticket", backend="django.contrib.auth.backends.ModelBackend"
    )
    return people.order_by("is_superuser", "pk").first()


def lay_policy(*, now: datetime) -> None:
    """This function will see to the drill's own promises; nobody else's are touched."""
    kept = ServicePolicy.objects.filter(code=POLICY_CODE).first()
    if kept is None or kept.body != read_policy(POLICY).to_json():
        replace_policy(code=POLICY_CODE, body=POLICY, actor_label="system", now=now)


def open_plays(
    *, scenes: tuple[Scene, ...] = SCENES, simulator: Simulator | None, email: str, clock: Clock
) -> list[Play]:
    """This function will open the scenes' disputes, each with an order and proof of its own.

    :raises tickets.drill.gateway.NoSimulator: the payments cannot be made known.
    """
    lay_policy(now=clock())
    run = secrets.token_hex(4).upper()
    orders = [
        (scene, place_order(scene, run, simulator=simulator, now=clock())) for scene in scenes
    ]
    return [Play(scene, open_one(order, email=email, now=clock())) for scene, order in orders]


def place_order(scene: Scene, run: str, *, simulator: Simulator | None, now: datetime) -> Order:
    """Without a simulator the order has no payment: nothing could be refunded by mistake."""
    payments: tuple[PaymentFacts, ...] = ()
    trade_no, paid_at = f"DRILL{run}{scene.key}", now - timedelta(minutes=2)
    if simulator is not None:
        simulator.know_trade(trade_no=trade_no, amount_fen=scene.channel_fen, paid_at=paid_at)
        payments = (
            PaymentFacts(
                channel=CHANNEL,
                channel_trade_no=trade_no,
                amount_fen=scene.paid_fen,
                paid_at=paid_at,
                status=Payment.Status.PAID,
            ),
        )
    facts = OrderFacts(
        product_code="drill",
        product_name="Drill",
        product_kind=Order.ProductKind.INSTANT,
        arrival_within=timedelta(minutes=1),
        target_account=f"drill-{run.lower()}-{scene.key.lower()}",
        face_value_fen=scene.paid_fen,
        price_fen=scene.paid_fen,
        status=Order.Status.RECHARGING,
        facts_as_of=now,
        payments=payments,
    )
    order_no = f"DRILL-{run}-{scene.key}"
    return put_order(order_no=order_no, facts=facts, source=Order.Source.DRILL, now=now).order


def open_one(order: Order, *, email: str, now: datetime) -> Ticket:
    proof = receive_evidence(
        upload=SimpleUploadedFile("drill.png", draw_proof(), content_type="image/png"),
        kind="payment_screenshot",
        actor=Actor.customer(),
        now=now,
    )
    dispute = Dispute(
        category=Ticket.Category.NON_ARRIVAL,
        description=WORDS,
        contact=Contact(name="Drill", email=email),
        evidence_ids=(proof.pk,),
        intake=Ticket.Intake.DRILL,
        is_drill=True,
        policy_code=POLICY_CODE,
    )
    return open_ticket(order=order, dispute=dispute, actor=Actor.customer(), now=now).ticket


def draw_proof() -> bytes:
    picture = io.BytesIO()
    Image.new("RGB", (120, 160), "steelblue").save(picture, "PNG")
    return picture.getvalue()


def play_agent(play: Play, agent: User, *, with_money: bool, clock: Clock) -> None:
    """This function will do what an agent on duty would: answer, and give the money back."""
    ticket_id, actor = play.ticket.pk, Actor.of(agent)
    transitions.reply(ticket_id=ticket_id, text=WORDS, actor=actor, now=clock())
    if with_money:
        remedies.refund(
            ticket_id=ticket_id, amount_fen=None, reason="Drill", text="", actor=actor, now=clock()
        )
    else:
        transitions.resolve(
            ticket_id=ticket_id,
            outcome=Ticket.Outcome.CORRECTED,
            text=WORDS,
            actor=actor,
            now=clock(),
        )


def clear_stage(plays: list[Play], *, clock: Clock) -> list[str]:
    """This function will withdraw what is still open, and say what could not be."""
    left = []
    for play in plays:
        play.ticket.refresh_from_db()
        if not play.ticket.is_open:
            continue
        try:
            transitions.withdraw(
                ticket_id=play.ticket.pk, reason=WORDS, actor=Actor.customer(), now=clock()
            )
        except Refused as refused:
            left.append(f"{play.ticket.number} stays open: {refused}")
    return left
