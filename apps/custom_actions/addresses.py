"""Which addresses may be asked: those of the public internet, and the private networks that a setting allows.

httpx-secure pins the address that it checked, so that a name cannot lead elsewhere a moment later. Its own rule is
Python's `is_global`, which differs between releases (3.11.7 takes ``::ffff:100.64.0.1`` for public). The rule here is
asked besides, and never allows more than the networks of the setting.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import TypeAlias

from django.conf import settings

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

GLOBAL_UNICAST = IPv6Network("2000::/3")  # all that has been given out so far (RFC 4291 §2.4)
NAT64 = IPv6Network("64:ff9b::/96")  # an IPv4 address in its last four bytes (RFC 6052 §2.1)


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
