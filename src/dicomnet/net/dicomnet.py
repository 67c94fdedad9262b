"""The DicomNet object: it listens, connects, accepts, associates, sends and receives, with an event for each."""

from __future__ import annotations

import ipaddress
import logging
import os
import socket
import threading
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from enum import Enum, IntFlag
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, cast

from dicomnet import sockets
from dicomnet.aio.admission import Admission
from dicomnet.aio.channel import Channel
from dicomnet.aio.connect import attach
from dicomnet.aio.door import Guest, TurnedAway
from dicomnet.aio.handshakes import Handshakes
from dicomnet.aio.listen import Listener
from dicomnet.aio.sockets import open_socket
from dicomnet.dimse.endpoint import Endpoint
from dicomnet.errors import (
    AssociationError,
    ConnectFailed,
    ConnectionLost,
    InvalidValue,
    ListenFailed,
    StateError,
    TlsFailed,
    Unsupported,
)
from dicomnet.exchanges.ledger import Ledger
from dicomnet.exchanges.settings import check_kinds
from dicomnet.limits import Limits, Timeouts
from dicomnet.net.associate import Associate
from dicomnet.net.callbacks import F
from dicomnet.net.engine import running
from dicomnet.net.link import Link
from dicomnet.net.mailbox import Mailbox
from dicomnet.net.message import Message
from dicomnet.net.sending import Sending
from dicomnet.networks import Network, networks, within
from dicomnet.pdu import Abort, AssociateReject
from dicomnet.pdu.write import push_pdu
from dicomnet.sockets import IpType, SocketOptions, address_text
from dicomnet.storage.destination import SPOOL

if TYPE_CHECKING:
    import ssl

    from dicomnet.tls import CipherInfo, TlsConfig, TlsFacts

log = logging.getLogger("dicomnet.net")


class SecurityMode(Enum):
    """What protects the connections of an object; fixed when it is made."""

    NONE = "none"
    TLS = "tls"
    ISCL = "iscl"
    """Retired and broken; asking for it raises `Unsupported`."""


class NetFlags(IntFlag):
    """Options of sending."""

    NONE = 0
    SEND_GROUP_LENGTHS = 1
    """Data sets given as `Dataset` are sent with group length elements (gggg,0000), which the standard has retired."""


class DicomNet(Sending):
    """One application entity at one connection, or listening for connections.

    Subclass it and override the callbacks you care about, or register
    functions with `on`. Callbacks of one object run one after the other on
    worker threads; abort, close and C-CANCEL take effect at once, also while a
    callback runs.

    Args:
        temp_dir: where data sets are spooled; the system's place by default.
        security: what protects the connection.
        tls: certificates and rules for `SecurityMode.TLS`; given alone, it turns TLS on.
        destination: where received C-STORE data sets go: the path of a folder, `MEMORY`, `SPOOL`, a `storage` folder,
            or a callable that is given the request's command before the data arrive and returns one of these or the
            path of the file to make. It is called on a worker thread, perhaps while a callback runs.

    Raises:
        InvalidValue: there is no such security mode, or an option is not of its kind.
        StateError: `tls` was given for the security mode NONE.
        Unsupported: ISCL was asked for.
    """

    streaming_send = True
    """Files are streamed as they are sent; there is no other way, so this says it for those who look for the switch."""

    def __init__(
        self,
        temp_dir: str | os.PathLike[str] | None = None,
        security: SecurityMode | str | None = None,
        *,
        tls: TlsConfig | None = None,
        destination: Any = SPOOL,
        limits: Limits | None = None,
        timeouts: Timeouts | None = None,
        socket_options: SocketOptions | None = None,
        flags: NetFlags = NetFlags.NONE,
    ) -> None:
        super().__init__()
        check_kinds(limits=(limits, Limits), timeouts=(timeouts, Timeouts))
        check_kinds(socket_options=(socket_options, SocketOptions))
        try:
            mode = SecurityMode(security) if security is not None else SecurityMode.TLS if tls else SecurityMode.NONE
        except ValueError:
            raise InvalidValue(f"{security!r} is no security mode") from None
        if mode is SecurityMode.ISCL:
            raise Unsupported(
                "ISCL rests on DES and MD5, protects nothing and has left the standard; use SecurityMode.TLS"
            )
        self._security_mode = mode
        self.temp_dir = None if temp_dir is None else os.fspath(temp_dir)
        self.tls = tls
        self.destination = destination
        self.limits = limits or Limits()
        self.timeouts = timeouts or Timeouts()
        self.socket_options = socket_options or SocketOptions.defaults()
        """Of connections made from now on."""
        self.flags = flags
        self._runtime = running()
        self._mailbox = Mailbox(self._runtime)
        self._lock = threading.Lock()
        self._starting = threading.Lock()
        self._closed = False
        self._link: Link | None = None
        self._listener: Listener | None = None
        self._listening_at = ("", 0)
        self._waiting: deque[_Waiting] = deque()
        self._proxies: tuple[Network, ...] = ()
        self._admission = Admission(self.limits)
        self._handshakes = Handshakes(self.limits.handshakes)
        self._client_links: tuple[Link, ...] = ()
        self._current_message: Message[Any] | None = None
        self._ip_type = IpType.IPV4_OR_IPV6

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        kind = type(self).__name__
        if self._listener is not None:
            return f"<{kind} listening on {self.host_address}:{self.host_port}, {len(self.clients)} clients>"
        link = self._link
        if link is None or not link.connected:
            return f"<{kind} closed>"
        state = "associated" if link.associated else "connected"
        return f"<{kind} {link.ledger.id} {state}, peer {self.peer_address}:{self.peer_port}>"

    def on(self, name: str, function: F | None = None) -> Any:
        registered = super().on(name, function)
        link = self._link
        if link is not None and self._is_listened_to("receive"):
            link.tap()
        return registered

    # Listening.

    def listen(
        self,
        host: str = "",
        port: int = 0,
        backlog: int = 128,
        *,
        ip_type: IpType = IpType.IPV4_OR_IPV6,
        proxies: str | Iterable[Any] = (),
    ) -> tuple[str, int]:
        """Listens for connections; `on_accept` tells of each.

        Args:
            host: "" and "*" are every address of this machine.
            port: 0 is the first free one.
            backlog: connections the system holds until they are accepted.
            proxies: networks of proxies that say for whom they speak, as for `Server`; until one has, and that is after
                `accept`, the peer's address is the proxy's.

        Returns:
            The bound address and port.

        Raises:
            ListenFailed: the address is in use, not ours, or not allowed.
            InvalidValue: there is no such port, or a network is none, or `tls` is not for an acceptor.
            StateError: the object is in use already.
            TlsFailed: a certificate or key in `tls` cannot be used.
        """
        self._take_up()
        _check_port(port)
        if self.tls is not None:  # else whoever is accepted into has settings of its own
            self._tls_context(acceptor=True)
        self._proxies = networks(proxies)
        try:
            bound = sockets.bind(host, port, ip_type=ip_type, backlog=backlog, options=self.socket_options)
        except (OSError, UnicodeError) as error:
            raise ListenFailed(f"{host or '*'}:{port}", sockets.plain_reason(error)) from error
        self._ip_type = ip_type
        self._admission = Admission(self.limits)
        self._handshakes = Handshakes(self.limits.handshakes)
        self._link = None
        self._closed = False
        try:
            self._runtime.call(self._start_listening, bound)
        except StateError:
            for sock in bound:
                sock.close()
            raise
        return self._listening_at

    def accept(self, net: DicomNet | None = None) -> DicomNet:
        """Gives the oldest waiting connection to a new object, which is returned.

        Args:
            net: an unused object, perhaps of a subclass; by default a new one of this object's class, made without
                arguments and given this object's settings. Without `tls` or `on_private_key_password` of its own it gets
                this object's; that it is for TLS it must say itself, with `tls=` or `security="tls"`.

        Raises:
            StateError: no connection waits, or the object is in use or of another security mode.
            TlsFailed: a certificate or key of ours cannot be used; the connection goes on waiting.
        """
        if net is None:
            net = type(self)()
            net._take_settings(self)
        if net.security_mode is not self.security_mode:
            raise StateError(
                f"a {self.security_mode.name} listener cannot accept into a {net.security_mode.name} object; "
                f"make that with security={self.security_mode.value!r}"
            )
        net.tls = net.tls or self.tls
        with net._starting:
            net._take_up()
            context = net._tls_context(acceptor=True, listener=self)
            try:
                waiting = self._waiting.popleft()
            except IndexError:
                raise StateError("no connection is waiting") from None
            net._ip_type = self._ip_type
            link = net._new_link(requestor=False, server=self)
        guest = waiting.guest
        link.on_end = guest.place.leave
        link.up(waiting.address, (guest.host, guest.port))
        with self._lock:
            closed = self._closed
            if not closed:
                self._client_links += (link,)
        if closed:  # while we were at it: nobody would ever close the newcomer
            link.closed_here = True
            guest.sock.close()
            with suppress(StateError):
                self._runtime.post(guest.place.leave)
            raise StateError("the listener is closed")
        try:
            self._runtime.post(link.run, partial(net._hear, link, guest, context, self._handshakes), guest.sock)
        except StateError:
            guest.sock.close()
            raise
        return net

    def stop_listening(self) -> None:
        """Accepts no more connections; those accepted live on."""
        listener, self._listener = self._listener, None
        if listener is not None:
            self._runtime.call(self._stop_listening, listener)

    # Connecting.

    def connect(
        self,
        peer: str,
        peer_port: int,
        local: tuple[str, int] = ("", 0),
        *,
        ip_type: IpType = IpType.IPV4_OR_IPV6,
    ) -> None:
        """Connects to a peer and returns at once; `on_connect` tells the outcome.

        Args:
            local: the address and port to connect from.

        Raises:
            InvalidValue: IPv4 and IPv6 addresses are mixed, or there is no such port.
            StateError: the object is in use already.
            TlsFailed: a certificate or key of ours cannot be used.
        """
        if not peer_port:
            raise InvalidValue("nobody listens on port 0")
        _check_port(peer_port)
        _check_port(local[1])
        versions = {v for v in (_ip_version(peer), _ip_version(local[0])) if v is not None}
        if len(versions) > 1:
            raise InvalidValue(f"{peer} and {local[0]} are of different IP versions")
        context = self._tls_context(acceptor=False)
        with self._starting:
            self._take_up()
            self._ip_type = ip_type
            link = self._new_link(requestor=True)
        self._runtime.post(link.run, partial(self._connect, link, peer, peer_port, local, ip_type, context))

    def close(self, force: bool = False) -> None:
        """Closes the connection, or a listener with all its clients; the peer gets `on_close`, this object does not.

        What is queued and has not left is lost; `flush` first to wait for it.

        Args:
            force: drop the connection at once, also what the system still holds.
        """
        self.stop_listening()
        with self._lock:
            self._closed = True
            clients = self._client_links
        for client in clients:
            client.close(force=force)
        if self._link is not None:
            self._link.close(force=force)

    def flush(self, timeout: float | None = None) -> None:
        """Waits until all that was queued has been handed to the system, or the connection ended; never for callbacks.

        A request beyond the negotiated window leaves when an earlier one is
        answered, and is waited for until then.

        Raises:
            DicomTimeout: it took longer than `timeout` seconds.
            StateError: in a callback of this object: the rest leaves when answers have come, and no more of those are
                read before the callback has returned.
        """
        if self._link is not None:
            self._link.flush(timeout)

    # The association.

    def send_associate_request(self, associate: Associate) -> None:
        """Asks for an association.

        Raises:
            InvalidValue: the request breaks PS3.8, or its parts contradict each other.
            StateError: it is not a request, or there is no connection.
        """
        request = associate.to_request()
        push_pdu(request)
        self._live_link().send_associate_request(request)

    def send_associate_accept(self, associate: Associate) -> None:
        """Accepts the association asked for; from here on messages may be sent. Raises like `send_associate_request`."""
        accept = associate.to_accept()
        push_pdu(accept)
        self._live_link().send_associate_accept(accept)

    def send_associate_reject(self, result: int, source: int, reason: int) -> None:
        """Rejects the association asked for (PS3.8 9.3.4). Raises InvalidValue for numbers outside Table 9-21."""
        reject = AssociateReject(result, source, reason)
        push_pdu(reject)
        self._live_link().send_associate_reject(reject)

    def send_release_request(self) -> None:
        """Asks the peer to end the association; it leaves once our own requests are answered (PS3.7 A.5)."""
        self._live_link().send_release_request()

    def send_release_response(self) -> None:
        """Agrees to the release the peer asked for."""
        self._live_link().send_release_response()

    def send_abort(self, source: int = 0, reason: int = 0) -> None:
        """Ends the association at once: what is queued is dropped (PS3.8 9.3.8)."""
        push_pdu(Abort(source, reason))
        self._live_link().send_abort(source, reason)

    def is_cancelled(self, message_id: int) -> bool:
        """Whether the peer has cancelled its request `message_id`; also true while a callback for it runs."""
        return self._link is not None and self._link.is_cancelled(message_id)

    # How it stands.

    @property
    def is_activated(self) -> bool:
        """Whether there is a live socket, listening or connected."""
        return self._listener is not None or self.is_connected

    @property
    def is_connected(self) -> bool:
        """Whether TCP is up."""
        return self._link is not None and self._link.connected

    @property
    def is_associated(self) -> bool:
        """Whether an association was accepted and not yet released or aborted."""
        return self._link is not None and self._link.associated

    @property
    def is_secure(self) -> bool:
        """Whether the TLS handshake is over and the peer was not refused."""
        return self._link is not None and self._link.secure

    @property
    def security_mode(self) -> SecurityMode:
        return self._security_mode

    @property
    def tls(self) -> TlsConfig | None:
        """Certificates and rules; change them before `connect` or `accept`.

        Raises:
            InvalidValue: on setting, if it is no `TlsConfig`.
            StateError: on setting, where the object's security mode is NONE, and they would not be used.
        """
        return self._tls

    @tls.setter
    def tls(self, config: TlsConfig | None) -> None:
        if config is not None and self._security_mode is not SecurityMode.TLS:
            raise StateError("the security mode of this object is NONE, so its connections would be plain all the same")
        if config is not None:  # whoever has one pays for this import no more
            from dicomnet.tls import TlsConfig

            check_kinds(tls=(config, TlsConfig))
        self._tls = config

    @property
    def cipher(self) -> CipherInfo | None:
        """The cipher suite in force."""
        from dicomnet.tls import cipher_info

        found = self._extra("ssl_object")
        return None if found is None else cipher_info(found)

    @property
    def secure_link(self) -> TlsFacts | None:
        """The facts of the connection's TLS: version, suite, and the peer's certificate; None if it has none."""
        from dicomnet.tls import tls_facts

        found = self._extra("ssl_object")
        return None if found is None else tls_facts(found)

    @property
    def ip_type(self) -> IpType:
        """The address families it was told to use."""
        return self._ip_type

    @property
    def host_address(self) -> str:
        """Our address, of the connection or the listener."""
        return self._host[0]

    @property
    def host_port(self) -> int:
        return self._host[1]

    @property
    def peer_address(self) -> str:
        return "" if self._link is None else self._link.peer_address[0]

    @property
    def peer_port(self) -> int:
        return 0 if self._link is None else self._link.peer_address[1]

    @property
    def server(self) -> DicomNet | None:
        """The listener that accepted this object's connection."""
        return None if self._link is None else self._link.server

    @property
    def clients(self) -> tuple[DicomNet, ...]:
        """Of a listener: the objects whose connections it accepted and that live."""
        with self._lock:
            links = self._client_links
        return tuple(cast("DicomNet", link.net) for link in links if not link.over)

    @property
    def association(self) -> Associate | None:
        """What was negotiated."""
        return None if self._link is None else self._link.associate

    @property
    def current_command(self) -> dict[int, object] | None:
        """Every element of the command whose callback runs now, by tag."""
        message = self._current_message
        return None if message is None else message.command_set

    @property
    def send_queue_length(self) -> int:
        """Items queued and not yet sent."""
        return 0 if self._link is None else self._link.queue_length

    @property
    def _group_lengths(self) -> bool:  # type: ignore[override]
        return bool(self.flags & NetFlags.SEND_GROUP_LENGTHS)

    # Inside.

    @property
    def _host(self) -> tuple[str, int]:
        if self._link is not None:
            return self._link.host_address
        return self._listening_at

    def _extra(self, wanted: str) -> Any:
        link = self._link
        return None if link is None or link.channel is None else link.channel.get_extra_info(wanted)

    def _live_link(self) -> Link:
        if self._link is None:
            raise StateError("there is no connection")
        return self._link

    def _take_up(self) -> None:
        """Makes ready for a new connection or listener."""
        if self._listener is not None or (self._link is not None and not self._link.over):
            raise StateError("the object is in use; close it first or take another")
        if self._runtime.over:
            self._runtime = running()
            self._mailbox = Mailbox(self._runtime)
        if self._runtime.over:
            raise StateError("the network is being shut down")

    def _take_settings(self, other: DicomNet) -> None:
        self.temp_dir, self.destination = other.temp_dir, other.destination
        self.limits, self.timeouts = other.limits, other.timeouts
        self.socket_options, self.flags = other.socket_options, other.flags
        self._security_mode, self.tls = other._security_mode, other.tls

    def _tls_context(self, *, acceptor: bool, listener: DicomNet | None = None) -> ssl.SSLContext | None:
        if self._security_mode is not SecurityMode.TLS:
            return None
        from dicomnet.tls import TlsConfig

        config = self.tls or TlsConfig()
        knows = listener if listener is not None and not self._is_listened_to("private_key_password") else self
        password = knows._callback("private_key_password")
        return config.acceptor_context(password) if acceptor else config.requestor_context(password)

    def _new_link(self, *, requestor: bool, server: DicomNet | None = None) -> Link:
        ledger = Ledger(os.urandom(2).hex(), self._runtime.loop.time())
        core = Endpoint(
            requestor=requestor,
            limits=self.limits,
            timeouts=self.timeouts,
            tap=self._is_listened_to("receive"),
            label=ledger.id,
        )
        link = self._link = Link(self, core, ledger, server)
        return link

    # On the loop's thread.

    async def _start_listening(self, bound: list[socket.socket]) -> None:
        self._listener = Listener(bound, self._connection_waits, self.socket_options, self._cannot_accept)
        self._listening_at = self._listener.address
        self._runtime.active.add(self._stop)

    def _cannot_accept(self, error: OSError) -> None:
        host, port = self._listening_at
        failure = ListenFailed(f"{host}:{port}", sockets.plain_reason(error))
        self._mailbox.post(partial(self._call_on_accept, failure))

    async def _stop_listening(self, listener: Listener) -> None:
        self._runtime.active.discard(self._stop)
        await listener.close()
        with suppress(IndexError):  # another thread may accept meanwhile
            while True:
                self._waiting.popleft().close()

    def _connection_waits(self, sock: socket.socket, host: str, port: int) -> None:
        proxied = within(host, self._proxies)
        place = self._admission.enter(host, sock, proxied=proxied)
        if place is None:
            sock.close()
            return
        now = self._runtime.loop.time()
        waiting = _Waiting(self, Guest(sock, host, port, place, now, proxied=proxied))
        place.drop = waiting.drop
        if place.refuse is not None:
            self._refuse(waiting)
            return
        self._waiting.append(waiting)
        self._runtime.hub.deadlines.arm(waiting, now + self.timeouts.artim)
        self._mailbox.post(partial(self._call_on_accept, None, waiting))

    def _refuse(self, waiting: _Waiting) -> None:
        """One too many: heard out, because a rejection says more than a closed connection (PS3.8 9.3.4)."""
        if self._security_mode is SecurityMode.TLS and self.tls is None:
            log.warning("%s is closed: there is no room, and only who accepts here has settings for TLS", waiting.guest)
            waiting.close()
            return
        stranger, guest = DicomNet(), waiting.guest
        stranger._take_settings(self)
        link = stranger._new_link(requestor=False)
        link.on_end = guest.place.leave
        link.up(waiting.address, (guest.host, guest.port))
        link.run(partial(self._hear_out, stranger, link, guest), guest.sock)

    async def _hear_out(self, stranger: DicomNet, link: Link, guest: Guest) -> None:
        # Making a context reads files and may ask for a password, for which the loop has no time.
        context = await self._runtime.loop.run_in_executor(None, partial(self._tls_context, acceptor=True))
        await stranger._hear(link, guest, context, self._handshakes)

    async def _hear(self, link: Link, guest: Guest, context: ssl.SSLContext | None, handshakes: Handshakes) -> None:
        """The steps of a connection that was accepted."""
        guest.since = self._runtime.loop.time()  # before that its peer has waited for us
        try:
            await guest.hear(self.timeouts, secure=context is not None)
        except (AssociationError, OSError) as error:
            guest.sock.close()
            self._turn_away(link, guest, error, secure=context is not None)
            return
        link.heard(guest.host, guest.port, via=guest.via, refuse=guest.place.refuse)
        if context is None:
            await self._attach(link, guest.sock, None, None, guest)
            return
        async with handshakes.place(guest.host):
            await self._attach(link, guest.sock, context, None, guest)

    def _turn_away(self, link: Link, guest: Guest, error: AssociationError | OSError, *, secure: bool) -> None:
        link.heard(guest.host, guest.port, via=guest.via)
        if isinstance(error, TlsFailed) and secure:
            self._tell_failed_handshake(link, error)
        elif isinstance(error, TlsFailed | TurnedAway):
            log.warning("%s %s: %s", link.ledger.id, link.ledger.who, error)
        link.closed(error if isinstance(error, AssociationError) else ConnectionLost(sockets.broken_reason(error)))

    async def _connect(
        self,
        link: Link,
        peer: str,
        peer_port: int,
        local: tuple[str, int],
        ip_type: IpType,
        context: ssl.SSLContext | None,
    ) -> None:
        try:
            sock = await open_socket(
                peer,
                peer_port,
                local=local,
                ip_type=ip_type,
                timeout=self.timeouts.connect,
                options=self.socket_options,
            )
            link.up(address_text(sock.getsockname()), address_text(sock.getpeername()))
        except (ConnectFailed, OSError) as error:  # also a peer that is gone before it has a name
            if isinstance(error, OSError):
                sock.close()
                error = ConnectFailed(f"{peer}:{peer_port}", sockets.plain_reason(error))
            link.connect_failed(error)
            return
        link.post("connect", None)
        await self._attach(link, sock, context, peer)

    async def _attach(
        self,
        link: Link,
        sock: socket.socket,
        context: ssl.SSLContext | None,
        peer_name: str | None,
        guest: Guest | None = None,
    ) -> None:
        since = None if guest is None or context is not None else guest.since
        channel = link.channel = Channel(link.core, link, self._runtime.hub, hold=context is not None, since=since)
        try:
            await attach(
                sock,
                channel,
                context=context,
                server_side=not link.core.connection.requestor,
                server_hostname=peer_name
                if self.tls is None or peer_name is None
                else self.tls.name_to_check(peer_name),
                handshake_timeout=self.timeouts.handshake,
            )
        except TlsFailed as error:
            self._tell_failed_handshake(link, error)
            link.closed(error)
            return
        if not (link.server or self).socket_options.no_delay:  # which asyncio has switched on
            channel.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 0)
        if context is None or link.over:
            return
        if self._is_listened_to("verify_certificate"):
            self._mailbox.post(partial(self._verify, link, channel))
        else:
            self._secured(link, channel, None)

    def _tell_failed_handshake(self, link: Link, error: TlsFailed) -> None:
        import ssl

        from dicomnet.tls import failed_verification

        log.warning("%s %s: %s", link.ledger.id, link.ledger.who, error)
        if isinstance(error.__cause__, ssl.SSLCertVerificationError) and self._is_listened_to("verify_certificate"):
            link.post("verify_certificate", failed_verification(error.__cause__))
        link.post("secure_link_ready", error)

    def _secured(self, link: Link, channel: Channel, refusal: TlsFailed | None) -> None:
        if link.over:
            return
        link.post("secure_link_ready", refusal)
        if refusal is not None:
            log.warning("%s %s: %s", link.ledger.id, link.ledger.who, refusal)
            link.failed(refusal)
            channel.abort_transport()
            return
        link.secured()
        channel.proceed()

    def _link_ended(self, link: Link, error: Exception | None, *, tell: bool) -> None:
        server = link.server
        if server is not None:
            with server._lock:
                server._client_links = tuple(other for other in server._client_links if other is not link)
        if tell:
            link.post("close", error, self)
        if server is not None and not link.closed_here:
            # Behind the child's own callback, so that the listener hears of it second.
            self._mailbox.post(partial(server._mailbox.post, partial(server._call_on_close, error, self)))

    async def _stop(self) -> None:
        """Stops listening, for `shutdown`."""
        listener, self._listener = self._listener, None
        if listener is not None:
            await self._stop_listening(listener)

    # On callback threads.

    def _verify(self, link: Link, channel: Channel) -> None:
        from dicomnet.tls import peer_certificates

        refusal = None
        try:
            verify = self._callback("verify_certificate")
            for result in peer_certificates(channel.get_extra_info("ssl_object")):
                if not verify(result):
                    refusal = TlsFailed(f"the application refused the certificate of {result.subject}")
                    break
        except BaseException as error:
            log.exception("%s on_verify_certificate raised; the peer is refused", link.ledger.id)
            refusal = TlsFailed(f"the certificate could not be verified: {error}")
        with suppress(StateError):  # shut down meanwhile
            self._runtime.post(self._secured, link, channel, refusal)

    def _call_on_accept(self, error: Exception | None, waiting: _Waiting | None = None) -> None:
        if error is None and not self._waiting:  # accepted already, or gone
            return
        try:
            self._callback("accept")(error)
        except BaseException:
            log.exception("on_accept raised; a connection that it has not accepted is closed")
            if waiting is not None:
                with suppress(StateError):  # shut down meanwhile
                    self._runtime.post(waiting.give_up)

    def _call_on_close(self, error: Exception | None, net: DicomNet) -> None:
        try:
            self._callback("close")(error, net)
        except BaseException:
            log.exception("on_close raised")


class _Waiting:
    """A connection that nobody has accepted yet; it waits as long as one that asks for nothing (PS3.8 9.1.5)."""

    armed: float | None = None

    def __init__(self, listener: DicomNet, guest: Guest) -> None:
        self.guest = guest
        self.address = address_text(guest.sock.getsockname())
        self._listener = listener

    def deadline_came(self, now: float) -> None:  # noqa: ARG002
        if self._leave_queue():
            log.warning("%s was not accepted in time and is closed", self.guest)
            self.close()

    def give_up(self) -> None:
        """Nobody will accept it, so its place in the queue would be taken for that of the next one."""
        if self._leave_queue():
            self.close()

    def drop(self) -> None:
        """Makes room for another one; whoever has accepted it sees its end."""
        if self._leave_queue():
            self.close()
        else:
            with suppress(OSError):
                self.guest.sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.guest.sock.close()
        self.guest.place.leave()

    def _leave_queue(self) -> bool:
        try:
            self._listener._waiting.remove(self)
        except ValueError:  # accepted
            return False
        return True


def _ip_version(host: str) -> int | None:
    try:
        return ipaddress.ip_address(host).version
    except ValueError:
        return None


def _check_port(port: int) -> None:
    if not 0 <= port <= 65535:
        raise InvalidValue(f"port {port} is not between 0 and 65535")
