"""Which addresses may be asked: those of the public internet, and the private networks that a setting allows.

A name is looked up once, here, and what is asked is the address: the name could lead elsewhere a moment later.
httpx-secure checks the address again. Its own rule is Python's `is_global`, which differs between releases (3.11.7
takes ``::ffff:100.64.0.1`` for public). The rule here never allows more than the networks of the setting.
"""

import asyncio
import socket
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TypeAlias

from django.conf import settings

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

GLOBAL_UNICAST = IPv6Network("2000::/3")  # all that has been given out so far (RFC 4291 §2.4)
NAT64 = IPv6Network("64:ff9b::/96")  # an IPv4 address in its last four bytes (RFC 6052 §2.1)


class Refused(Exception):
    """At least one address of a host may not be asked."""


async def addresses_of(host: str) -> list[str]:
    """The addresses of a host, the best first. Raises Refused, before anything is sent to any of them, and OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    # One that may not be asked is enough: the owner of the name would choose by letting the others fail.
    if not all(may_be_asked(host, ip_address(address), 0) for address in addresses):
        raise Refused(host)
    return addresses


def allowed_private_networks() -> list[Network]:
    """The networks of CUSTOM_ACTIONS_ALLOWED_PRIVATE_NETWORKS. Raises ValueError for one that is malformed."""
    return [ip_network(network) for network in settings.CUSTOM_ACTIONS_ALLOWED_PRIVATE_NETWORKS]


def may_be_asked(hostname: str, address: Address, port: int) -> bool:
    """Whether a request may go to `address`; the validator of httpx-secure."""
    address = _without_wrapping(address)
    return _is_public(address) or any(address in network for network in allowed_private_networks())


def _without_wrapping(address: Address) -> Address:
    """The IPv4 address inside an IPv6 one that only carries it: there the packet ends up."""
    if isinstance(address, IPv4Address):
        return address
    if address in NAT64:
        return IPv4Address(address.packed[-4:])
    return address.ipv4_mapped or address


def _is_public(address: Address) -> bool:
    if isinstance(address, IPv6Address) and (address not in GLOBAL_UNICAST or address.sixtofour is not None):
        return False
    return address.is_global and not address.is_multicast
