"""One end of a secure link without I/O: records on one side, plain bytes on the other. Both shells drive it.

    peer --> take() --> [ records ] --> handshake(), read_into() --> core
    peer <-- data_to_send() <-- [ records ] <-- write(), end() <-- core

OpenSSL is given one record at a time. It could take any number, but would
keep the memory for as many as long as the link lives; this way an idle link
costs little, and no call is made that would only say that more is needed. And
records that bring no data can be counted: TLS itself would take any number.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import cast

from dicomnet.errors import AssociationError, ConnectionLost, TlsFailed
from dicomnet.pdu.foreign import TLS_RECORDS
from dicomnet.tls.checks import Refused


class SecureLink:
    """A TLS object between two memory buffers.

    Args:
        name: of the peer; a requestor sends it, and checks it where the context says so.
        peer: how the peer is called where something goes wrong.

    Raises:
        TlsFailed: the context is not for this role, or the name is none.
    """

    __slots__ = (
        "_barren",
        "_empty_handed",
        "_error",
        "_first",
        "_header",
        "_heard",
        "_incoming",
        "_lacking",
        "_outgoing",
        "_read",
        "_rest",
        "_stocked",
        "object",
        "peer",
        "ready",
        "server_side",
    )

    def __init__(
        self, context: ssl.SSLContext, *, server_side: bool = False, name: str | None = None, peer: str = "the peer"
    ) -> None:
        self.peer = peer
        self.server_side = server_side
        self.ready = False
        """Whether the handshake is over."""
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._rest = _NOTHING
        self._header = b""
        self._lacking = 0
        self._stocked = False
        self._barren = 0
        self._heard = False
        self._empty_handed = False
        self._first = b""
        self._error: AssociationError | None = None
        if not server_side and context.check_hostname and not name:
            raise TlsFailed("the name of the peer is to be checked, and there is none")
        try:
            self.object = context.wrap_bio(
                self._incoming,
                self._outgoing,
                server_side=server_side,
                server_hostname=None if server_side else name or None,
            )
            self._read = cast("Callable[[int, memoryview], int]", self.object.read)
        except (ssl.SSLError, ValueError, TypeError) as error:
            if server_side or isinstance(error, ssl.SSLError):
                reason = getattr(error, "reason", None) or error
                raise TlsFailed(f"the settings are not for this role: {reason}") from error
            # A label that is empty or too long, a NUL.
            raise TlsFailed(f"{name!r} is no host name that a certificate could bear") from error

    def take(self, data: memoryview) -> None:
        """Takes what came from the peer; the memory must stay as it is until all is read, or `keep` is called."""
        self._rest = memoryview(bytes(self._rest) + data) if self._rest else data

    def keep(self) -> None:
        """Copies what was taken and not read yet."""
        if self._rest:
            self._rest = memoryview(bytes(self._rest))

    @property
    def pending(self) -> bool:
        """Whether reading may give something although nothing more has come."""
        return self._stocked or bool(self._rest) or self._error is not None

    def handshake(self) -> bool:
        """Goes on with the handshake as far as what was taken allows; says whether it is over.

        Whatever becomes of it, there may be something to send then: a refused peer is told why.

        Raises:
            TlsFailed: there will be no link, and why.
        """
        while True:
            try:
                self.object.do_handshake()
            except ssl.SSLWantReadError:
                if not self._feed():
                    return False
                if self._has_heard_enough():
                    raise TlsFailed(self._endless()) from None
            except (ssl.SSLError, ValueError) as error:
                if isinstance(error, Refused):
                    # For OpenSSL it is over: what it would say is that all is well, with tickets, or who we are.
                    self._outgoing.read()
                raise self._not_made(error) from error
            else:
                self.ready = True
                self._first = b""
                return True

    def read_into(self, memory: memoryview) -> int | None:
        """Fills the memory with what has come: 0 bytes at the end of the stream, None if more must come first.

        Raises:
            TlsFailed: the peer has refused us after its own end of the handshake, as it does in TLS 1.3.
            ConnectionLost: what came is not what the peer has sent, or it has ended the link because of us.
        """
        if self._error is not None:
            raise self._error
        size, count = len(memory), 0
        while count < size:
            fed = not self._stocked
            if fed and not self._feed():
                return count or None
            try:
                got = self._read(size - count, memory[count:] if count else memory)
            except ssl.SSLWantReadError:
                self._stocked = False
                if fed and self._is_barren() and self._has_heard_enough():
                    self._error = ConnectionLost(self._endless())
                    if count:
                        return count
                    raise self._error from None
                continue
            except ssl.SSLZeroReturnError:
                got = 0
            except ssl.SSLError as error:
                self._error = self._failure(error)
                self._error.__cause__ = error
                if count:  # OpenSSL says it once
                    return count
                raise self._error from error
            if not got:  # told again by the next read
                return count
            count += got
            self._heard = True
            # What is left of a record is told by filled memory alone; any other record is still to be fed.
            self._stocked = count == size or self._incoming.pending > 0
        return count

    def write(self, data: memoryview) -> bytes | None:
        """Makes records of the data, and of what else is to be said; None if the peer must be heard first.

        Raises:
            ConnectionLost: the link is broken.
        """
        try:
            self.object.write(data)
        except ssl.SSLWantReadError:  # it renegotiates, which contexts of ours do not allow
            return None
        except ssl.SSLError as error:
            raise self._failure(error) from error
        return self._outgoing.read()

    def data_to_send(self) -> bytes:
        """What TLS itself has to say."""
        if not self._outgoing.pending:
            return b""
        data = self._outgoing.read()
        if not self.ready and data[_MESSAGE] == _NO_CERTIFICATE:
            self._empty_handed = True
        return data

    def end(self) -> bytes:
        """Ends our half; the peer's end is not waited for."""
        with suppress(ssl.SSLError, ValueError):  # it wants to read the peer's end, or there is no link to end
            self.object.unwrap()
        return self._outgoing.read()

    def lost(self) -> AssociationError | None:
        """What it means that the transport ends here; None if it is not about TLS."""
        if not self.ready:
            from dicomnet.tls.failures import left

            return left(self._first, self.peer, server_side=self.server_side)
        # Of TLS 1.3 the peer's verdict on our certificate comes last, behind the end of our own handshake; most peers
        # send tickets then. Who says nothing and goes has in all likelihood not even finished it.
        if self._first or self._heard or self.server_side or self.object.version() != "TLSv1.3":
            return None
        from dicomnet.tls.failures import unheard

        return unheard(self.peer)

    def _is_barren(self) -> bool:
        """Whether a record without data was one that costs: up to TLS 1.2 OpenSSL itself has enough of empty ones."""
        return self._outgoing.pending > 0 or self.object.version() == "TLSv1.3"

    def _has_heard_enough(self) -> bool:
        """Counts a record that brought nothing for us, or a piece of a handshake."""
        self._barren += 1
        return self._barren > MOST_BARREN

    def _endless(self) -> str:
        from dicomnet.tls.failures import endless

        return endless(self.peer)

    def _failure(self, error: ssl.SSLError) -> AssociationError:
        from dicomnet.tls.failures import broken, is_alert

        if self._heard or not is_alert(error):
            return ConnectionLost(broken(error))
        return self._not_made(error)

    def _not_made(self, error: ssl.SSLError | ValueError) -> TlsFailed:
        from dicomnet.tls.failures import handshake_failed, unverified_certificate

        return handshake_failed(
            error,
            self.peer,
            certificate=unverified_certificate(self.object),
            name=self.object.server_hostname,
            empty_handed=self._empty_handed,
        )

    def _feed(self) -> bool:
        """Gives OpenSSL what there is of the next record; says whether that is all of it."""
        rest = self._rest
        if not rest:
            return False
        if not self._lacking:
            if not self._first:
                self._first = bytes(rest[:_ENOUGH])
                if not self.ready and self._first[0] not in TLS_RECORDS:
                    from dicomnet.tls.failures import speaks_no_tls

                    raise speaks_no_tls(self._first, self.peer)
            if self._header or len(rest) < _HEADER:
                header = self._header + rest[: _HEADER - len(self._header)]
                rest = self._rest = rest[len(header) - len(self._header) :]
                self._header = header
                if len(header) < _HEADER:
                    return False
                self._header = b""
                self._incoming.write(header)
                self._lacking = header[3] << 8 | header[4]
            else:
                self._lacking = _HEADER + (rest[3] << 8 | rest[4])
        piece = rest[: self._lacking]
        self._incoming.write(piece)
        self._lacking -= len(piece)
        self._rest = rest[len(piece) :]
        self._stocked = not self._lacking
        return self._stocked


PIECE = 112 * 1024
"""Bytes to give to `write` at a time: seven records. Measured: four cost 2 to 4 % more of the processor, and sixteen a third,
because the C library gets memory from 128 KiB on from the system anew each time. A slow line must be seen to move meanwhile."""

MOST_BARREN = 1024
"""Records of the handshake, and after it without data: a handshake has ten, a link changes its keys once in a hundred
gigabytes. Each change costs us more than the peer, and has an answer that he need not read."""

_HEADER = 5
"""Of a record: its type, a version, and two bytes of length (RFC 8446 5.1)."""

_MESSAGE = slice(_HEADER, _HEADER + 7)
_NO_CERTIFICATE = bytes.fromhex("0b 000003 000000")
"""A requestor's Certificate message without certificates, in the clear up to TLS 1.2 (RFC 5246 7.4.6)."""

_ENOUGH = 16
"""Bytes that tell what somebody speaks instead."""

_NOTHING = memoryview(b"")
