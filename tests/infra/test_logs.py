"""Addresses that are keys stay out of the logs."""

import logging

import pytest

from helpdesk.logs import HideKeys


@pytest.mark.parametrize(
    ("path", "logged"),
    [
        ("/t/ShD9fwxp8-hUAd1wLATbwnD7DMNONKSM/reply/", "/t/ShD9fw.../reply/"),
        (
            "/disputes/draft/DhAksO9exrLvvmocXPm6/?step=proof",
            "/disputes/draft/DhAksO.../?step=proof",
        ),
        ("/orders/IjI2ZmNlYzg2NGVmNDR:1xW4jF:kY4tFZ/", "/orders/IjI2Zm.../"),
        ("/disputes/new/?order=IjI2ZmNlYzg2NGVm", "/disputes/new/?order=IjI2Zm..."),
        ("/orders/lookup/", "/orders/lookup/"),
        ("/api/v1/orders/LT202611251023001", "/api/v1/orders/LT202611251023001"),
        ("/api/v1/tickets/D26112588KJV8", "/api/v1/tickets/D26112588KJV8"),
    ],
)
def test_a_token_is_cut_short(path: str, logged: str):
    record = logging.LogRecord(
        "django.request", logging.WARNING, "", 0, "%s: %s", ("Bad Request", path), None
    )
    assert HideKeys().filter(record)
    assert record.getMessage() == f"Bad Request: {logged}"


def test_every_record_that_is_written_passes_it(settings):
    assert settings.LOGGING["handlers"]["console"]["filters"] == ["hide_keys"]
