"""A server: titles with their handlers, addresses to listen at, and a loop to run on."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from dicomnet.errors import InvalidValue, StateError
from dicomnet.exchanges.calls import Answer
from dicomnet.exchanges.commitment import Transactions
from dicomnet.exchanges.settings import DEFAULT_PORT, check_kinds, check_tls
from dicomnet.exchanges.tolerance import Tolerance
from dicomnet.limits import Limits, Timeouts
from dicomnet.networks import networks as networks_of
from dicomnet.server.answer import Extended
from dicomnet.server.credentials import renew
from dicomnet.server.entity import Entity
from dicomnet.server.inbox import Inbox, Lent
from dicomnet.server.inherited import listening_socket
from dicomnet.server.layout import Layout
from dicomnet.server.policy import IdentityCheck, Peers, rules
from dicomnet.server.process import Background, run
from dicomnet.server.running import Running, begin
from dicomnet.server.site import Entrance, Site
from dicomnet.sockets import SocketOptions, address_text
from dicomnet.storage.rules import FileRules
from dicomnet.storage.twins import Duplicates
from dicomnet.storage.walk import Check
from dicomnet.types import Address

if TYPE_CHECKING:
    import ssl

    from dicomnet.aio.observe import Observer
    from dicomnet.server.audit import AuditLog
    from dicomnet.sync.peer import Peer
    from dicomnet.tls import TlsConfig


class Server(Entity):
    """Provides services: handlers perform what peers ask for.

    It runs in one of three ways::

        server.run(workers=4)            # until SIGTERM or SIGINT
        with server: ...                 # a loop in a thread of its own
        async with server: ...           # on the running loop

    Handlers are registered with decorators (``@server.on_store``), or are the
    methods of a subclass that are named like them.

    Args:
        aet: the title that we are called by; None is any. Others are rejected (1/1/7).
        port: 0 is a free one, see `port`.
        host: the address to listen at; "" is every one, IPv4 and IPv6.
        tls: makes the links secure.
        proxies: networks of proxies that are trusted to say for whom they speak, by the PROXY protocol (version 1 or 2), and
            who have to: the address that they tell is the peer's, for limits, rules and the log. Who calls from a proxy's
            own machine has that one's address, and not the rights of ours. From anybody else such a header is hostile.
        sock: a socket that listens already, or its descriptor, in place of host and port. It stays the caller's, and so do
            those who wait in its queue at the end.
        folder: where instances are kept that no store handler is for; made at the start if it is not there.
        layout: how files are named there, see `Layout`.
        calling_ae: the titles that may call; None is any.
        networks: the addresses that may call, such as "10.1.0.0/16"; None is any.
        certificates: by calling title the certificate that it must come with: a subject ("CN=ct1.example"), an alternative
            name, or "sha256:" and a fingerprint; several are a list, and "*" is every other title. An address must ask
            for them, with ``TlsConfig(..., verify=VerifyMode.PEER)``.
        user_identity: told a `Caller`, with the user identity that it brings (PS3.7 D.3.3.7). True takes it, a `Verified` or
            bytes take it and say more.
        identity_required: whether a peer without an identity is rejected where there is a function for it.
        verbs: by calling title the operations that it may ask for at most, such as "store" and "n-create"; "n" stands for
            all N-services, the title "*" for everybody else.
        peers: the address book, title to place, see `Peers`. It says where C-MOVE sends to and where commitment results go, and
            its peers may find, get and move. Others may do so from ``allow_retrieve`` and from this machine only.
        allow_retrieve: networks from which anybody may find, get and move.
        unrestricted: whether private and unknown storage classes are taken, too. Those that a peer describes as storage
            (PS3.4 B.3.1.3) always are.
        transfer_syntaxes: for instances, the best first; None prefers uncompressed and lossless ones.
        extended: see `Extended`; None agrees on nothing.
        window: operations at a time for a peer that asks for it (PS3.7 D.3.3.3).
        max_pdu_length: the largest PDU we want to receive, in bytes.
        limits: on connections, memory and what peers send.
        timeouts: in seconds, each with its own default.
        tolerance: what peers may do against the standard.
        destination_associations: how many associations a C-MOVE opens to its destination at a time.
        handler_threads: how many handlers that are no coroutines run at a time: one address gets half of them, one
            association 4. Those that have waited for a slow peer for a second do not count.
        durable: whether an instance is acknowledged only when even a power cut would not take it.
        check: what becomes of an instance that is to be a file and is not the one of its command, or not whole: "refuse"
            answers A900 or C000, "warn" keeps it and answers B007, "off" does not look.
        duplicates: what becomes of another data set of an instance that is kept already: "keep-both" keeps it beside the first,
            as ``UID~2.dcm``, "replace" in its place, "refuse" answers 0111. The same one is success in any case.
        strict_uids: whether an instance is refused (0117) whose SOP instance UID is none; otherwise a digest names its file.
        reserve: what stays free on a disk for instances: bytes, or a text such as "5%" or "20 GB"; below that A700 is answered.
            0 is nothing, None the lesser of 2 GiB and 5 %.
        socket_options: of every connection.
        grace: seconds that peers get to release their associations after SIGTERM; then they are aborted.

    Raises:
        InvalidValue: one of them is not what it should be, or a subclass has an ``on_...`` method that no operation has.
    """

    def __init__(
        self,
        aet: str | None = None,
        *,
        port: int = 11112,
        host: str = "",
        tls: TlsConfig | ssl.SSLContext | None = None,
        proxies: str | Iterable[Any] = (),
        sock: socket.socket | int | None = None,
        folder: str | os.PathLike[str] | None = None,
        layout: str | Layout | None = None,
        calling_ae: str | Iterable[str] | None = None,
        networks: str | Iterable[Any] | None = None,
        certificates: Mapping[str, str | Iterable[str]] | None = None,
        user_identity: IdentityCheck | None = None,
        identity_required: bool = True,
        verbs: Mapping[str, Iterable[str]] | None = None,
        peers: Peers | None = None,
        allow_retrieve: str | Iterable[Any] | None = None,
        unrestricted: bool = False,
        transfer_syntaxes: Sequence[str] | None = None,
        extended: Extended | None = None,
        window: int | None = None,
        max_pdu_length: int | None = None,
        limits: Limits | None = None,
        timeouts: Timeouts | None = None,
        tolerance: Tolerance | None = None,
        destination_associations: int = 1,
        handler_threads: int = 32,
        durable: bool = True,
        check: Check = "refuse",
        duplicates: Duplicates = "keep-both",
        strict_uids: bool = False,
        reserve: int | str | None = None,
        socket_options: SocketOptions | None = None,
        grace: float = 30.0,
    ) -> None:
        check_kinds(timeouts=(timeouts, Timeouts), limits=(limits, Limits), tolerance=(tolerance, Tolerance))
        check_kinds(socket_options=(socket_options, SocketOptions))
        super().__init__(
            aet,
            rules=rules(
                calling_ae=calling_ae,
                networks=networks,
                certificates=certificates,
                user_identity=user_identity,
                identity_required=identity_required,
                verbs=verbs,
                peers=peers,
                allow_retrieve=allow_retrieve,
                ignore_title_case=tolerance is not None and tolerance.ignore_title_case,
            ),
            folder=folder,
            layout=layout,
            unrestricted=unrestricted,
            transfer_syntaxes=transfer_syntaxes,
            extended=extended,
            tolerance=tolerance,
            limits=_limits(limits, window, max_pdu_length),
            files=FileRules(durable, check, duplicates, strict_uids, reserve),
        )
        if destination_associations < 1:
            raise InvalidValue(f"{destination_associations} associations reach no destination")
        if handler_threads < 1:
            raise InvalidValue(f"{handler_threads} threads run no handler")
        self._site = Site(
            limits=self.limits,
            timeouts=timeouts or Timeouts(),
            tolerance=self.tolerance,
            socket_options=socket_options or SocketOptions(),
            destination_associations=destination_associations,
            handler_threads=handler_threads,
            grace=grace,
            entities=[self],
        )
        self._background: Background | None = None
        self._proxies = networks_of(proxies)
        self.listen(port, host=host, tls=tls, sock=sock)

    # What it consists of.

    def listen(
        self,
        port: int = 0,
        *,
        host: str = "",
        tls: TlsConfig | ssl.SSLContext | None = None,
        name: str | None = None,
        proxies: str | Iterable[Any] | None = None,
        sock: socket.socket | int | None = None,
    ) -> None:
        """Listens at one more address, from the next start on.

        Args:
            port: 0 is a free one.
            host: "" is every address of the machine.
            tls: makes the links secure; 2762 is the port for that (PS3.15 B.1).
            name: which of several sockets of systemd's socket activation is for it (``FileDescriptorName=``).
            proxies: as for the server, whose own they are unless given.
            sock: as for the server.

        Raises:
            InvalidValue: the port, a network, the socket or what makes links secure is none.
        """
        if not isinstance(port, int) or not 0 <= port <= 65535:
            raise InvalidValue(f"port {port!r} is no number between 0 and 65535")
        check_tls(tls)
        self._site.check_at_rest()
        trusted = self._proxies if proxies is None else networks_of(proxies)
        if sock is not None:
            with closing(listening_socket(sock)) as ours:
                host, port = address_text(ours.getsockname())
        host = host.removeprefix("[").removesuffix("]")  # as an IPv6 address is written before a port
        self._site.entrances.append(Entrance(host, port, tls, name or "", trusted, sock))

    def ae(self, aet: str, **options: Any) -> Entity:
        """Answers to one more title, with handlers of its own.

        Args:
            options: ``folder``, ``layout``, ``unrestricted``, ``transfer_syntaxes``, ``extended``, those about
                files, from ``durable`` to ``reserve``, and those about who may call, from ``calling_ae`` to
                ``allow_retrieve``. The last two are the server's unless given.

        Raises:
            InvalidValue: the title is taken, or none.
        """
        about_calls = {key: options.pop(key) for key in _RULES & options.keys()}
        options["files"] = replace(self.files, **{key: options.pop(key) for key in _FILES & options.keys()})
        entity = Entity(
            aet, rules=rules(self.rules, **about_calls), tolerance=self.tolerance, limits=self.limits, **options
        )
        if any(other.aet == entity.aet for other in self._site.entities):
            raise InvalidValue(f"{entity.aet or 'any title'} is a title of this server already")
        self._site.entities.append(entity)
        return entity

    def observe(self, function: Observer) -> Observer:
        """Calls a function with every event of `dicomnet.aio.observe`; it must not wait. Usable as a decorator."""
        self._site.observers.append(function)
        if self._site.running is not None:
            self._site.running.observe(function)
        return function

    def audit(self, path: str | os.PathLike[str], *, values: bool = False) -> AuditLog:
        """Writes who did what to a file: a line of JSON for each association, request and refusal, from now on.

        A disk that is slow or full costs lines, which are counted, and never an exchange. The file may be moved away
        at any time; SIGHUP begins a new one at once.

        Args:
            path: the file that lines are added to; made with mode 0600 if there is none.
            values: whether the keys of queries are written with what they ask for, such as the names of patients.

        Raises:
            InvalidValue: the file cannot be written to.
        """
        from dicomnet.server.audit import AuditLog

        log = AuditLog(path, server=self.title, values=values)
        self._site.audits.append(log)
        self.observe(log)
        return log

    # Running.

    def run(self, *, workers: int = 1, ready: Callable[[], object] | None = None) -> int:
        """Serves until SIGTERM or SIGINT; sockets of systemd's socket activation are used if there are any.

        The first signal ends the accepting and gives peers `grace` seconds to
        release; a second one ends at once. SIGHUP reads certificates anew, see `reload_tls`, and begins audits anew
        that were moved away. SIGINT stays ignored where whoever has started the program wants it to be.

        Args:
            workers: processes; more than one needs a system that forks. Inboxes and transactions are each process's own.
            ready: called when it listens and hears signals, in place of the lines in the log that say so; it must leave no
                thread behind if there are workers.

        Returns:
            The exit code for the process.

        Raises:
            ListenFailed: the address is in use, not ours, or not allowed.
            StorageError: nothing could be kept in the folder of a title.
            InvalidValue, TlsFailed: TLS settings are not for an acceptor, or a file is not what it should be.
            StateError: it runs already; a loop runs in this thread; or there are threads, which workers cannot be forked
                beside.
        """
        return run(self._site, workers, ready)

    def __enter__(self) -> Self:
        self._site.check_at_rest()
        self._site.bind()
        self._background = Background(self._site)
        try:
            self._background.start()
        except BaseException:
            self._background = None
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        self._site.check_at_rest()
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, self._site.bind)
        try:
            await begin(self._site)
        except BaseException:
            self._site.close_sockets()
            raise
        self._site.announce()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    def close(self, *, grace: float = 1.0) -> None:
        """Ends the server, from any thread but the loop's own.

        Args:
            grace: seconds that peers get to release their associations before these are aborted: little, because who
                leaves a ``with`` block is done with them.

        Raises:
            StateError: this is the thread that it runs on; use `aclose` there.
        """
        running, background = self._site.running, self._background
        if running is None:
            return
        if threading.get_ident() == running.thread:
            raise StateError("close would wait for its own thread; use 'await server.aclose()'")
        future = asyncio.run_coroutine_threadsafe(running.stop(grace), running.loop)
        future.result()
        if background is not None:
            background.join()
            self._background = None

    async def aclose(self, *, grace: float = 1.0) -> None:
        """The same on the loop that it runs on."""
        running = self._site.running
        if running is not None:
            await running.stop(grace)

    def reload_tls(self) -> None:
        """Reads certificates, keys, authorities and lists of revoked ones anew, now; associations live on with what they have.

        Hardly ever needed: files that change are found when the next connection
        comes. It reads in the thread that calls, and with worker processes for its own
        one; SIGHUP is for all of them.

        Raises:
            TlsFailed: a file is missing, or not what it should be, and what was in use stays in use.
        """
        running = self._site.running
        if running is None:
            renew(self._site)
        else:
            running.credentials.renew()

    @property
    def port(self) -> int:
        """The port of the first address, once the server listens the real one."""
        return self.addresses[0][1]

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Host and port of every address it listens at, in the order of `listen`."""
        return self._site.addresses()

    @property
    def title(self) -> str:
        """The title that we call others by."""
        return self._site.title

    # Towards others.

    def peer(self, address: str | Address, **options: Any) -> Peer:
        """A blocking `Peer` that borrows the server.

        What the peer sends on associations of its own finds its way to it: the
        instances of ``peer.move(...)`` to a folder, which come to us, and the
        results of storage commitments. The peer must know us by `title`. Moves
        to folders wait for each other.

        Args:
            options: as for `Peer`; ``aet`` is our title unless given.
        """
        from dicomnet.sync.peer import Peer

        options.setdefault("aet", self.title)
        return Peer(address, server=self._lent(address), **options)

    def aio_peer(self, address: str | Address, **options: Any) -> Any:
        """The same for the running loop: a `dicomnet.aio.peer.Peer`."""
        from dicomnet.aio.peer import Peer

        options.setdefault("aet", self.title)
        return Peer(address, server=self._lent(address), **options)

    @property
    def transactions(self) -> Transactions:
        """Storage commitments whose results may come here."""
        self._site.lends = True
        return self._site.transactions

    def inbox(
        self,
        destination: Any = None,
        *,
        title: str | None = None,
        peer: str | Address | None = None,
    ) -> Inbox:
        """Takes what a C-MOVE to ourselves brings, instead of the store handlers, until it is closed.

        An instance belongs there if it comes from the peer. From another
        address it does if its move originator is our title, its message ID that
        of our request, and its sender of the peer's title or in the address book.

        Args:
            destination: a folder or what else `Association.get` takes; None is memory.
            title: the originator, our title in the C-MOVE; None is `title`.
            peer: who is asked; None takes every instance whose originator is not somebody else.

        Raises:
            StorageError: the folder cannot be made.
        """
        return self._open_inbox(destination, title, peer)

    def event_report(
        self, to: str, sop_class: str, instance: str, event_type: int, dataset: Any = None, *, aet: str | None = None
    ) -> Answer:
        """N-EVENT-REPORT to a peer, on an association of our own in the SCP role (PS3.7 10.1.1); not on the loop's thread.

        On the peer's association, `Request.association` does it.

        Args:
            to: a title of the address book, or an address.
            sop_class: service, keyword or UID.
            instance: the SOP instance the event is about.
            event_type: its event type ID.
            dataset: the event information.
            aet: the title to call from; None is `title`.

        Raises:
            InvalidValue: the title is not in the address book.
            AssociationError: the peer cannot be reached, or does not want to.
            StatusError: it answers with a failure.
            StateError: the server does not run.
        """
        running = self._check_running()
        if threading.get_ident() == running.thread:
            raise StateError("event_report would wait for its own thread; use 'await server.aio_event_report(...)'")
        work = running.event_report(to, sop_class, instance, event_type, dataset, aet=aet)
        return asyncio.run_coroutine_threadsafe(work, running.loop).result()

    async def aio_event_report(
        self, to: str, sop_class: str, instance: str, event_type: int, dataset: Any = None, *, aet: str | None = None
    ) -> Answer:
        """The same on the loop of the server."""
        return await self._check_running().event_report(to, sop_class, instance, event_type, dataset, aet=aet)

    # How.

    def _lent(self, address: str | Address) -> Lent:
        return Lent(
            self.title,
            self.transactions,
            self._site.inboxes.turn(str(address)),
            lambda destination, on_close: self._open_inbox(destination, None, address, on_close),
        )

    def _open_inbox(
        self,
        destination: Any,
        title: str | None,
        peer: str | Address | None,
        on_close: Callable[[], object] | None = None,
    ) -> Inbox:
        where = Address.parse(peer, default_port=DEFAULT_PORT) if isinstance(peer, str) else peer
        inbox = Inbox(
            self._site.inboxes,
            destination,
            address=f"{self.title}, port {self.port}",
            title=title or self.title,
            peer_ae=None if where is None else where.aet,
            peer_hosts=frozenset() if where is None else _hosts(where.host),
            on_close=on_close,
        )
        self._site.inboxes.add(inbox)
        return inbox

    def _check_running(self) -> Running:
        running: Running | None = self._site.running
        if running is None:
            raise StateError("the server is not running")
        return running


def _limits(limits: Limits | None, window: int | None, max_pdu_length: int | None) -> Limits:
    limits = limits or Limits()
    given = {"asynchronous_window": window, "max_pdu_length": max_pdu_length}
    try:
        return replace(limits, **{name: value for name, value in given.items() if value is not None})
    except ValueError as error:
        raise InvalidValue(str(error)) from error


def _hosts(host: str) -> frozenset[str]:
    """A host by name and by every address it has."""
    try:
        infos = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return frozenset({host})
    return frozenset({host, *(str(address[0]) for *_, address in infos)})


_FILES = {"durable", "check", "duplicates", "strict_uids", "reserve"}
_RULES = {
    *("calling_ae", "networks", "certificates", "user_identity", "identity_required"),
    *("verbs", "peers", "allow_retrieve"),
}
