"""An acceptor whose requests handlers perform, over real sockets on loopback, and data to store and ask it for.

    async with Archive({"store": keep}) as archive:
        async with associate(archive.address, contexts=["CTImageStorage"]) as association:
            await association.store(instance(1))

When it ends, nothing may be left of what it began: no task, and no buffer that was lent.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self

from pydicom import Dataset
from pydicom.dataset import FileMetaDataset

from aio.ends import MAX_PDU, Raw
from dicomnet.aio.carrier import Carrier
from dicomnet.aio.channel import Channel
from dicomnet.aio.connect import attach
from dicomnet.aio.crew import Crew
from dicomnet.aio.handlers import Handlers
from dicomnet.aio.hub import hub
from dicomnet.aio.listen import Listener
from dicomnet.aio.observe import Observed
from dicomnet.aio.provider import HandlerProvider
from dicomnet.dimse.endpoint import Endpoint
from dicomnet.exchanges.ledger import Ledger
from dicomnet.exchanges.session import Session
from dicomnet.limits import KIB
from dicomnet.pdu import PduType
from dicomnet.pdu.write import push_pdu
from pair import proposal

WAIT = 15.0
"""Seconds that anything may take on a busy machine."""

CT = "1.2.840.10008.5.1.4.1.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"


class Archive:
    """Arguments as for `HandlerProvider`, but handlers may be a mapping; and those of `Endpoint`."""

    def __init__(
        self,
        handlers: Mapping[str, Any] | Handlers,
        *,
        endpoint: dict[str, Any] | None = None,
        tls: ssl.SSLContext | None = None,
        **options: Any,
    ) -> None:
        self.crew = options.pop("crew", None) or Crew(idle=0.05)
        self.events: list[Observed] = []
        self.provider = HandlerProvider(
            handlers if isinstance(handlers, Handlers) else Handlers.of(handlers),
            crew=self.crew,
            observers=[self._note],
            **options,
        )
        self.sessions: list[Session] = []
        self.address = ""
        self.port = 0
        self._endpoint = endpoint or {}
        self._tls = tls
        self._tasks: set[asyncio.Task[None]] = set()
        self._noted = asyncio.Event()
        self._raw: list[Raw] = []

    async def __aenter__(self) -> Self:
        listening = socket.socket()
        listening.bind(("127.0.0.1", 0))
        listening.listen(16)
        listening.setblocking(False)
        self.port = listening.getsockname()[1]
        self.address = f"ARCHIVE@127.0.0.1:{self.port}"
        self._before = asyncio.all_tasks()
        self._listener = Listener([listening], self._on_socket)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._listener.close()
        async with asyncio.timeout(WAIT):
            for session in self.sessions:
                session.abort()
            for raw in self._raw:
                raw.sock.close()
            for session in self.sessions:
                while not session.closed_down:
                    await asyncio.sleep(0.001)
            while kind is None and asyncio.all_tasks() - self._before:
                await asyncio.sleep(0.001)
        # Threads of handlers may still report to this loop.
        await asyncio.get_running_loop().run_in_executor(None, lambda: self.crew.close(timeout=WAIT))
        if kind is None:
            assert [channel._held for channel in self._channels] == [0] * len(self._channels)
            assert not self.provider._served

    @property
    def _channels(self) -> list[Channel]:
        shells = (session.shell for session in self.sessions)
        return [shell.channel for shell in shells if isinstance(shell, Carrier) and shell.channel is not None]

    def of(self, kind: type[Any]) -> list[Any]:
        """The events of one kind, in order."""
        return [event for event in self.events if isinstance(event, kind)]

    async def saw(self, kind: type[Any], count: int = 1) -> Any:
        """Waits for an event, and gives it."""
        await self.until(lambda: len(self.of(kind)) >= count)
        return self.of(kind)[count - 1]

    async def until(self, condition: Callable[[], object]) -> None:
        """Waits until an event makes the condition true."""
        async with asyncio.timeout(WAIT):
            while not condition():
                self._noted.clear()
                await self._noted.wait()

    async def raw(self, *, small: bool = False) -> Raw:
        """An association with a peer made of bytes; `CONTEXTS` of `pair` are its contexts, `small` its socket's buffers."""
        sock = socket.socket()
        if small:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * KIB)
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", self.port))
        raw = Raw(sock)
        self._raw.append(raw)
        await raw.write(push_pdu(proposal(max_pdu_length=MAX_PDU)))
        assert (await raw.pdu())[0] == PduType.ASSOCIATE_AC
        return raw

    def _note(self, event: Observed) -> None:
        self.events.append(event)
        self._noted.set()

    def _on_socket(self, sock: socket.socket, host: str, port: int) -> None:
        core = Endpoint(requestor=False, **self._endpoint)
        session = Session(core, Ledger(f"{len(self.sessions):04x}", 0.0), provider=self.provider)
        carrier = Carrier(session)
        carrier.channel = Channel(core, session, hub())
        self.sessions.append(session)
        task = asyncio.get_running_loop().create_task(
            attach(sock, carrier.channel, context=self._tls, server_side=True)
        )
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def eventually(condition: Callable[[], object]) -> None:
    """Waits for what no event tells."""
    async with asyncio.timeout(WAIT):
        while not condition():
            await asyncio.sleep(0.001)


def instance(number: int, *, size: int = 64) -> Dataset:
    """An instance named for its number, with so many bytes of something in it."""
    dataset = Dataset()
    dataset.SOPClassUID = CT
    dataset.SOPInstanceUID = f"1.2.3.{number}"
    dataset.PatientID = f"P{number}"
    dataset.add_new(0x0009_0010, "LO", "TEST")
    dataset.add_new(0x0009_1001, "OB", bytes(size))
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = EXPLICIT
    return dataset
