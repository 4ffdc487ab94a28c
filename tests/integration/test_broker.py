"""A broker that hangs up on whoever calls: the caller is told so, and does not ask again before the next sweep."""

import socketserver
from collections.abc import Iterator
from threading import Thread

import pytest
from celery import Celery

from team_notifications import broker as module
from team_notifications.broker import Broker


class HangsUp(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self) -> None:
        self.calls = 0
        super().__init__(("127.0.0.1", 0), socketserver.BaseRequestHandler)

    def process_request(self, request: object, client_address: object) -> None:
        self.calls += 1
        super().process_request(request, client_address)  # type: ignore[arg-type]


@pytest.fixture
def server() -> Iterator[HangsUp]:
    with HangsUp() as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def app(server: HangsUp) -> Iterator[Celery]:
    with Celery("calls", broker=f"redis://127.0.0.1:{server.server_address[1]}/0", set_as_current=False) as app:
        app.conf.broker_transport_options = {"socket_connect_timeout": 1, "socket_timeout": 2, "max_retries": 0}
        yield app


def do_nothing() -> None:
    """For whoever gets the message."""


def test_a_broker_that_was_down_a_moment_ago_is_not_asked_again(
    app: Celery, server: HangsUp, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    task, broker = app.task(do_nothing), Broker()
    assert broker.call(task) is False
    assert "The broker does not answer" in caplog.text
    asked = server.calls
    assert asked
    assert broker.call(task) is False
    assert server.calls == asked
    monkeypatch.setattr(module, "monotonic", lambda: float("inf"))  # when the pause is over
    assert broker.call(task) is False
    assert server.calls > asked
