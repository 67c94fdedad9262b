"""Accepting connections: raw sockets first, so that whoever listens decides what becomes of each."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections import Counter
from collections.abc import Callable, Sequence

from dicomnet.aio.sockets import SocketOptions, address_text
from dicomnet.errors import RejectReason, RejectResult
from dicomnet.limits import Limits
from dicomnet.pdu import AssociateReject

log = logging.getLogger("dicomnet.wire")


class Listener:
    """Accepts from listening sockets until closed.

    Each connection is given, raw, to `on_socket` with the peer's host and port;
    `on_trouble` is told when the system has nothing to accept it with.
    """

    def __init__(
        self,
        sockets: Sequence[socket.socket],
        on_socket: Callable[[socket.socket, str, int], None],
        options: SocketOptions = SocketOptions(),  # noqa: B008 (frozen)
        on_trouble: Callable[[OSError], None] | None = None,
    ) -> None:
        self._on_trouble = on_trouble
        self._sockets = tuple(sockets)
        self._on_socket = on_socket
        self._options = options
        self.address = address_text(sockets[0].getsockname())
        """The bound host and port."""
        self._tasks = [asyncio.create_task(self._accept(sock), name=f"accept {self.address}") for sock in sockets]

    async def close(self) -> None:
        """Accepts no more; what was accepted lives on."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for sock in self._sockets:
            sock.close()

    async def _accept(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                sock, address = await loop.sock_accept(listening)
            except OSError as error:
                if error.errno in _PEER_GONE:
                    continue
                log.warning("cannot accept connections at the moment: %s", error.strerror)
                if self._on_trouble is not None:
                    self._on_trouble(error)
                # Nothing tells when descriptors are free again; those waiting stay in the backlog meanwhile.
                await asyncio.sleep(RETRY_ACCEPT)
                continue
            try:
                self._options.apply(sock)
                self._on_socket(sock, *address_text(address))
            except OSError as error:
                log.debug("a connection was gone before it was served: %s", error)
                sock.close()
            except Exception:
                log.exception("a connection could not be served")
                sock.close()


class Admission:
    """Counts connections, in all and per address, against the limits."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._per_address: Counter[str] = Counter()

    @property
    def count(self) -> int:
        return self._per_address.total()

    def enter(self, host: str) -> AssociateReject | None:
        """Counts a connection; returns how to refuse it if it is one too many (PS3.8 9.3.4: transient)."""
        self._per_address[host] += 1
        if self._per_address[host] > self._limits.associations_per_address or self.count > self._limits.associations:
            reason = RejectReason.LOCAL_LIMIT_EXCEEDED
            return AssociateReject(RejectResult.TRANSIENT, reason.source, reason.reason)
        return None

    def leave(self, host: str) -> None:
        """A counted connection is gone."""
        self._per_address[host] -= 1
        if not self._per_address[host]:
            del self._per_address[host]


RETRY_ACCEPT = 0.5
"""Seconds until accepting is tried again when the system has no descriptor or memory left for it."""

_PEER_GONE = (errno.ECONNABORTED, errno.EPROTO, errno.EPERM)
