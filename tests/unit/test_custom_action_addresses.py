"""No request reaches a private network, however its address is written or its name resolved."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from ipaddress import ip_address
from typing import Any

import pytest

from custom_actions.addresses import may_be_asked
from custom_actions.checks import allowed_networks_are_networks
from custom_actions.fetch import REFUSED, Outcome, fetch
from tests.endpoint_server import Server

TIMEOUT = 5.0

HOSTILE_HOSTS = [
    "127.0.0.1",
    "127.0.0.2",
    "127.1",
    "127.0.1",
    "2130706433",  # decimal
    "0x7f000001",
    "0x7f.0.0.1",
    "017700000001",
    "0177.0.0.1",
    "127.0.0.1.",
    "127。0。0。1",
    "0",
    "0.0.0.0",
    "[::]",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[64:ff9b::127.0.0.1]",  # NAT64
    "[64:ff9b::7f00:1]",
    "[::127.0.0.1]",  # IPv4-compatible
    "[2002:7f00:1::]",  # 6to4
    "[fe80::1]",
    "[fe80::1%25lo]",
    "[fec0::1]",
    "[fc00::1]",
    "localhost",
    "LOCALHOST",
    "localhost.",
    "169.254.169.254",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.0.1",
    "100.64.0.1",
    "[::ffff:100.64.0.1]",
    "[::ffff:169.254.169.254]",
    "198.18.0.1",
    "224.0.0.1",
    "255.255.255.255",
]


@pytest.fixture
def everywhere() -> Iterator[Server]:
    """A server that each address of this machine leads to, IPv4 and IPv6."""
    with Server("::" if socket.has_dualstack_ipv6() else "0.0.0.0") as server:
        yield server


class Names:
    """Stands in for the resolver: each lookup of a name gives the next of its answers, and the last one for ever."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.answers: dict[str, list[list[str]]] = {}
        monkeypatch.setattr(socket, "getaddrinfo", self.look_up)

    def look_up(self, host: str | bytes, port: int | None, *args: Any, **kwargs: Any) -> list[tuple[Any, ...]]:
        name = host.decode() if isinstance(host, bytes) else host
        answers = self.answers.get(name, [[name]])
        addresses = answers.pop(0) if len(answers) > 1 else answers[0]
        return [self.entry(address, port) for address in addresses]

    def entry(self, address: str, port: int | None) -> tuple[Any, ...]:
        family, rest = (socket.AF_INET6, (0, 0)) if ":" in address else (socket.AF_INET, ())
        return family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, port, *rest)


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    return Names(monkeypatch)


def ask(url: str) -> Outcome:
    return asyncio.run(fetch(url, timeout=TIMEOUT))


@pytest.mark.parametrize("host", HOSTILE_HOSTS)
def test_no_spelling_of_a_private_address_is_asked(everywhere: Server, host: str) -> None:
    outcome = ask(f"http://{host}:{everywhere.port}/")
    assert not outcome.is_up
    assert outcome.status_code is None
    assert everywhere.requests == []


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "innocent.example", "both.example"])
def test_a_refusal_does_not_tell_open_ports_from_closed_ones(names: Names, host: str) -> None:
    inside, both = [["127.0.0.1"]], [["1.1.1.1", "127.0.0.1"]]
    names.answers = {"localhost": inside, "innocent.example": inside, "both.example": both}
    with listening() as listener:
        port = listener.getsockname()[1]
        of_an_open_port = ask(f"http://{host}:{port}/").reason
        assert connections(listener) == 0
    of_a_closed_port = ask(f"http://{host}:{port}/").reason
    assert of_an_open_port == of_a_closed_port == REFUSED


def test_a_name_that_leads_inside_the_second_time_is_not_looked_up_again(names: Names, settings: Any) -> None:
    settings.CUSTOM_ACTIONS_ALLOWED_PRIVATE_NETWORKS = ["127.0.0.2/32"]  # plays the public internet
    names.answers["rebinding.example"] = [["127.0.0.2"], ["127.0.0.1"]]
    with listening() as listener:
        assert not ask(f"http://rebinding.example:{listener.getsockname()[1]}/").is_up
        assert connections(listener) == 0


@contextmanager
def listening() -> Iterator[socket.socket]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.setblocking(False)
        yield listener


def connections(listener: socket.socket) -> int:
    """How many were made, those that were closed again included."""
    count = 0
    with suppress(BlockingIOError):
        while True:
            listener.accept()[0].close()
            count += 1
    return count


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
def test_a_name_that_leads_inside_is_not_asked(everywhere: Server, names: Names, address: str) -> None:
    names.answers["innocent.example"] = [[address]]
    outcome = ask(f"http://innocent.example:{everywhere.port}/")
    assert not outcome.is_up
    assert everywhere.requests == []


def test_a_name_that_leads_elsewhere_the_second_time_is_asked_where_it_was_checked(
    everywhere: Server, names: Names, settings: Any
) -> None:
    settings.CUSTOM_ACTIONS_ALLOWED_PRIVATE_NETWORKS = ["127.0.0.2/32"]  # plays the public internet
    names.answers["rebinding.example"] = [["127.0.0.2"], ["127.0.0.1"]]
    assert ask(f"http://rebinding.example:{everywhere.port}/").is_up
    assert [address.removeprefix("::ffff:") for address in everywhere.reached] == ["127.0.0.2"]


def test_a_name_with_several_addresses_is_asked_at_the_first_that_takes_the_connection(
    names: Names, settings: Any
) -> None:
    settings.CUSTOM_ACTIONS_ALLOWED_PRIVATE_NETWORKS = ["127.0.0.0/8"]
    names.answers["two.example"] = [["127.0.0.2", "127.0.0.1"]]
    with Server("127.0.0.1") as server:
        assert ask(f"http://two.example:{server.port}/").is_up
        assert server.hosts == [f"two.example:{server.port}"]


@pytest.mark.parametrize("addresses", [["127.0.0.1", "127.0.0.2"], ["127.0.0.2", "127.0.0.1"]])
def test_a_name_with_an_address_on_either_side_is_not_asked(
    everywhere: Server, names: Names, settings: Any, addresses: list[str]
) -> None:
    settings.CUSTOM_ACTIONS_ALLOWED_PRIVATE_NETWORKS = ["127.0.0.2/32"]
    names.answers["both.example"] = [addresses]
    ask(f"http://both.example:{everywhere.port}/")
    assert everywhere.reached == []


def test_a_proxy_of_the_environment_is_not_used(everywhere: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{everywhere.port}")
    monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{everywhere.port}")
    ask("http://127.0.0.1:9/")
    assert everywhere.requests == []


def test_an_allowed_network_is_asked_and_the_others_are_not(endpoint: Server, settings: Any) -> None:
    settings.CUSTOM_ACTIONS_ALLOWED_PRIVATE_NETWORKS = ["10.0.0.0/8"]
    assert not ask(endpoint.url()).is_up
    settings.CUSTOM_ACTIONS_ALLOWED_PRIVATE_NETWORKS = ["10.0.0.0/8", "127.0.0.0/8"]
    assert ask(endpoint.url()).is_up


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="needs IPv6")
def test_an_allowed_ipv6_address_is_asked(everywhere: Server, settings: Any) -> None:
    settings.CUSTOM_ACTIONS_ALLOWED_PRIVATE_NETWORKS = ["::1/128"]
    assert ask(f"http://[::1]:{everywhere.port}/").is_up
    assert everywhere.hosts == [f"[::1]:{everywhere.port}"]


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700:4700::1111", "::ffff:1.1.1.1", "64:ff9b::1.1.1.1"])
def test_public_addresses_may_be_asked(address: str) -> None:
    assert may_be_asked("name", ip_address(address), 443)


@pytest.mark.parametrize(
    "address",
    ["::ffff:100.64.0.1", "::127.0.0.1", "2002:7f00:1::", "fec0::1", "64:ff9b::10.0.0.1", "64:ff9b:1::1", "ff02::1"],
)
def test_addresses_that_python_or_a_library_may_take_for_public_are_not(address: str) -> None:
    assert not may_be_asked("name", ip_address(address), 443)


def test_an_allowed_network_holds_for_the_ipv6_spelling_too(settings: Any) -> None:
    settings.CUSTOM_ACTIONS_ALLOWED_PRIVATE_NETWORKS = ["10.0.0.0/8", "fd00::/8"]
    assert may_be_asked("name", ip_address("::ffff:10.1.2.3"), 80)
    assert may_be_asked("name", ip_address("fd00::7"), 80)
    assert not may_be_asked("name", ip_address("::ffff:192.168.0.1"), 80)


def test_a_malformed_network_stops_the_start(settings: Any) -> None:
    settings.CUSTOM_ACTIONS_ALLOWED_PRIVATE_NETWORKS = ["10.0.0.0/8", "10.0.0.1/8"]
    (error,) = allowed_networks_are_networks(None)
    assert error.id == "custom_actions.E001"
    assert error.msg == "CUSTOM_ACTIONS_ALLOWED_PRIVATE_NETWORKS names no network: 10.0.0.1/8 has host bits set."


def test_well_formed_networks_pass(settings: Any) -> None:
    settings.CUSTOM_ACTIONS_ALLOWED_PRIVATE_NETWORKS = ["10.0.0.0/8", "fd00::/8", "192.0.2.7"]
    assert allowed_networks_are_networks(None) == []
