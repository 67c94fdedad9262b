"""Titles, UIDs and comments made to forge lines of the log: whatever happens, each record stays one line.

Between two sides of ours a relay puts line ends and escape sequences into what
they say to each other, as neither would do itself.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset

from dicomnet.aio.association import associate
from dicomnet.cli._certificate import self_signed
from dicomnet.errors import DicomNetError, StatusError
from dicomnet.limits import Limits
from dicomnet.logs import Lines, Masked
from dicomnet.pdu import UserIdentity
from dicomnet.server.server import Server
from dicomnet.tls import TlsConfig, VerifyMode
from server.serving import instance, local

FORGED = b"\r\n2026 INFO \x1b[2J\x85\x9b"
ESCAPED = "\\x0d\\x0a2026 INFO \\x1b[2J"
CALLING = b"CALLING_HOSTILE_"
CALLED = b"CALLED_HOSTILE__"
DESTINATION = b"TO_HOSTILE______"
COMMENT = b"comment-of-a-stranger"
INSTANCE = b"1.2.3.99999999999999999999"
VERSION = b"VERSION_HOSTILE_"
USER = b"USER_OF_A_STRANGER"


def forged(word: bytes) -> bytes:
    return (FORGED * 3)[: len(word)]


async def tamper(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Passes on whole PDUs, with other words in them."""
    with suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            head = await reader.readexactly(6)
            body = await reader.readexactly(int.from_bytes(head[2:]))
            for word in (CALLING, CALLED, DESTINATION, COMMENT, INSTANCE, VERSION, USER):
                body = body.replace(word, forged(word))
            writer.write(head + body)
    with suppress(OSError):
        writer.close()


@asynccontextmanager
async def relay(server: Server) -> AsyncIterator[int]:
    """The port of a relay to a server."""
    tasks: set[asyncio.Task[Any]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        beyond, to_server = await asyncio.open_connection("127.0.0.1", server.port)
        tasks.update(asyncio.create_task(tamper(*ends)) for ends in ((reader, to_server), (beyond, writer)))

    listening = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield listening.sockets[0].getsockname()[1]
    finally:
        listening.close()
        await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 10)


@pytest.fixture
def records(caplog: pytest.LogCaptureFixture, request: pytest.FixtureRequest) -> Iterator[list[logging.LogRecord]]:
    """All that is logged; at the end each record must be one line, and each line of a dump printable."""
    caplog.set_level(logging.DEBUG, "dicomnet")
    found: list[logging.LogRecord] = []
    yield found
    found += [record for record in caplog.get_records("call") if record.name.startswith("dicomnet")]
    assert found
    assert "bytes" in request.node.name or any(ESCAPED in record.getMessage() for record in found)
    for record in found:
        message = record.getMessage()
        dump = any(isinstance(one, Lines | Masked) for one in record.args or ())
        assert record.levelno == logging.DEBUG or not dump
        lines = message.split("\n") if dump else [message]
        assert all(line.isprintable() for line in lines), record
        assert all(line.startswith((" ", "=")) or ":" in line for line in lines[1:]), record
        assert all(line.startswith("| ") and line.isprintable() for line in (record.exc_text or "| ").split("\n"))


def some() -> Dataset:
    dataset = Dataset()
    dataset.PatientID = "P1"
    return dataset


def hostile(number: int = 1) -> Dataset:
    found = instance(number)
    found.SOPInstanceUID = INSTANCE.decode()
    return found


def serving(answer: Callable[[Any], Awaitable[Any]], **options: Any) -> Server:
    """A server of any title whose handlers all do the same."""
    server = local(None, peers={"WS1": "127.0.0.1:9"}, **options)
    for verb in ("echo", "store", "find", "get", "move", "n-create", "n-set", "n-get", "n-action", "n-delete"):
        server.handle(verb, answer)
    return server


async def refuse(request: Any) -> Any:
    raise StatusError(0xC123, COMMENT.decode())


async def fail(request: Any) -> Any:
    raise ValueError(f"{request.sop_instance_uid} of {request.calling_ae} and {request.called_ae}: {request.message}")


async def forget(request: Any) -> int:
    return 0


CONTEXTS = [
    *("verification", "CTImageStorage", "study-root-find", "study-root-get", "study-root-move"),
    *("mpps", "storage-commitment", "BasicFilmBox", "ModalityPerformedProcedureStepRetrieve"),
]

ASKED: list[Callable[[Any], Awaitable[Any]]] = [
    lambda one: one.echo(),
    lambda one: one.store(hostile(), check=False),
    lambda one: one.find("STUDY", PatientName="DOE", StudyInstanceUID=INSTANCE.decode()).__anext__(),
    lambda one: one.get(None, StudyInstanceUID=INSTANCE.decode()),
    lambda one: one.move(DESTINATION.decode(), StudyInstanceUID=INSTANCE.decode()),
    lambda one: one.move("WS1", StudyInstanceUID=INSTANCE.decode()),
    lambda one: one.n_create("mpps", some(), instance=INSTANCE.decode()),
    lambda one: one.n_set("mpps", INSTANCE.decode(), some()),
    lambda one: one.n_get("ModalityPerformedProcedureStepRetrieve", INSTANCE.decode()),
    lambda one: one.n_action("storage-commitment", INSTANCE.decode(), 1, some()),
    lambda one: one.n_delete("BasicFilmBox", INSTANCE.decode()),
]


async def ask_everything(port: int, **options: Any) -> None:
    """Every operation, each on an association of its own, for some of them end it."""
    for ask in ASKED:
        with suppress(DicomNetError, StopAsyncIteration):
            async with associate(
                f"{CALLED.decode()}@127.0.0.1:{port}",
                aet=CALLING.decode(),
                contexts=CONTEXTS,
                user_identity=UserIdentity(1, USER, positive_response_requested=True),
                **options,
            ) as association:
                await ask(association)


@pytest.mark.parametrize("answer", [refuse, fail, forget])
async def test_whatever_is_asked_and_answered(
    answer: Callable[[Any], Awaitable[Any]], records: list[logging.LogRecord], tmp_path: Path
) -> None:
    """Operations that are refused, whose handler fails, or forgets; the audit has one line for each event, too."""
    path = tmp_path / "audit.jsonl"
    server = serving(answer, user_identity=lambda caller: True)
    server.audit(path, values=True)
    async with server, relay(server) as port:
        await ask_everything(port)
    lines = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    assert all(line.isprintable() for line in lines)
    told = [json.loads(line) for line in lines]
    assert {line["user"] for line in told if line["event"] == "association accepted"} == {
        forged(USER).decode("utf-8", "replace")
    }
    assert len([line for line in told if "operation" in line]) >= len(ASKED)


@pytest.mark.parametrize(
    "options",
    [
        {"calling_ae": "SOMEBODY"},
        {"networks": "192.0.2.0/24"},
        {"user_identity": lambda caller: False},
        {"user_identity": lambda caller: caller.user},
        {"certificates": {"*": "CN=somebody"}},
        {"verbs": {"*": []}},
        {"limits": Limits(associations_per_ae=0)},
        {"limits": Limits(associations_per_address=0)},
        {"peers": lambda title: 1 / 0},
    ],
)
async def test_whoever_is_refused(options: dict[str, Any], records: list[logging.LogRecord], tmp_path: Path) -> None:
    """By each rule there is."""
    server = local(None, **options)
    if "certificates" in options:  # which has to be asked for somewhere
        certificate, key = self_signed(tmp_path)
        tls = TlsConfig(certificate=certificate, private_key=key, ca_file=certificate, verify=VerifyMode.PEER)
        server.listen(0, host="127.0.0.1", tls=tls)
    server.handle("find", forget)
    async with server, relay(server) as port:
        await ask_everything(port)


async def test_a_title_that_is_none_of_ours(records: list[logging.LogRecord]) -> None:
    """Both titles stand in the line, escaped."""
    server = local()
    async with server, relay(server) as port:
        await ask_everything(port)


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\nHost: \x1b[2J\r\n\r\n",
        b"\x16\x03\x01\x00\x05hello",
        b"\x01\x00\x00\x00\x00\x44" + b"\x00\x01\x00\x00" + FORGED * 4,
        b"\x04\x00\x00\x00\x00\x04" + FORGED,
    ],
)
async def test_bytes_that_are_no_association(data: bytes, records: list[logging.LogRecord]) -> None:
    """What breaks the protocol is told without a word of it."""
    async with local() as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(data)
        writer.write_eof()
        with suppress(ConnectionError):
            await asyncio.wait_for(reader.read(), 10)
        writer.close()
