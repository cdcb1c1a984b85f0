"""One desk for all of the contract's tests: as `./run` starts it, or one that runs already."""

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.contract.outsider import DEMO_POLICY, Outsider, ok
from tests.desk import Desk, fresh_database


@pytest.fixture(scope="package")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outsider]:
    """CONTRACT_DESK=<a demo desk's HELPDESK_DATA> holds the contract against that one."""
    given = os.environ.get("CONTRACT_DESK")
    if given:
        running = Desk(Path(given))
        running.output = Path(os.devnull)
        outsider = Outsider(running)
        running.port = urlsplit(outsider.demo["url"]).port or 80
        outsider = Outsider(running)
        ok(outsider.by("admin").put("/policies/default", DEMO_POLICY))
        yield outsider
        return
    folder = tmp_path_factory.mktemp("contract") / "data"
    folder.mkdir(mode=0o700)
    with fresh_database() as database_url:
        own = Desk(folder, database_url)
        try:
            own.start()
            outsider = Outsider(own)
            outsider.wait_for("the desk says that it is up", own.is_up, 240)
            yield outsider
        finally:
            own.stop()
