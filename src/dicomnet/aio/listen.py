"""Accepting connections: raw sockets first, so that whoever listens decides what becomes of each."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress

from dicomnet.sockets import BACKLOG, SocketOptions, address_text

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
        options: SocketOptions = SocketOptions(),
        on_trouble: Callable[[OSError], None] | None = None,
    ) -> None:
        self._on_trouble = on_trouble
        self._sockets = tuple(sockets)
        self._on_socket = on_socket
        self._options = options
        self.address = address_text(sockets[0].getsockname())
        """The bound host and port."""
        self._loop = asyncio.get_running_loop()
        self._tasks: list[asyncio.Task[None]] = []
        self._retries: dict[socket.socket, asyncio.TimerHandle] = {}
        for sock in self._sockets:
            self._watch(sock)

    async def close(self, *, last: bool = False) -> None:
        """Accepts no more; what was accepted lives on. May be called twice.

        Args:
            last: accept whom the system has connected already, before the sockets are closed and with them whoever waits
                there. Where another process has them too it is for that one to accept.
        """
        if self._tasks:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
        for retry in self._retries.values():
            retry.cancel()
        for sock in self._sockets:
            if sock.fileno() == -1:
                continue
            if not self._tasks:
                self._loop.remove_reader(sock)
                if last:
                    self._accept_last(sock)
            sock.close()

    def _watch(self, listening: socket.socket) -> None:
        self._retries.pop(listening, None)
        # Not by the loop's `sock_accept`: one that is cancelled at the wrong moment loses what it has accepted.
        try:
            self._loop.add_reader(listening, self._accept_some, listening)
        except NotImplementedError:  # a loop that waits for completion, as the usual one of Windows
            self._tasks.append(asyncio.create_task(self._accept_for_ever(listening), name=f"accept {self.address}"))

    def _accept_some(self, listening: socket.socket) -> None:
        for _ in range(AT_ONCE):
            try:
                sock, address = listening.accept()
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                if not self._tell(error):
                    continue
                self._loop.remove_reader(listening)
                self._retries[listening] = self._loop.call_later(RETRY_ACCEPT, self._watch, listening)
                return
            self._take(sock, address)
            if listening.fileno() == -1:  # whoever was told may have closed it
                return

    def _accept_last(self, listening: socket.socket) -> None:
        with suppress(OSError):  # most of all that nobody is left
            for _ in range(BACKLOG):
                self._take(*listening.accept())

    async def _accept_for_ever(self, listening: socket.socket) -> None:
        while True:
            try:
                sock, address = await self._loop.sock_accept(listening)
            except OSError as error:
                if self._tell(error):
                    await asyncio.sleep(RETRY_ACCEPT)
                continue
            self._take(sock, address)

    def _tell(self, error: OSError) -> bool:
        """Whether the trouble is the system's; then nothing tells when it is over, and who waits stays in the backlog."""
        if error.errno in _PEER_GONE:
            return False
        log.warning("cannot accept connections at the moment: %s", error.strerror)
        if self._on_trouble is not None:
            self._on_trouble(error)
        return True

    def _take(self, sock: socket.socket, address: tuple[object, ...]) -> None:
        try:
            sock.setblocking(False)
            self._options.apply(sock)
            self._on_socket(sock, *address_text(address))
        except OSError as error:
            log.debug("a connection was gone before it was served: %s", error)
            sock.close()
        except Exception:
            log.exception("a connection could not be served")
            sock.close()


RETRY_ACCEPT = 0.5
"""Seconds until accepting is tried again when the system has no descriptor or memory left for it."""

AT_ONCE = 64
"""Connections accepted before others of the loop get their turn."""

_PEER_GONE = (errno.ECONNABORTED, errno.EPROTO, errno.EPERM)
