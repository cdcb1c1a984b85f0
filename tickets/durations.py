"""ISO 8601 durations of fixed length, as policies write them."""

import re
from datetime import timedelta

ISO_DURATION = re.compile(
    r"^P(?=.)(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?"
    r"(?:T(?=\d)(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+)S)?)?$"
)


def parse_duration(text: str) -> timedelta:
    """This function will read an ISO 8601 duration of weeks, days, hours, minutes and seconds.

    :raises ValueError: the text is none, or has months or years, whose length is not fixed.
    """
    match = ISO_DURATION.match(text)
    if match is None:
        raise ValueError(text)
    parts = {name: int(value) for name, value in match.groupdict(default="0").items()}
    try:
        return timedelta(**parts)
    except OverflowError:
        raise ValueError(text) from None


def format_duration(duration: timedelta) -> str:
    """This function will write a duration the way parse_duration reads it, e.g. ``PT30M``."""
    minutes, seconds = divmod(int(duration.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    time_part = "".join(
        f"{value}{unit}" for value, unit in ((hours, "H"), (minutes, "M"), (seconds, "S")) if value
    )
    return f"PT{time_part or '0S'}"
