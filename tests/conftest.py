from collections.abc import Iterator

import pytest
from django.db import connection

from tests.cast import Cast, assemble
from tests.endpoint_server import Server


@pytest.fixture
def cast(db: None) -> Cast:
    """The fixed people and teams; see tests/cast.py."""
    return assemble()


@pytest.fixture
def endpoint() -> Iterator[Server]:
    """An HTTP server on this machine; see tests/endpoint_server.py."""
    with Server() as server:
        yield server


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("postgresql") and connection.vendor != "postgresql":
        pytest.skip("needs PostgreSQL: `make test` runs the suite there too")
    if item.get_closest_marker("once") and connection.vendor == "postgresql":
        pytest.skip("does not touch the database of the tests: runs on SQLite only")
