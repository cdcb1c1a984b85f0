"""Input that is checked to the letter: unknown names, fractions of a fen, times without a zone.

Every refusal names the field and, where there is one, the limit (`LimitedCode.limit`).
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils.dateparse import parse_duration
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.fields import empty
from rest_framework.settings import api_settings

#: 100 million yuan: more than any order, less than what a 64-bit column holds.
MAX_FEN = 10_000_000_000
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
LATEST = datetime(2100, 1, 1, tzinfo=UTC)

#: Which attribute of a field is the limit that an error of this code speaks of.
LIMIT_OF_CODE = {
    "max_length": "max_length",
    "min_length": "min_length",
    "max_value": "max_value",
    "min_value": "min_value",
    "invalid_choice": "choices",
}


class LimitedCode(str):
    """An error's code that knows the limit the error speaks of. It travels in the code, as DRF
    copies text and code of an error from level to level and nothing else."""

    limit: Any

    def __new__(cls, code: str, limit: Any) -> "LimitedCode":
        limited = super().__new__(cls, code)
        limited.limit = limit
        return limited


class LimitedDetail(ErrorDetail):
    def __new__(cls, text: str, code: str | None, limit: Any) -> "LimitedDetail":
        return super().__new__(cls, text, LimitedCode(code or "invalid", limit))


def with_limits(errors: Any, field: serializers.Field | None) -> Any:
    """This function will add to a field's errors the limit each of them speaks of."""
    if isinstance(errors, dict):
        if isinstance(field, serializers.ListField):
            return {place: with_limits(inner, field.child) for place, inner in errors.items()}
        own = api_settings.NON_FIELD_ERRORS_KEY
        return errors | ({own: with_limits(errors[own], field)} if own in errors else {})
    if not isinstance(errors, list):
        return errors
    return [with_limit(error, field) for error in errors]


def with_limit(error: Any, field: serializers.Field | None) -> Any:
    name = LIMIT_OF_CODE.get(getattr(error, "code", None) or "")
    limit = getattr(field, name, None) if name else None
    if limit is None or not isinstance(error, ErrorDetail):
        return error
    limit = list(limit) if isinstance(limit, Mapping) else limit
    return LimitedDetail(str(error), error.code, limit)


class StrictSerializer(serializers.Serializer):
    """Refuses names it does not know: a misspelt field must not be a silent default."""

    def run_validation(self, data: Any = empty) -> Any:
        if data is None and self.parent is None:
            raise non_field(_("Send a JSON object."), "invalid")
        return super().run_validation(data)

    def to_internal_value(self, data: Any) -> Any:
        errors: dict[str, Any] = {}
        if isinstance(data, Mapping):
            errors = {str(name): [unknown_field()] for name in data if name not in self.fields}
        try:
            value = super().to_internal_value(data)
        except ValidationError as refused:
            if not isinstance(refused.detail, dict):
                raise
            for name, found in refused.detail.items():
                errors[str(name)] = with_limits(found, self.fields.get(name))
        if errors:
            raise ValidationError(errors)
        return value


def unknown_field() -> ErrorDetail:
    return ErrorDetail(str(_("This name is not known here.")), code="unknown_field")


def non_field(message: object, code: str) -> ValidationError:
    return ValidationError({api_settings.NON_FIELD_ERRORS_KEY: [ErrorDetail(str(message), code)]})


class FenField(serializers.Field):
    """Money: a whole number of fen, never a float, never a string."""

    default_error_messages = {
        "invalid": _("Write the amount as a whole number of fen, such as 1250 for 12.50 yuan."),
        "min_value": _("The amount must be at least {limit} fen."),
        "max_value": _("The amount must be at most {limit} fen."),
    }

    def __init__(self, *, min_value: int = 0, max_value: int = MAX_FEN, **kwargs: Any) -> None:
        self.min_value = min_value
        self.max_value = max_value
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> int:
        if not isinstance(data, int) or isinstance(data, bool):
            self.fail("invalid")
        if data < self.min_value:
            self.fail("min_value", limit=self.min_value)
        if data > self.max_value:
            self.fail("max_value", limit=self.max_value)
        return int(data)

    def to_representation(self, value: int) -> int:
        return value


class StrictBooleanField(serializers.BooleanField):
    """JSON's true and false; not "yes", not 1."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class StrictCharField(serializers.CharField):
    """Text; a number is not quietly turned into text, as it may have lost digits already."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class MomentField(serializers.DateTimeField):
    """An instant with its zone, within this century. The words of a clock without a zone are
    refused: eight hours decide whether a promise was kept."""

    default_error_messages = {
        "no_zone": _("Write the time with its zone, such as 2026-11-24T14:30:00+08:00."),
        "out_of_range": _("The time must lie between the years 2000 and 2100."),
    }

    def enforce_timezone(self, value: datetime) -> datetime:
        if value.tzinfo is None:
            self.fail("no_zone")
        if not EARLIEST <= value < LATEST:
            self.fail("out_of_range")
        return super().enforce_timezone(value)


ISO_DURATION = re.compile(r"P(?!$)(\d+D)?(T(?!$)(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?")


class IsoDurationField(serializers.Field):
    """A length of time in ISO 8601, such as PT1H or P3D."""

    default_error_messages = {
        "invalid": _("Write the duration in ISO 8601, such as PT30M, PT1H or P3D."),
        "max_value": _("The duration must be at most {limit}."),
    }

    def __init__(self, *, max_value: str = "P366D", **kwargs: Any) -> None:
        self.max_value = max_value
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> timedelta:
        if not isinstance(data, str) or len(data) > 40 or not ISO_DURATION.fullmatch(data):
            self.fail("invalid")
        try:
            value = parse_duration(data)
        except OverflowError:
            value = timedelta.max
        longest = parse_duration(self.max_value)
        if value is None or longest is None:
            self.fail("invalid")
        if value > longest:
            self.fail("max_value", limit=self.max_value)
        return value

    def to_representation(self, value: timedelta) -> str:
        return iso_duration(value)


def iso_duration(value: timedelta) -> str:
    """This function will write a duration in its shortest form: PT1H, P3D, P1DT12H, PT0S."""
    hours, rest = divmod(value.seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    fraction = f".{value.microseconds:06d}".rstrip("0") if value.microseconds else ""
    clock = f"{hours}H" if hours else ""
    clock += f"{minutes}M" if minutes else ""
    clock += f"{seconds}{fraction}S" if seconds or fraction else ""
    days = f"{value.days}D" if value.days else ""
    return f"P{days}{'T' + clock if clock else ''}" if days or clock else "PT0S"
