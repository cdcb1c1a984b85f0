"""Reports: how promises were kept, by whom and by what, as a page and as a sheet."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from orders.admin.cells import yuan
from orders.models import Payment
from tickets.admin.charts import chart
from tickets.admin.dashboard import write_share
from tickets.admin.edge import name_of, now_of
from tickets.admin.sheets import as_sheet
from tickets.models import Ticket
from tickets.report_rows import GROUPS, Row, report, total
from tickets.reports import LONGEST, Period

LABELS: dict[str, Any] = {
    "agent": gettext_lazy("agent"),
    "supplier": gettext_lazy("supplier"),
    "channel": gettext_lazy("payment channel"),
    "product": gettext_lazy("product"),
    "cause": gettext_lazy("cause"),
    "hour": gettext_lazy("hour of opening"),
}
DAYS = (7, 30, 90)
SHOWN_BARS = 12


def day_input() -> forms.DateInput:
    return forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


class PeriodForm(forms.Form):
    """Which days, and grouped by what. Days win over ``days`` when both are given."""

    by = forms.ChoiceField(
        label=gettext_lazy("Grouped by"),
        choices=[(code, LABELS[code]) for code in GROUPS],
    )
    first = forms.DateField(label=gettext_lazy("From"), widget=day_input())
    last = forms.DateField(label=gettext_lazy("To"), widget=day_input())

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        first, last = data.get("first"), data.get("last")
        if first and last and last < first:
            self.add_error("last", _("Lies before the first day."))
        elif first and last and (last - first).days >= LONGEST:
            self.add_error("last", _("At most %(limit)s days.") % {"limit": LONGEST})
        return data


@dataclass(frozen=True)
class Asked:
    form: PeriodForm
    by: str
    #: None when what was asked for cannot be.
    period: Period | None


def read_asked(request: HttpRequest, *, now: datetime) -> Asked:
    """This function will read what is asked for; a link may leave out anything."""
    given = request.GET
    days = given.get("days", "")
    length = int(days) if days.isascii() and days.isdigit() and 0 < int(days[:4]) <= LONGEST else 30
    usual = Period.of_days(length, now=now)
    data = {
        "by": given.get("by") or "agent",
        "first": given.get("first") or usual.first.isoformat(),
        "last": given.get("last") or usual.last.isoformat(),
    }
    form = PeriodForm(data)
    if not form.is_valid():
        return Asked(form, data["by"] if data["by"] in GROUPS else "agent", None)
    first: date = form.cleaned_data["first"]
    return Asked(form, form.cleaned_data["by"], Period(first, form.cleaned_data["last"]))


def fill_report(request: HttpRequest) -> dict[str, Any]:
    """This function will collect what the page of reports shows."""
    now = now_of(request)
    asked = read_asked(request, now=now)
    rows = report(asked.by, asked.period, now=now) if asked.period else []
    names = name_keys(asked.by, rows)
    lines = [tell_row(row, names) for row in rows]
    query = request.GET.copy()
    query["format"] = "csv"
    return {
        "title": _("Reports"),
        "form": asked.form,
        "by_label": LABELS[asked.by],
        "period": asked.period,
        "lines": lines,
        "total": tell_row(total(rows), {"": _("Total")}) if rows else None,
        "chart": chart_rows(rows, names),
        "sheet": f"?{query.urlencode()}",
        "shortcuts": [{"days": days, "by": asked.by} for days in DAYS],
    }


def send_report(request: HttpRequest) -> HttpResponse | None:
    """This function will send the report as a sheet; None when what was asked for cannot be."""
    now = now_of(request)
    asked = read_asked(request, now=now)
    if asked.period is None:
        return None
    rows = report(asked.by, asked.period, now=now)
    names = name_keys(asked.by, rows)
    first, last = asked.period.first, asked.period.last
    header = [str(LABELS[asked.by]), *(str(title) for title in COLUMNS)]
    return as_sheet(
        f"{asked.by}-{first}-{last}",
        header,
        [[names.get(row.key, row.key), *write_cells(row)] for row in rows],
    )


COLUMNS = (
    gettext_lazy("opened"),
    gettext_lazy("promises kept"),
    gettext_lazy("promises broken"),
    gettext_lazy("promises given up"),
    gettext_lazy("kept, percent"),
    gettext_lazy("late first replies"),
    gettext_lazy("late handling"),
    gettext_lazy("refunds settled"),
    gettext_lazy("refunded (yuan)"),
)


def write_cells(row: Row) -> list[object]:
    share = row.promise.share
    return [
        row.opened,
        row.promise.kept,
        row.promise.broken,
        row.promise.given_up,
        "" if share is None else round(100 * share, 2),
        row.late_replies,
        row.late_handling,
        row.refunds,
        f"{row.refunded_fen // 100}.{row.refunded_fen % 100:02d}",
    ]


def tell_row(row: Row, names: dict[Any, str]) -> dict[str, Any]:
    return {
        "name": names.get(row.key, row.key),
        "row": row,
        "share": write_share(row.promise),
        "amount": yuan(row.refunded_fen),
    }


def name_keys(by: str, rows: list[Row]) -> dict[Any, str]:
    """This function will put what rows are grouped by into words."""
    unknown = {None: _("nobody") if by == "agent" else _("not known")}
    if by == "agent":
        people = User.objects.filter(pk__in=[row.key for row in rows if row.key is not None])
        return unknown | {user.pk: name_of(user) for user in people}
    choices = {"channel": Payment.Channel.choices, "cause": Ticket.Cause.choices}.get(by, [])
    hours = {hour: f"{hour:02d}:00–{hour:02d}:59" for hour in range(24)} if by == "hour" else {}
    return unknown | {code: str(label) for code, label in choices} | hours


def chart_rows(rows: list[Row], names: dict[Any, str]) -> dict[str, str]:
    """The first lines as bars; all of them stand in the table."""
    shown = rows if len(rows) <= 24 and rows and isinstance(rows[0].key, int) else rows[:SHOWN_BARS]
    return chart(
        [str(names.get(row.key, row.key))[:16] for row in shown],
        (_("kept"), "#1f9d55", [row.promise.kept for row in shown]),
        (_("broken"), "#d32531", [row.promise.broken for row in shown]),
    )
