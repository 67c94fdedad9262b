"""One connection of a server: first a guest at the door, then a session on a transport."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from functools import partial
from typing import Protocol

from dicomnet.aio.carrier import Carrier
from dicomnet.aio.channel import Channel
from dicomnet.aio.connect import attach
from dicomnet.aio.door import Guest, TurnedAway
from dicomnet.aio.handshakes import Handshakes
from dicomnet.aio.hub import hub
from dicomnet.aio.observe import Cause, ConnectionRefused
from dicomnet.aio.throttle import Throttle
from dicomnet.dimse.endpoint import Endpoint
from dicomnet.errors import ConnectionLost, TlsFailed
from dicomnet.exchanges.ledger import Ledger
from dicomnet.exchanges.session import Session
from dicomnet.server.credentials import Credentials
from dicomnet.server.reception import House, Reception
from dicomnet.server.site import Entrance
from dicomnet.sockets import broken_reason

log = logging.getLogger("dicomnet.server")


class Host(House, Protocol):
    """What a connection needs of the running server."""

    loop: asyncio.AbstractEventLoop
    handshakes: Handshakes
    credentials: Credentials
    throttle: Throttle

    def gone(self, connection: Connection) -> None:
        """The connection is over."""


class Passed(Protocol):
    """A connection that another process has accepted and counted."""

    refuse: bool
    """Whether it is one too many there."""

    def heard(self) -> None:
        """Its peer has spoken."""

    def gone(self) -> None:
        """It is over."""


class Connection:
    """From the moment it was accepted."""

    def __init__(self, server: Host, entrance: Entrance, guest: Guest, passed_on: Passed | None = None) -> None:
        self.guest = guest
        self.session: Session | None = None
        """There is none while nobody has said a word."""
        self._passed_on = passed_on
        self._server = server
        self._entrance = entrance
        self._carrier: Carrier | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def has_asked(self) -> bool:
        """Whether the peer has asked for an association."""
        return self.session is not None and self.session.request is not None

    def begin(self) -> None:
        """Hears who is there and makes the socket a transport; nobody else waits for that."""
        self._task = self._server.loop.create_task(self._attach(), name=f"{self.guest} begins")
        self._task.add_done_callback(self._begun)

    def gone(self) -> None:
        """It is over: its place is free."""
        self.guest.place.leave()
        if self._carrier is not None and self._carrier.channel is not None:
            self._server.throttle.leave(self._carrier.channel)
        if self._passed_on is not None:
            self._passed_on.gone()

    def abort(self) -> None:
        """Ends its association, or whatever there is."""
        if self.session is None:
            self.drop()
        else:
            self.session.abort()

    def drop(self) -> None:
        """Ends the connection without a word."""
        if self._task is not None:
            self._task.cancel()
        if self._carrier is not None and self._carrier.channel is not None:
            self._carrier.channel.abort_transport()

    async def _attach(self) -> None:
        server, guest, timeouts = self._server, self.guest, self._server.site.timeouts
        secure = self._entrance.tls is not None
        await guest.hear(timeouts, secure=secure)
        if self._passed_on is not None:
            self._passed_on.heard()
        channel = self._open()
        if not secure:
            await attach(guest.sock, channel, server_side=True)
            return
        async with server.handshakes.place(guest.host):
            # Now: they may have been renewed while the peer was waited for.
            context = await server.credentials.context_of(self._entrance)
            await attach(guest.sock, channel, context=context, server_side=True, handshake_timeout=timeouts.handshake)

    def _open(self) -> Channel:
        """Makes the session."""
        server, guest = self._server, self.guest
        site, refuse = server.site, guest.place.refuse
        ledger = Ledger(os.urandom(2).hex(), guest.since)
        ledger.peer, ledger.via = guest.host, guest.via
        core = Endpoint(requestor=False, limits=site.limits, timeouts=site.timeouts, refuse=refuse, label=ledger.id)
        provider = Reception(server, guest.host, site.timeouts.associate)
        session = self.session = Session(core, ledger, provider=provider, tolerance=site.tolerance)
        self._carrier = _Carrier(session, partial(server.gone, self))
        channel = self._carrier.channel = Channel(core, session, hub(), since=self._since, peer=guest.address)
        server.throttle.slow(guest.host, channel)
        return channel

    @property
    def _since(self) -> float | None:
        """From when on the peer has time to ask for an association: with TLS from the end of the handshake."""
        return None if self._entrance.tls is not None else self.guest.since

    def _begun(self, task: asyncio.Task[None]) -> None:
        """Not in the task itself: one that is cancelled early never begins."""
        self._task = None
        error = ConnectionLost("it was dropped") if task.cancelled() else task.exception()
        if error is None:
            return
        self.guest.sock.close()
        if self.session is None:
            self._open()
        session = self.session
        assert session is not None
        if isinstance(error, TlsFailed | TurnedAway):
            log.warning("%s %s: %s", session.id, session.ledger.who, error)
            cause = Cause.TLS if isinstance(error, TlsFailed) else Cause.ADDRESS
            self._server.tell(session, ConnectionRefused, cause=cause, detail=str(error))
        elif isinstance(error, OSError):
            error = ConnectionLost(broken_reason(error))
        elif not isinstance(error, ConnectionLost):
            log.error("%s the connection could not be served", session.id, exc_info=error)
        session.closed(error if isinstance(error, Exception) else ConnectionLost())


class _Carrier(Carrier):
    """A carrier that tells when its connection is gone."""

    def __init__(self, session: Session, on_gone: Callable[[], object]) -> None:
        super().__init__(session)
        self._on_gone = on_gone

    def changed(self) -> None:
        super().changed()
        if self.session.closed_down:
            self._on_gone()
