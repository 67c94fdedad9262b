"""The PROXY protocol: for whom a proxy speaks, written in front of the first byte of what it passes on.

Version 1 is a line of text of at most 107 bytes::

    PROXY TCP4 10.1.2.9 10.0.0.5 51234 104\\r\\n
    PROXY UNKNOWN ...\\r\\n

Version 2, whose addresses are the source's, the destination's, and their ports::

     0   signature, 12 bytes
    12   1 byte    version (2) and command: 0 LOCAL, the proxy itself; 1 PROXY, somebody else
    13   1 byte    family and transport: 00H none, 11H TCP over IPv4, 21H TCP over IPv6, 31H a UNIX stream
    14   2 bytes   length of what follows: addresses, then anything else about the connection

Reading takes a few bytes at a time, never one more than there must be, so a socket is left with what follows the header::

    head = b""
    while lacking := missing(head):
        head += <at most `lacking` bytes>
    proxied = pull_proxied(head)
"""

from __future__ import annotations

import ipaddress
import struct

from dicomnet.records import dataclass


class NoProxyHeader(ValueError):
    """These bytes are none."""


@dataclass(frozen=True, slots=True)
class Proxied:
    """What a header says."""

    own: bool = False
    """The proxy speaks for itself: it only looks whether somebody is here."""
    host: str = ""
    """Where the connection comes from; "" if the header does not say."""
    port: int = 0


def missing(head: bytes) -> int:
    """How many bytes a header that begins like this lacks at least; 0 if it is whole.

    Raises:
        NoProxyHeader: no header begins like this.
    """
    if not head:
        return len(_SHORTEST)
    if SIGNATURE.startswith(head[: len(SIGNATURE)]):
        return _missing_2(head)
    if _KEYWORD.startswith(head[: len(_KEYWORD)]):
        return _missing_1(head)
    raise NoProxyHeader("it begins like none")


def pull_proxied(head: bytes) -> Proxied:
    """What a whole header says.

    Raises:
        NoProxyHeader: what it says makes no sense.
    """
    return _pull_2(head) if head.startswith(SIGNATURE) else _pull_1(head)


def looks_proxied(data: bytes) -> bool:
    """Whether somebody seems to speak for somebody else."""
    return data.startswith((_KEYWORD, SIGNATURE))


def _missing_1(head: bytes) -> int:
    if head.endswith(b"\n"):
        if not head.endswith(b"\r\n") or b"\r" in head[:-2] or b"\n" in head[:-1]:
            raise NoProxyHeader("its line does not end as it should")
        return 0
    if b"\n" in head or b"\r" in head[:-1]:
        raise NoProxyHeader("its line does not end as it should")
    lacking = 1 if head.endswith(b"\r") else 2
    if len(head) + lacking > LONGEST_LINE:
        raise NoProxyHeader(f"its line is longer than {LONGEST_LINE} bytes")
    return max(lacking, len(_SHORTEST) - len(head))


def _pull_1(head: bytes) -> Proxied:
    try:
        words = head.removesuffix(b"\r\n").decode("ascii").split(" ")
        if words[1] == "UNKNOWN":
            return Proxied()
        _, kind, source, destination, *ports = words
        address = _ADDRESSES[kind]
        host, _ = _written(address(source)), address(destination)
        port, _ = map(_port, ports)
    except (ValueError, KeyError, IndexError) as error:
        raise NoProxyHeader("its line makes no sense") from error
    return Proxied(host=host, port=port)


def _missing_2(head: bytes) -> int:
    if len(head) < _FIXED.size:
        return _FIXED.size - len(head)
    _, command, family, length = _FIXED.unpack_from(head)
    if command not in (_LOCAL, _PROXY):
        raise NoProxyHeader(f"its version and command are {command:02X}H")
    if length > MOST_FOLLOWING:
        raise NoProxyHeader(f"it claims {length} bytes, more than {MOST_FOLLOWING}")
    if command == _PROXY:
        least = _LEAST.get(family)
        if least is None:
            raise NoProxyHeader(f"its family and transport are {family:02X}H")
        if length < least:
            raise NoProxyHeader(f"it has {length} bytes of addresses, {least} are needed")
    whole: int = _FIXED.size + length
    return whole - len(head)


def _pull_2(head: bytes) -> Proxied:
    _, command, family, _ = _FIXED.unpack_from(head)
    if command == _LOCAL:
        return Proxied(own=True)
    if family == _TCP4:
        source, _, port, _ = _IPV4.unpack_from(head, _FIXED.size)
        return Proxied(host=_written(ipaddress.IPv4Address(source)), port=port)
    if family == _TCP6:
        source, _, port, _ = _IPV6.unpack_from(head, _FIXED.size)
        return Proxied(host=_written(ipaddress.IPv6Address(source)), port=port)
    return Proxied()


def _written(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    """As the address of a connection of our own would be: an IPv4 one never as IPv6."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id is not None:
            raise NoProxyHeader("its address has a scope, which is the proxy's own business")
        return str(address.ipv4_mapped or address)
    return str(address)


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or (text[0] == "0" and len(text) > 1) or int(text) > 65535:
        raise ValueError(text)
    return int(text)


SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
"""How version 2 begins; no other protocol does."""

LONGEST_LINE = 107
"""Of version 1, its end included: that is what its authors counted."""

MOST_FOLLOWING = 16 * 1024
"""Bytes of addresses and the like in version 2: a certificate of the proxy's client is the longest of it, a few KiB."""

_KEYWORD = b"PROXY "
_SHORTEST = b"PROXY UNKNOWN\r\n"
_FIXED = struct.Struct("!12sBBH")
_LOCAL, _PROXY = 0x20, 0x21
_TCP4, _TCP6, _UNIX = 0x11, 0x21, 0x31
_IPV4 = struct.Struct("!4s4sHH")
_IPV6 = struct.Struct("!16s16sHH")
_LEAST = {0x00: 0, _TCP4: _IPV4.size, _TCP6: _IPV6.size, _UNIX: 216}
# Datagrams are left out: nobody can have passed them on into a stream.
_ADDRESSES: dict[str, type[ipaddress.IPv4Address | ipaddress.IPv6Address]] = {
    "TCP4": ipaddress.IPv4Address,
    "TCP6": ipaddress.IPv6Address,
}
