"""Everything that is decided before an association is asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from dicomnet.exchanges.tolerance import Tolerance
from dicomnet.limits import Limits, Timeouts
from dicomnet.pdu import CommonExtendedNegotiation, ExtendedNegotiation, RoleSelection, UserIdentity
from dicomnet.types import AETitle, ae_title


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


OUR_TITLE = ae_title("DICOMNET")
"""How we call ourselves when nobody says otherwise."""

ANY_TITLE = ae_title("ANY-SCP")
"""How we call a peer whose title nobody gave."""
