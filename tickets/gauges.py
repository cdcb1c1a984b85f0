"""The desk in numbers for Prometheus: counted by the database when asked, kept nowhere."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, DurationField, ExpressionWrapper, F, Min, Q, Sum
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from orders.models import OrderEvent, Refund
from tickets.models import Deadline, FactCheck, Notice, SweepBeat, Ticket
from tickets.watchdog import RECONCILERS

LATENESS_WINDOW = timedelta(hours=1)
#: Upper bounds in seconds. A healthy desk fires within two; the last ones are alarms.
LATENESS_BUCKETS = (0.5, 1, 2, 3, 5, 10, 30, 60, 300, 3600)


def write_metrics(*, now: datetime) -> bytes:
    """This function will ask the database and write the answers in Prometheus' text format."""
    registry = CollectorRegistry()
    registry.register(Desk(now))
    return generate_latest(registry)


class Desk(Collector):
    def __init__(self, now: datetime) -> None:
        self.now = now

    def describe(self) -> Iterator[Metric]:
        # Otherwise registering would collect once to learn the names: every query twice.
        return iter(())

    def collect(self) -> Iterator[Metric]:
        yield from self.sweeps()
        yield self.outboxes()
        yield self.disputes()
        yield self.refunds()
        yield self.reconcilers()
        yield self.lateness()

    def age(self, since: datetime | None) -> float:
        return max((self.now - since).total_seconds(), 0.0) if since is not None else 0.0

    def sweeps(self) -> Iterator[Metric]:
        beats = GaugeMetricFamily(
            "desk_sweep_age_seconds", "Since each driver's last sweep", labels=["driver"]
        )
        for name, last in SweepBeat.objects.values_list("name", "last_ok_at"):
            beats.add_metric([name], self.age(last))
        yield beats
        due = Deadline.objects.filter(
            state=Deadline.State.PENDING, quarantined_at__isnull=True, due_at__lte=self.now
        ).aggregate(oldest=Min("due_at"), count=Count("pk"))
        yield GaugeMetricFamily(
            "desk_oldest_due_age_seconds",
            "Of the oldest clock that is due and waits",
            value=self.age(due["oldest"]),
        )
        yield GaugeMetricFamily(
            "desk_deadlines_overdue", "Clocks that are due and wait", value=due["count"]
        )
        set_aside = Deadline.objects.filter(quarantined_at__isnull=False, state="pending").count()
        yield GaugeMetricFamily(
            "desk_deadlines_quarantined", "Clocks set aside as they raised", value=set_aside
        )

    def outboxes(self) -> Metric:
        ages = GaugeMetricFamily(
            "desk_outbox_age_seconds", "Of the oldest row that waits", labels=["outbox"]
        )
        for name, oldest in (
            ("notices", Notice.objects.filter(state="pending").aggregate(at=Min("created_at"))),
            ("order_events", OrderEvent.objects.filter(consumed_at=None).aggregate(at=Min("at"))),
            (
                "fact_checks",
                FactCheck.objects.filter(decided_at=None).aggregate(at=Min("requested_at")),
            ),
        ):
            ages.add_metric([name], self.age(oldest["at"]))
        return ages

    def disputes(self) -> Metric:
        open_tickets = GaugeMetricFamily(
            "desk_tickets_open", "Disputes somebody owes something", labels=["level"]
        )
        counts = dict.fromkeys(Ticket.Level.values, 0) | dict(
            Ticket.objects.filter(status__in=Ticket.OPEN_STATUSES, is_drill=False)
            .order_by()
            .values_list("level")
            .annotate(Count("pk"))
        )
        for level, count in counts.items():
            open_tickets.add_metric([level], count)
        return open_tickets

    def refunds(self) -> Metric:
        by_state = GaugeMetricFamily(
            "desk_refunds", "Refunds that are not settled", labels=["state"]
        )
        counts = dict.fromkeys(Refund.HOLDING_STATES, 0) | dict(
            Refund.objects.filter(state__in=Refund.HOLDING_STATES)
            .order_by()
            .values_list("state")
            .annotate(Count("pk"))
        )
        for state, count in counts.items():
            by_state.add_metric([str(state)], count)
        return by_state

    def reconcilers(self) -> Metric:
        found = GaugeMetricFamily(
            "desk_reconciler", "Rows that should not exist; the target is 0", labels=["name"]
        )
        for name, reconciler in RECONCILERS.items():
            found.add_metric([name], reconciler(self.now))
        return found

    def lateness(self) -> Metric:
        """One aggregate over what fired within the last hour; drills are not counted."""
        fired = Deadline.objects.filter(
            fired_at__gt=self.now - LATENESS_WINDOW, state=Deadline.State.FIRED
        ).exclude(ticket__is_drill=True)
        late = ExpressionWrapper(F("fired_at") - F("due_at"), output_field=DurationField())
        bounds: dict[str, Any] = {
            f"within_{place}": Count(
                "pk", filter=Q(fired_at__lte=F("due_at") + timedelta(seconds=bound))
            )
            for place, bound in enumerate(LATENESS_BUCKETS)
        }
        found = fired.aggregate(count=Count("pk"), sum=Sum(late), **bounds)
        buckets = [
            (str(float(bound)), found[f"within_{place}"])
            for place, bound in enumerate(LATENESS_BUCKETS)
        ]
        return HistogramMetricFamily(
            "desk_deadline_lateness_seconds",
            "Between due and fired, of clocks fired within the last hour",
            buckets=[*buckets, ("+Inf", found["count"])],
            sum_value=(found["sum"] or timedelta()).total_seconds(),
        )
