"""The bars of the dashboard and the reports."""

import json
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tickets.reports import Kept

#: Stretches of what is left of the promise, each up to its hours.
LEFT: tuple[tuple[str, Any, int], ...] = (
    ("over", gettext_lazy("over"), 0),
    ("h2", gettext_lazy("under 2 h"), 2),
    ("h8", gettext_lazy("2 to 8 h"), 8),
    ("h24", gettext_lazy("8 to 24 h"), 24),
)
#: Without a file that proves it no promise runs; with a long policy one may run for longer.
LEFT_ELSE = (("more", gettext_lazy("over 24 h")), ("none", gettext_lazy("not running")))
LEVEL_COLOURS = {"agent": "#3b75f6", "supervisor": "#d98311", "referred": "#b3121d"}


def chart_days(days: dict[Any, Kept]) -> dict[str, str]:
    return chart(
        [f"{day:%m-%d}" for day in days],
        (_("kept"), "#1f9d55", [kept.kept for kept in days.values()]),
        (_("broken"), "#d32531", [kept.broken for kept in days.values()]),
    )


def chart(labels: list[str], *series: tuple[Any, str, list[int]]) -> dict[str, str]:
    """This function will write stacked bars as the skin's chart.js reads them."""
    ticks = {"color": "#7c8698", "precision": 0, "maxRotation": 0}
    scales = {
        "x": {"stacked": True, "ticks": ticks, "grid": {"display": False}},
        "y": {"stacked": True, "beginAtZero": True, "ticks": ticks},
    }
    legend = {"position": "bottom", "labels": {"color": "#7c8698", "boxWidth": 14}}
    options = {"maintainAspectRatio": False, "animation": False, "scales": scales}
    datasets = [
        {"label": str(name), "backgroundColor": colour, "data": data, "maxBarThickness": 36}
        for name, colour, data in series
    ]
    return {
        "data": json.dumps({"labels": labels, "datasets": datasets}),
        "options": json.dumps({**options, "plugins": {"legend": legend}}),
    }


def left_labels() -> list[tuple[str, Any]]:
    return [*((code, label) for code, label, _hours in LEFT), *LEFT_ELSE]


def chart_levels(levels: list[dict[str, Any]]) -> dict[str, str]:
    return chart(
        [str(label) for _code, label in left_labels()],
        *((level["label"], LEVEL_COLOURS[level["code"]], level["cells"]) for level in levels),
    )
