"""A real HTTP server on this machine that misbehaves in every way an endpoint can."""

import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any

TICK = 0.02  # seconds between the bytes of an answer that drips


class Handler(BaseHTTPRequestHandler):
    server: "Server"

    def do_GET(self) -> None:
        self.server.requests.append(self.path)
        self.server.reached.append(self.connection.getsockname()[0])
        self.server.hosts.append(self.headers["Host"])
        answers: dict[str, Callable[[], None]] = {
            "/silent": self.wait,
            "/endless": self.endless,
            "/drip": self.drip,
            "/drip-headers": self.drip_headers,
            "/garbage": lambda: self.send(b"\x00\xffthis is not HTTP\r\n\r\n"),
            "/hang-up": lambda: None,
        }
        answer = answers.get(self.path.partition("?")[0], self.plain)
        with suppress(ConnectionError):
            answer()

    def do_POST(self) -> None:
        self.server.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.do_GET()

    def plain(self) -> None:
        """``/503`` answers with that status, ``/302?<location>`` with that redirect; anything else is well."""
        path, _, location = self.path.partition("?")
        name = path.strip("/")
        self.send_response(int(name) if name.isdecimal() else self.server.status)
        if location:
            self.send_header("Location", location)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.send(b"done\n")

    def wait(self) -> None:
        self.server.stopping.wait()

    def endless(self) -> None:
        self.send_response(200)
        self.end_headers()
        while not self.server.stopping.is_set():
            self.send(b"x" * 8192)

    def drip(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "100000")
        self.end_headers()
        while not self.server.stopping.wait(TICK):
            self.send(b"x")

    def drip_headers(self) -> None:
        self.send(b"HTTP/1.1 200 OK\r\n")
        while not self.server.stopping.wait(TICK):
            self.send(b"X-More: 1\r\n")

    def send(self, data: bytes) -> None:
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: tests look at `requests`."""


class Server(ThreadingHTTPServer):
    """Listens on a free port while it is a context manager. `requests` are the paths that were asked for."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, host: str = "127.0.0.1", certificate: Path | None = None) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.requests: list[str] = []
        self.reached: list[str] = []  # the address, of those this machine has, that each request came to
        self.hosts: list[str | None] = []  # the name that each request asked for
        self.bodies: list[bytes] = []  # of those that were posted
        self.status = 200
        self.stopping = Event()
        super().__init__((host, 0), Handler)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.socket = context.wrap_socket(self.socket, server_side=True)

    def server_bind(self) -> None:
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing: a client that hangs up is what some tests are about."""

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def url(self, path: str = "/", scheme: str = "http") -> str:
        return f"{scheme}://127.0.0.1:{self.port}{path}"

    def __enter__(self) -> "Server":
        Thread(target=self.serve_forever, kwargs={"poll_interval": TICK}, daemon=True).start()
        return self

    def __exit__(self, *exception: Any) -> None:
        self.stopping.set()
        self.shutdown()
        self.server_close()
