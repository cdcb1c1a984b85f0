"""Every page a customer can come to, in every state that looks different."""

import pytest
from django.core.cache import cache
from playwright.sync_api import Browser

from helpdesk import clock
from tests.browser.looking import EYES, look
from tests.browser.stages import STAGES, Stage
from tests.stories import Desk

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def stage(desk: Desk) -> Stage:
    cache.clear()
    return Stage(desk, clock.now())


@pytest.mark.parametrize("name", STAGES)
def test_nothing_is_wrong_with(name: str, stage: Stage, browser: Browser, live_server):
    path = STAGES[name](stage)
    faults = []
    for eye in EYES:
        context = eye.open(browser)
        stage.prove_device(context, live_server.url)
        found = look(context, f"{live_server.url}{path}", f"{name}-{eye}")
        faults += [f"{eye}: {fault}" for fault in found]
        context.close()
    assert faults == []
