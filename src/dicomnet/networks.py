"""Addresses and networks as they are written: which are meant, and whether an address is among them."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, TypeAlias

from dicomnet.errors import InvalidValue

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network


def networks(given: str | Iterable[Any]) -> tuple[Network, ...]:
    """Networks ("10.0.0.0/8") or single addresses, one or several.

    Raises:
        InvalidValue: one of them is none.
    """
    try:
        return tuple(map(ipaddress.ip_network, [given] if isinstance(given, str) else given))
    except (TypeError, ValueError) as error:
        raise InvalidValue(f"{error} (networks are written as in 10.1.0.0/16)") from error


def within(host: str, among: Iterable[Network]) -> bool:
    """Whether an address is in one of the networks; a text that is no address is in none."""
    address = _address(host)
    return address is not None and any(address in network for network in among)


def is_loopback(host: str) -> bool:
    """Whether an address is this machine's own."""
    address = _address(host)
    return address is not None and address.is_loopback


def same_address(one: str, other: str) -> bool:
    """Whether two texts name the same address, however they are written."""
    return one == other or (_address(one) is not None and _address(one) == _address(other))


@lru_cache(maxsize=1024)  # the same peers come again, and reading takes longer than all that is then asked
def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
