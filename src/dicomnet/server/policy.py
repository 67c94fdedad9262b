"""Who may call, and what he may ask for.

Receiving is open, giving out is closed: echo and store are taken from anyone
who may call at all, while find, get and move are for peers of the address book,
addresses that were named, and this machine itself. Images may come in from a
modality that nobody has listed; they must not leave that way.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any, TypeAlias, TypeVar

from dicomnet.aio.certified import PeerCertificate
from dicomnet.aio.handlers import verb_named
from dicomnet.errors import InvalidValue
from dicomnet.exchanges.services import Verb
from dicomnet.exchanges.settings import DEFAULT_PORT, OUR_TITLE, Settings, settings_for
from dicomnet.networks import Network, is_loopback, networks, same_address, within
from dicomnet.records import dataclass
from dicomnet.server.caller import Caller, Verified
from dicomnet.server.certificates import Demand, demands_by_title
from dicomnet.types import Address, AETitle, ae_title, printable

log = logging.getLogger("dicomnet.server")

Peers: TypeAlias = Mapping[str, Any] | Callable[[str], Any]
"""The address book: where each title answers, as a mapping or as a function of the title, plain or ``async``. A place is
an address as text ("10.0.0.7:104", "WS1@10.0.0.7:104"), a pair of host and port, or `Settings`; or a mapping of such an
``address`` and options of `Peer`, such as ``tls`` or ``timeouts``. None is "not known"."""
IdentityCheck: TypeAlias = Callable[[Caller], "Verdict | Awaitable[Verdict]"]
"""Judges a user identity. True takes it, a `Verified` takes it and says more, bytes take it and are the server's ticket or
assertion; False and None refuse it."""
Verdict: TypeAlias = "Verified | bytes | bool | None"

Ask: TypeAlias = Callable[..., Awaitable[Any]]
"""Calls a function of the user's with arguments, in a thread unless it is ``async``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Who may call a title; made by `rules`, so everything in it has been checked."""

    calling_ae: frozenset[str] | None = None
    networks: tuple[Network, ...] | None = None
    certificates: Mapping[str, tuple[Demand, ...]] | None = None
    user_identity: IdentityCheck | None = None
    identity_required: bool = True
    verbs: Mapping[str, frozenset[Verb]] | None = None
    peers: Peers | None = None
    allow_retrieve: tuple[Network, ...] = ()
    ignore_title_case: bool = False

    def may_call_as(self, title: str) -> bool:
        """Whether a title may call."""
        return self.calling_ae is None or self._entry(title, self.calling_ae) is not None

    def may_call_from(self, host: str) -> bool:
        """Whether anybody may call from this address."""
        return self.networks is None or within(host, self.networks)

    def may_call_with(self, title: str, certificate: PeerCertificate | None) -> bool:
        """Whether a title may call with what its peer has proved to be, if that is anything."""
        wanted = self._of(title, self.certificates)
        if wanted is None:
            return True
        return certificate is not None and any(one.is_met_by(certificate) for one in wanted)

    def asks_for_certificate(self, title: str) -> bool:
        """Whether a title needs one."""
        return self._of(title, self.certificates) is not None

    def allowed(self, calling_ae: str) -> frozenset[Verb]:
        """The operations that a title may ask for at most."""
        allowed = self._of(calling_ae, self.verbs)
        return EVERYTHING if allowed is None else allowed

    async def knows(self, calling_ae: str, host: str, ask: Ask) -> bool:
        """Whether what is here may be given out to a peer, by its title and address; may ask the address book."""
        return is_loopback(host) or within(host, self.allow_retrieve) or await self._is_listed(calling_ae, host, ask)

    async def granted(self, calling_ae: str, host: str, ask: Ask) -> frozenset[Verb]:
        """The operations that a peer may ask for."""
        allowed = self.allowed(calling_ae)
        return allowed if await self.knows(calling_ae, host, ask) else only_taking(allowed)

    async def place_of(self, title: str, ask: Ask) -> Any:
        """What the address book says of a title; None if it is not there."""
        if self.peers is None:
            return None
        if not isinstance(self.peers, Mapping):
            return await ask(self.peers, title)
        return self.peers.get(self._entry(title, self.peers) or "")

    def _of(self, title: str, table: Mapping[str, T] | None) -> T | None:
        """What a table says of a title: its own entry, or that of everybody else."""
        return None if not table else table.get(self._entry(title, table) or EVERYBODY_ELSE)

    def _entry(self, title: str, titles: Collection[str]) -> str | None:
        """How a title is written among others."""
        if title in titles or not self.ignore_title_case:
            return title if title in titles else None
        return next((one for one in titles if one.upper() == title.upper()), None)

    async def _is_listed(self, title: str, host: str, ask: Ask) -> bool:
        """Whether the book has the title at the address that calls; anybody could call himself so."""
        try:
            place = await self.place_of(title, ask)
            if place is None:
                return False
            listed = settings_at(title, place).host
            if same_address(listed, host):
                return True
            infos = await asyncio.get_running_loop().getaddrinfo(listed, None, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            log.warning("the address of %s cannot be looked up: %s", printable(title), error)
            return False
        except Exception:
            log.exception("the address book could not be asked for %s", printable(title))
            return False
        return any(same_address(str(address[0]), host) for *_, address in infos)


@cache
def only_taking(verbs: frozenset[Verb]) -> frozenset[Verb]:
    """These operations without those that give something out; one set for all associations that have them."""
    return verbs - GIVING_OUT


def rules(base: Rules = Rules(), **given: Any) -> Rules:
    """Rules like others, but for what is given.

    Args:
        calling_ae: the titles that may call; None is any.
        networks: the addresses that may call, as networks ("10.0.0.0/8") or single ones; None is any.
        certificates: by calling title the certificates that it must come with, see `dicomnet.server.certificates`; with
            any of them it may call. A title that is not there needs none, unless there is an entry for everybody else, "*".
        user_identity: told the `Caller` with the identity of PS3.7 D.3.3.7, see `IdentityCheck`. A plain function runs in a
            thread.
        identity_required: whether a peer that brings no identity is rejected, if there is a function for it.
        verbs: by calling title the operations it may ask for at most; "n" stands for all N-services, the title "*" for
            everybody who is not there. Anybody could call himself so, and nothing is given out for that alone.
        peers: see `Peers`.
        allow_retrieve: the addresses that may find, get and move without being in the address book.
        ignore_title_case: whether titles are the same in another case, wherever these rules name them.

    Raises:
        InvalidValue: one of them is not what it should be.
    """
    read: dict[str, Callable[[Any], Any]] = {
        "calling_ae": lambda titles: frozenset(map(title_of, [titles] if isinstance(titles, str) else titles)),
        "networks": networks,
        "allow_retrieve": networks,
        "verbs": lambda table: {title_of(title): verbs_of(words) for title, words in table.items()},
        "certificates": lambda table: {title_of(title): wanted for title, wanted in demands_by_title(table).items()},
        "peers": _peers,
    }
    known = {key: read[key](value) if key in read and value is not None else value for key, value in given.items()}
    if known.get("allow_retrieve", ()) is None:
        known["allow_retrieve"] = ()
    check = known.get("user_identity")
    if check is not None and not callable(check):
        raise InvalidValue(f"user_identity is {check!r}, not a function")
    return replace(base, **known)


def settings_at(title: str, place: Any, **options: Any) -> Settings:
    """How to call a title at a place of the address book.

    Args:
        options: as for `settings_for`, where the place does not say otherwise; ``Settings`` say everything, but what we
            are called if that is the default.

    Raises:
        InvalidValue: this is no place.
    """
    if isinstance(place, Settings):
        aet = options.get("aet")
        return place if aet is None or place.calling_ae != OUR_TITLE else replace(place, calling_ae=title_of(aet))
    try:
        if isinstance(place, Mapping):
            options |= place
            place = options.pop("address", None)
        if isinstance(place, str):
            place = Address.parse(place, default_port=DEFAULT_PORT)
        if not isinstance(place, Address):
            host, port = place
            place = Address(None, str(host), int(port))
        return settings_for(replace(place, aet=place.aet or ae_title(title)), **options)
    except (TypeError, ValueError) as error:
        raise InvalidValue(f"{place!r} is no place where {printable(title)} could answer: {error}") from error


def title_of(text: str) -> AETitle:
    """An AE title, checked; raises `InvalidValue`."""
    if not isinstance(text, str):
        raise InvalidValue(f"{text!r} is no AE title, which is a text")
    try:
        return ae_title(text)
    except ValueError as error:
        raise InvalidValue(f"{text!r} is no AE title: {error}") from error


def verbs_of(words: str | Iterable[str]) -> frozenset[Verb]:
    """Operations by name, "n" for all N-services; raises `InvalidValue`."""
    named = [words] if isinstance(words, str) else words
    return frozenset().union(*(N_SERVICES if word == "n" else {verb_named(word)} for word in named))


def _peers(given: Any) -> Peers:
    if callable(given):
        book: Callable[[str], Any] = given
        return book
    if not isinstance(given, Mapping):
        raise InvalidValue(f"peers are a mapping of titles to addresses or a function, not {given!r}")
    for title, place in given.items():
        settings_at(title_of(title), place)
    return given  # no copy: what is added to the book later counts


T = TypeVar("T")

EVERYBODY_ELSE = "*"
"""In tables by calling title: who is not there."""

EVERYTHING = frozenset(Verb)

N_SERVICES = frozenset(verb for verb in Verb if verb.startswith("n-"))

GIVING_OUT = frozenset({Verb.FIND, Verb.GET, Verb.MOVE})
"""What a stranger may not ask for."""
