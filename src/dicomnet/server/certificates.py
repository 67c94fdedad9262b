"""Which certificate a calling title must come with: titles are said by anybody, certificates are proved."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from dicomnet.aio.certified import PeerCertificate
from dicomnet.errors import InvalidValue
from dicomnet.records import dataclass


@dataclass(frozen=True, slots=True)
class Demand:
    """One certificate that will do."""

    text: str
    """As it was written."""
    parts: frozenset[str] = frozenset()
    """Of the subject, such as CN=ct1.example; each must be in it."""
    name: str = ""
    """An alternative name, in small letters."""
    fingerprint: str = ""

    def is_met_by(self, certificate: PeerCertificate) -> bool:
        if self.fingerprint:
            return certificate.fingerprint == self.fingerprint
        if self.name:
            return self.name in (one.casefold() for one in certificate.names)
        return self.parts <= _parts(certificate.subject)


def demands(given: str | Iterable[str]) -> tuple[Demand, ...]:
    """Reads what certificates will do.

    Args:
        given: one or several of: parts of a subject (``CN=ct1.example, O=Hospital``; all of them must be in it, in any
            order), an alternative name (``ct1.example``), the SHA-256 of the whole certificate (``sha256:9f86d0...``).

    Raises:
        InvalidValue: it is none of them, or there is nothing.
    """
    found = tuple(map(_demand, [given] if isinstance(given, str) or not isinstance(given, Iterable) else given))
    if not found:
        raise InvalidValue("no certificate would do; name one, or leave the title out")
    return found


def demands_by_title(given: Mapping[str, str | Iterable[str]]) -> dict[str, tuple[Demand, ...]]:
    """The same for each title; raises `InvalidValue`."""
    if not isinstance(given, Mapping):
        raise InvalidValue(f"certificates are a mapping of titles to subjects, names or fingerprints, not {given!r}")
    return {title: demands(wanted) for title, wanted in given.items()}


def _demand(text: str) -> Demand:
    if not isinstance(text, str) or not text.strip():
        raise InvalidValue(f"{text!r} is no subject, name or fingerprint of a certificate")
    kind, colon, rest = text.strip().partition(":")
    if colon and kind.lower() == "sha256":
        digits = rest.replace(":", "").strip().lower()
        if not re.fullmatch(r"[0-9a-f]{64}", digits):
            raise InvalidValue(f"{text!r} is no SHA-256 fingerprint, which has 64 hexadecimal digits")
        return Demand(text, fingerprint=digits)
    if "=" not in text:
        return Demand(text, name=text.strip().casefold())
    parts = _parts(text)
    for part in parts:
        if not re.match(r"[A-Za-z0-9.]+=.", part):
            raise InvalidValue(f"{text!r} is no subject: {part!r} is not of the form CN=name")
    return Demand(text, parts=parts)


def _parts(subject: str) -> frozenset[str]:
    """The attributes of a subject; the commas of their values come with a backslash."""
    return frozenset(part.strip() for part in re.findall(r"(?:[^\\,]|\\.)+", subject) if part.strip())
