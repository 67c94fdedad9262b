"""Words of the standard that are a string or a number on the wire, and the checks they pass before being sent."""

from __future__ import annotations

import re
from enum import IntEnum
from functools import lru_cache
from typing import NewType

from dicomnet.logs import printable as printable
from dicomnet.records import dataclass

UID = NewType("UID", str)
"""A unique identifier: digits and dots, at most 64 (PS3.5 9.1)."""

AETitle = NewType("AETitle", str)
"""An application entity title: 1 to 16 characters without padding (PS3.5 6.2, VR AE)."""

ContextID = NewType("ContextID", int)
"""A presentation context ID: odd, 1 to 255, unique in its association (PS3.8 9.3.2.2)."""

MessageID = NewType("MessageID", int)
"""A message ID: 0 to 65535, unique among its sender's outstanding requests (PS3.7 9.1.1.1.1)."""

Tag = NewType("Tag", int)
"""An attribute tag: group in the upper, element in the lower 16 bits."""


class Priority(IntEnum):
    """The priority of a DIMSE-C request (PS3.7 E.1); the numbers are not in order of urgency."""

    MEDIUM = 0
    HIGH = 1
    LOW = 2


@dataclass(frozen=True, slots=True)
class Address:
    """Where an application entity answers."""

    aet: AETitle | None
    host: str
    port: int

    @classmethod
    def parse(cls, text: str, *, default_port: int | None = None) -> Address:
        """Reads ``AET@host:port``; the title is what stands before the last ``@``, IPv6 hosts stand in brackets.

        Raises:
            ValueError: the text is not such an address.
        """
        title, at, rest = text.rpartition("@")
        match = _HOST_PORT.fullmatch(rest)
        if match is None:
            raise ValueError(f"{text!r} is not an address of the form AET@host:port (IPv6 hosts in brackets)")
        port = int(match["port"]) if match["port"] else default_port
        if port is None:
            raise ValueError(f"{text!r} names no port")
        if not 0 <= port <= 65535:
            raise ValueError(f"port {port} in {text!r} is not between 0 and 65535")
        host = match["bracketed"] or match["host"]
        return cls(ae_title(title) if at else None, host, port)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.aet}@{host}:{self.port}" if self.aet else f"{host}:{self.port}"


def ae_title(text: str) -> AETitle:
    """Checks and cleans an AE title: outer spaces go, 1 to 16 characters of the default repertoire remain.

    Raises:
        ValueError: the title is empty, longer than 16 characters, or holds a
            backslash, a control character or a character outside ISO 646.
    """
    title = text.strip(" ")
    if not title:
        raise ValueError("an AE title needs at least one character that is not a space")
    if len(title) > 16:
        raise ValueError(f"AE title {title!r} has {len(title)} characters, at most 16 are allowed")
    if not _AE_TITLE.fullmatch(title):
        raise ValueError(
            f"AE title {title!r} holds a character that is not allowed (printable ASCII without backslash)"
        )
    return AETitle(title)


def uid(text: str) -> UID:
    """Checks a UID before it is sent: 1 to 64 digits and dots, no empty component.

    Leading zeros within a component are against PS3.5 9.1 but live in archives;
    what names an instance there must stay reachable, so they pass.

    Raises:
        ValueError: the text is not a UID.
    """
    if not is_uid(text):
        raise ValueError(f"{text!r} is not a UID (1 to 64 digits and dots)")
    return UID(text)


def is_uid(text: str) -> bool:
    """Whether `uid` would let the text pass."""
    return len(text) <= 64 and _is_uid(text)


@lru_cache(maxsize=512)  # each UID that comes is looked at again when it is answered, and when it names a file
def _is_uid(text: str) -> bool:
    return _UID.fullmatch(text) is not None


def clean_uid(raw: bytes) -> UID:
    """A UID as it came from a peer, without the NUL or spaces that pad it (PS3.5 9.1); never refused here."""
    return UID(raw.rstrip(b"\0 ").lstrip(b" ").decode("latin-1"))


_HOST_PORT = re.compile(r"(?:\[(?P<bracketed>[^\[\]]+)\]|(?P<host>[^\[\]:@]+))(?::(?P<port>[0-9]{1,5}))?", re.ASCII)
_AE_TITLE = re.compile(r"[\x20-\x5b\x5d-\x7e]{1,16}")
_UID = re.compile(r"[0-9]+(?:\.[0-9]+)*", re.ASCII)
