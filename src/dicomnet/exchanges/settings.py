"""Everything that is decided before an association is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from dicomnet.errors import InvalidValue
from dicomnet.exchanges.contexts import asynchronous_window
from dicomnet.exchanges.services import sop_classes
from dicomnet.exchanges.tolerance import Tolerance
from dicomnet.limits import Limits, Timeouts
from dicomnet.pdu import CommonExtendedNegotiation, ExtendedNegotiation, RoleSelection, UserIdentity
from dicomnet.records import dataclass, field
from dicomnet.types import Address, AETitle, ae_title


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Whom to call, as whom, and under which terms; shared by all associations with one peer."""

    host: str
    port: int
    called_ae: AETitle
    calling_ae: AETitle
    tls: Any = None
    """TLS settings or an ``ssl.SSLContext``; the shells know which. None is plain TCP."""
    user_identity: UserIdentity | None = None
    roles: tuple[RoleSelection, ...] = ()
    extended: tuple[ExtendedNegotiation, ...] = ()
    common_extended: tuple[CommonExtendedNegotiation, ...] = ()
    window: int | tuple[int, int] | None = None
    """The asynchronous operations window to propose: a number both ways, or invoked and performed; None proposes none."""
    timeouts: Timeouts = field(default_factory=Timeouts)
    limits: Limits = field(default_factory=Limits)
    tolerance: Tolerance = field(default_factory=Tolerance)
    local: tuple[str, int] | None = None
    """Our own address and port to connect from."""
    socket_options: Any = None
    """How the shells open their sockets; None is their default."""

    @property
    def address(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.called_ae}@{host}:{self.port}"


def settings_for(
    address: str | Address,
    *,
    aet: str | None = None,
    tls: Any = None,
    user_identity: UserIdentity | None = None,
    roles: Mapping[str, str] | Iterable[RoleSelection] = (),
    extended: Mapping[str, bytes] | Iterable[ExtendedNegotiation] = (),
    common_extended: Iterable[CommonExtendedNegotiation] = (),
    window: int | tuple[int, int] | None = None,
    max_pdu_length: int | None = None,
    timeouts: Timeouts | None = None,
    limits: Limits | None = None,
    tolerance: Tolerance | None = None,
    local: tuple[str, int] | None = None,
    socket_options: Any = None,
) -> Settings:
    """The settings behind the arguments of ``associate`` and ``Peer``.

    Args:
        address: ``AET@host:port``; without a port 104, without a title `ANY_TITLE`.
        aet: our own title.
        tls: see `Settings`.
        user_identity: who asks (PS3.7 D.3.3.7).
        roles: by service or SOP class the role we want: ``"scu"``, ``"scp"`` or ``"both"``; or the items themselves.
        extended: application information by service or SOP class (PS3.7 D.3.3.5); or the items themselves.
        common_extended: PS3.7 D.3.3.6.
        window: see `Settings`.
        max_pdu_length: the largest PDU we want to receive, in bytes.
        timeouts: in seconds, each with its own default.
        limits: what we take from the peer.
        tolerance: what this peer may do against the standard.
        local: our own address and port to connect from.
        socket_options: how the socket is opened.

    Raises:
        InvalidValue: one of them is not what it should be.
    """
    try:
        where = Address.parse(address, default_port=DEFAULT_PORT) if isinstance(address, str) else address
        calling = OUR_TITLE if aet is None else ae_title(aet)
        limits = limits or Limits()
        if max_pdu_length is not None:
            limits = replace(limits, max_pdu_length=max_pdu_length)
    except ValueError as error:
        raise InvalidValue(str(error)) from error
    asynchronous_window(window)
    check_kinds(timeouts=(timeouts, Timeouts), limits=(limits, Limits), tolerance=(tolerance, Tolerance))
    check_kinds(user_identity=(user_identity, UserIdentity))
    check_tls(tls)
    return Settings(
        host=where.host,
        port=where.port,
        called_ae=where.aet or ANY_TITLE,
        calling_ae=calling,
        tls=tls,
        user_identity=user_identity,
        roles=tuple(_roles(roles)),
        extended=tuple(_extended(extended)),
        common_extended=tuple(common_extended),
        window=window,
        timeouts=timeouts or Timeouts(),
        limits=limits,
        tolerance=tolerance or Tolerance(),
        local=local,
        socket_options=socket_options,
    )


def check_tls(tls: Any) -> None:
    """Raises `InvalidValue` for what makes no link secure."""
    if tls is not None and not (hasattr(tls, "requestor_context") or hasattr(tls, "wrap_bio")):
        raise InvalidValue(f"tls={tls!r} is no TlsConfig and no ssl.SSLContext; without it the link is plain")


def check_kinds(**given: tuple[object, type]) -> None:
    """Raises `InvalidValue` for an option that is not of its kind."""
    for name, (value, kind) in given.items():
        if value is not None and not isinstance(value, kind):
            raise InvalidValue(f"{name}={value!r} is no {kind.__name__}")


def _roles(roles: Mapping[str, str] | Iterable[RoleSelection]) -> Iterator[RoleSelection]:
    if not isinstance(roles, Mapping):
        yield from roles
        return
    for name, role in roles.items():
        if role not in _ROLES:
            raise InvalidValue(f"{role!r} is no role; scu, scp and both are")
        for sop_class in sop_classes(name):
            yield RoleSelection(sop_class, *_ROLES[role])


def _extended(items: Mapping[str, bytes] | Iterable[ExtendedNegotiation]) -> Iterator[ExtendedNegotiation]:
    if not isinstance(items, Mapping):
        yield from items
        return
    for name, information in items.items():
        if not isinstance(information, bytes):
            raise InvalidValue(f"the extended negotiation of {name} is bytes, not {information!r}")
        for sop_class in sop_classes(name):
            yield ExtendedNegotiation(sop_class, information)


_ROLES = {"scu": (True, False), "scp": (False, True), "both": (True, True)}

DEFAULT_PORT = 104
"""The port of DICOM, where an address names none (PS3.8 9.1.2)."""

OUR_TITLE = ae_title("DICOMNET")
"""How we call ourselves when nobody says otherwise."""

ANY_TITLE = ae_title("ANY-SCP")
"""How we call a peer whose title nobody gave."""
