"""`GET /stats/sla`: the numbers the supervisors see, from the same statements."""

from datetime import date, datetime
from typing import Any

from django.contrib.auth.models import User
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from helpdesk import clock
from orders.api.keys import Need
from orders.api.view import ApiView
from orders.strict import StrictSerializer
from tickets.api.tickets import READ
from tickets.report_rows import GROUPS, Row, report, total
from tickets.reports import LONGEST, Kept, Period, count_promises

DAYS = 30


class StatsQuery(StrictSerializer):
    """The last ``days`` local days, or those from ``first`` to ``last``."""

    days = serializers.IntegerField(min_value=1, max_value=LONGEST, required=False)
    first = serializers.DateField(required=False)
    last = serializers.DateField(required=False)
    by = serializers.ChoiceField(choices=list(GROUPS), required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        first, last = attrs.get("first"), attrs.get("last")
        if (first is None) != (last is None):
            missing = "last" if last is None else "first"
            raise serializers.ValidationError({missing: _("Give both days, or neither.")})
        if first is not None and last is not None:
            if "days" in attrs:
                raise serializers.ValidationError({"days": _("Give days, or first and last.")})
            check_days(first, last)
        return attrs


def check_days(first: date, last: date) -> None:
    if last < first:
        raise serializers.ValidationError({"last": _("Lies before the first day.")})
    if (last - first).days >= LONGEST:
        raise serializers.ValidationError(
            {"last": _("At most %(limit)s days.") % {"limit": LONGEST}}
        )


def period_of(asked: dict[str, Any], *, now: datetime) -> Period:
    if "first" in asked:
        return Period(asked["first"], asked["last"])
    return Period.of_days(asked.get("days", DAYS), now=now)


class KeptShown(serializers.Serializer):
    kept = serializers.IntegerField()
    broken = serializers.IntegerField()
    given_up = serializers.IntegerField()
    kept_share = serializers.FloatField(allow_null=True, help_text="Of those kept or broken.")


class SlaRowShown(serializers.Serializer):
    key = serializers.CharField(allow_null=True)
    opened = serializers.IntegerField()
    commitment = KeptShown()
    late_replies = serializers.IntegerField()
    late_handling = serializers.IntegerField()
    refunds = serializers.IntegerField()
    refunded_fen = serializers.IntegerField()


class PromisesShown(serializers.Serializer):
    commitment = KeptShown()
    first_reply = KeptShown()
    agent_resolution = KeptShown()
    supervisor_resolution = KeptShown()


class SlaShown(serializers.Serializer):
    first = serializers.DateField()
    last = serializers.DateField()
    promises = PromisesShown()
    opened = serializers.IntegerField()
    refunds = serializers.IntegerField()
    refunded_fen = serializers.IntegerField()
    rows = SlaRowShown(many=True, required=False, help_text="With `by`.")


class SlaStats(ApiView):
    needs = {"GET": Need(READ, "tickets.view_breach")}

    @extend_schema(operation_id="stats_sla", parameters=[StatsQuery], responses=SlaShown)
    def get(self, request: Request) -> Response:
        query, now = StatsQuery(data=request.query_params.dict()), clock.now()
        query.is_valid(raise_exception=True)
        asked = query.validated_data
        period = period_of(asked, now=now)
        promises = count_promises(period, now=now)
        rows = report(asked.get("by", "cause"), period, now=now)
        summed = total(rows)
        answer: dict[str, Any] = {
            "first": period.first.isoformat(),
            "last": period.last.isoformat(),
            "promises": {kind: show_kept(kept) for kind, kept in promises.items()},
            "opened": summed.opened,
            "refunds": summed.refunds,
            "refunded_fen": summed.refunded_fen,
        }
        if "by" in asked:
            names = usernames(rows) if asked["by"] == "agent" else {}
            answer["rows"] = [show_row(row, names) for row in rows]
        return Response(answer)


def usernames(rows: list[Row]) -> dict[Any, str]:
    people = User.objects.filter(pk__in=[row.key for row in rows if row.key is not None])
    return dict(people.values_list("pk", "username"))


def show_kept(kept: Kept) -> dict[str, Any]:
    share = None if kept.share is None else round(kept.share, 4)
    return {
        "kept": kept.kept,
        "broken": kept.broken,
        "given_up": kept.given_up,
        "kept_share": share,
    }


def show_row(row: Row, names: dict[Any, str]) -> dict[str, Any]:
    return {
        "key": None if row.key is None else names.get(row.key, str(row.key)),
        "opened": row.opened,
        "commitment": show_kept(row.promise),
        "late_replies": row.late_replies,
        "late_handling": row.late_handling,
        "refunds": row.refunds,
        "refunded_fen": row.refunded_fen,
    }
