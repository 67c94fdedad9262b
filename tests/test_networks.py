"""Addresses and networks as they are written."""

from __future__ import annotations

import ipaddress

import pytest

from dicomnet.errors import InvalidValue
from dicomnet.networks import is_loopback, networks, same_address, within


def test_one_network_needs_no_list() -> None:
    """A text is one, and a single address is a network of itself."""
    assert networks("10.1.0.0/16") == (ipaddress.ip_network("10.1.0.0/16"),)
    assert networks(["10.1.2.3", "fd00::/8"]) == (ipaddress.ip_network("10.1.2.3"), ipaddress.ip_network("fd00::/8"))


@pytest.mark.parametrize("given", ["10.1.0.1/16", "pacs.example", "", ["10.0.0.0/8", "x"]])
def test_what_is_no_network_is_said_so(given: str | list[str]) -> None:
    """Also one whose address has bits outside of its mask: somebody may have meant something else."""
    with pytest.raises(InvalidValue, match="as in"):
        networks(given)


def test_an_address_is_within_or_not() -> None:
    """Families do not mix, a zone of IPv6 does not matter, and what is no address is in no network."""
    among = networks(["10.0.0.0/8", "fe80::/10"])
    assert [within(host, among) for host in ("10.255.0.1", "fe80::1%eth0", "11.0.0.1", "::a00:1", "unknown", "")] == [
        True,
        True,
        False,
        False,
        False,
        False,
    ]
    assert not within("10.0.0.1", ())


def test_this_machine_is_known_by_its_own_addresses() -> None:
    """All of 127.0.0.0/8, and ::1."""
    assert [is_loopback(host) for host in ("127.0.0.1", "127.8.0.1", "::1", "10.0.0.1", "localhost", "")] == [
        True,
        True,
        True,
        False,
        False,
        False,
    ]


def test_an_address_is_the_same_however_it_is_written() -> None:
    """Names are compared as they are."""
    assert same_address("::1", "0:0:0:0:0:0:0:1")
    assert same_address("pacs", "pacs")
    assert not same_address("pacs", "PACS")
    assert not same_address("10.0.0.1", "10.0.0.2")
