"""What a handler of C-STORE can do with the data set that is about to come."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset

from aio.archive import CT, EXPLICIT, Archive, eventually, instance
from aio.ends import MAX_PDU, Site, pattern, reset, store
from dicomnet.aio import served
from dicomnet.aio.association import associate
from dicomnet.aio.observe import Ended, RequestAnswered, RequestBegan
from dicomnet.datasets import encode_dataset
from dicomnet.dimse import codec
from dicomnet.dimse.fragments import command_pdus, data_pdus
from dicomnet.dimse.status import Status
from dicomnet.errors import AssociationError, StateError, StatusError, StorageError
from dicomnet.exchanges.reports import StoreResult
from dicomnet.limits import KIB, MIB
from dicomnet.pdu import PduType
from dicomnet.storage.destination import MEMORY, SPOOL
from dicomnet.storage.folder import Folder
from dicomnet.storage.held import MemorySink
from dicomnet.storage.rules import FileRules
from dicomnet.storage.sinks import Incoming
from pair import CT as CT_CONTEXT

LARGE = 3 * MIB

BROKEN = b"\x08\x00\x40\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"
"""An item that never ends."""


async def store_one(handler: Callable[..., Any], what: Any = None, **options: Any) -> StoreResult:
    """Stores one instance with an archive whose handler this is; what became of it."""
    async with (
        Archive({"store": handler}, **options) as archive,
        associate(archive.address, contexts=["CTImageStorage"]) as association,
    ):
        report = await association.store(instance(1) if what is None else what, check=False)
    return report.results[0]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def encoded(dataset: Dataset) -> bytes:
    return encode_dataset(dataset, EXPLICIT)


class TestSaving:
    async def test_an_instance_is_acknowledged_once_it_is_in_its_folder(self, tmp_path: Path) -> None:
        """The handler says no status: what was saved is a success."""
        saved = []

        async def keep(request: Any) -> None:
            saved.append(await request.save(tmp_path / "incoming"))

        result = await store_one(keep)
        assert result.status == Status.SUCCESS
        assert saved[0].path == tmp_path / "incoming" / "1.2.3.1.dcm"
        assert saved[0].bytes() == encoded(instance(1))

    async def test_what_save_gives_may_be_returned(self, tmp_path: Path) -> None:
        """It says that the data set is kept, so the peer need not send it again."""
        assert (await store_one(lambda request: request.save(tmp_path))).status == Status.SUCCESS
        assert (tmp_path / "1.2.3.1.dcm").exists()

    async def test_a_plain_function_saves_from_its_thread(self, tmp_path: Path) -> None:
        """The twin has the same method, without await."""
        threads = []

        def keep(request: Any) -> None:
            request.save(tmp_path)
            threads.append(threading.current_thread().name)

        assert (await store_one(keep, instance(1, size=LARGE))).status == Status.SUCCESS
        assert threads[0].startswith("dicomnet-handler")
        assert (tmp_path / "1.2.3.1.dcm").stat().st_size > LARGE

    @pytest.mark.parametrize("kind", ["folder", "function", "memory", "spool", "sink"])
    async def test_a_destination_may_be_many_things(self, tmp_path: Path, kind: str) -> None:
        """Whatever storage takes."""
        named: list[Incoming] = []

        def name(incoming: Incoming) -> Path:
            named.append(incoming)
            return tmp_path / "named.dcm"

        destinations = {
            "folder": Folder(tmp_path),
            "function": name,
            "memory": MEMORY,
            "spool": SPOOL,
            "sink": MemorySink(),
        }
        saved = []

        async def keep(request: Any) -> None:
            saved.append(await request.save(destinations[kind], durable=False))

        assert (await store_one(keep)).status == Status.SUCCESS
        assert saved[0].bytes() == encoded(instance(1))
        files = {"folder": ["1.2.3.1.dcm"], "function": ["named.dcm"]}
        assert names(tmp_path) == files.get(kind, [])
        assert [incoming.sop_instance_uid for incoming in named] == (["1.2.3.1"] if kind == "function" else [])

    async def test_a_folder_that_is_replaced_is_opened_again(self, tmp_path: Path) -> None:
        """Folders are opened once, but who moves one away means the new one."""
        incoming = tmp_path / "incoming"

        async def keep(request: Any) -> None:
            await request.save(incoming)

        async with (
            Archive({"store": keep}) as archive,
            associate(archive.address, contexts=["CTImageStorage"]) as association,
        ):
            await association.store(instance(1))
            incoming.rename(tmp_path / "old")
            await association.store(instance(2))
        assert names(incoming) == ["1.2.3.2.dcm"]
        assert names(tmp_path / "old") == ["1.2.3.1.dcm"]

    async def test_what_cannot_be_kept_is_answered_with_the_reason(self, tmp_path: Path) -> None:
        """The handler need not catch anything, and no path of ours leaks."""
        (tmp_path / "file").write_bytes(b"")

        async def keep(request: Any) -> None:
            await request.save(tmp_path / "file" / "folder")

        result = await store_one(keep)
        assert result.status is not None
        assert result.status.is_failure
        assert str(tmp_path) not in result.detail

    async def test_a_layout_is_for_servers(self, tmp_path: Path) -> None:
        """Without one who knows layouts the handler hears of it; with one it makes the sink."""
        asked = []

        def layout_sink(folder: Folder, layout: Any, rules: FileRules) -> Any:
            asked.append((folder.root, layout, folder.durable, rules.check))
            return MemorySink()

        async def keep(request: Any) -> None:
            await request.save(tmp_path, layout="{PatientID}.dcm", durable=False, check="warn")

        assert (await store_one(keep)).status == Status.PROCESSING_FAILURE
        assert (await store_one(keep, layout_sink=layout_sink)).status == Status.SUCCESS
        assert asked == [(tmp_path, "{PatientID}.dcm", False, "warn")]

    async def test_what_is_no_destination_is_refused(self) -> None:
        """At once, and the data set goes nowhere."""

        async def keep(request: Any) -> None:
            with pytest.raises(TypeError, match="a destination is"):
                await request.save(17)
            await request.discard()

        assert (await store_one(keep)).status == Status.SUCCESS


class TestReading:
    async def test_the_pieces_of_a_stream_are_the_data_set(self) -> None:
        """In order, nothing lost, nothing twice."""
        got = bytearray()

        async def keep(request: Any) -> None:
            async for piece in request.stream():
                got.extend(piece)

        what = instance(1, size=LARGE)
        assert (await store_one(keep, what)).status == Status.SUCCESS
        assert bytes(got) == encoded(what)

    async def test_a_thread_reads_a_stream_with_a_plain_loop(self) -> None:
        """The twin's stream is an ordinary generator."""
        got = bytearray()

        def keep(request: Any) -> None:
            for piece in request.stream():
                got.extend(piece)

        what = instance(1, size=LARGE)
        assert (await store_one(keep, what)).status == Status.SUCCESS
        assert bytes(got) == encoded(what)

    async def test_reading_pauses_while_a_stream_is_not_read(self) -> None:
        """A slow handler must not fill our memory."""
        go_on = asyncio.Event()
        got = 0

        async def keep(request: Any) -> None:
            nonlocal got
            async for piece in request.stream():
                await go_on.wait()
                got += len(piece)

        async with (
            Archive({"store": keep}) as archive,
            associate(archive.address, contexts=["CTImageStorage"]) as association,
        ):
            storing = asyncio.create_task(association.store(instance(1, size=16 * MIB)))
            await eventually(lambda: archive.sessions and "stream 1" in archive._channels[0]._pauses)
            (request,) = (
                running.request
                for running in archive.provider._served[archive.sessions[0]]._performances.values()
                if running
            )
            assert request._pipe._waiting <= 4 * MIB  # type: ignore[attr-defined]
            go_on.set()
            assert (await storing).ok
        assert got > 16 * MIB

    async def test_bytes_and_dataset_are_what_was_sent(self) -> None:
        """Once taken, a data set can be read again, in other forms."""
        seen: list[Any] = []

        async def keep(request: Any) -> None:
            seen.append(await request.bytes())
            seen.append((await request.dataset()).PatientID)
            seen.append(await request.bytes())

        assert (await store_one(keep)).status == Status.SUCCESS
        assert seen == [encoded(instance(1)), "P1", encoded(instance(1))]

    async def test_what_was_spooled_can_be_looked_at_and_then_saved(self, tmp_path: Path) -> None:
        """For a handler that decides by the contents."""

        async def keep(request: Any) -> None:
            dataset = await request.dataset()
            await request.save(tmp_path / str(dataset.PatientID))
            pieces = [piece async for piece in request.stream()]
            assert b"".join(pieces) == encoded(what)

        what = instance(1, size=LARGE)
        assert (await store_one(keep, what)).status == Status.SUCCESS
        assert names(tmp_path / "P1") == ["1.2.3.1.dcm"]

    async def test_what_was_discarded_is_gone(self) -> None:
        """A second attempt is told so."""

        async def keep(request: Any) -> None:
            await request.discard()
            with pytest.raises(StateError, match="not kept"):
                await request.bytes()

        assert (await store_one(keep)).status == Status.SUCCESS

    async def test_a_stream_cannot_be_read_twice(self) -> None:
        """Its bytes are nowhere."""

        async def keep(request: Any) -> None:
            async for _ in request.stream():
                pass
            with pytest.raises(StateError, match="taken already"):
                await request.received()

        assert (await store_one(keep)).status == Status.SUCCESS

    async def test_a_data_set_that_cannot_be_decoded_is_refused(self) -> None:
        """C000, without a word of the handler's."""

        async def keep(request: Any) -> None:
            await request.dataset()

        async with Archive({"store": keep}) as archive:
            raw = await archive.raw()
            await raw.write(command_pdus(CT_CONTEXT, codec.encode(store(1)), MAX_PDU))
            await raw.write(data_pdus(CT_CONTEXT, BROKEN, MAX_PDU))
            assert (await archive.saw(RequestAnswered)).status == Status.CANNOT_UNDERSTAND


class TestForgetting:
    @pytest.mark.parametrize("kind", ["nothing", "status", "half"])
    async def test_a_handler_that_forgets_the_data_set_acknowledges_nothing(
        self, kind: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        """An acknowledgement means kept."""

        async def forget(request: Any) -> Any:
            if kind == "half":
                async for _ in request.stream():
                    break
            return None if kind != "status" else Status.COERCION

        with caplog.at_level(logging.ERROR, "dicomnet.association"):
            result = await store_one(forget, instance(1, size=LARGE))
        assert result.status == Status.PROCESSING_FAILURE
        assert "neither saved, read nor discarded" in caplog.text

    async def test_a_failed_save_that_is_swallowed_is_no_success(self) -> None:
        """Catching an error keeps no data."""

        class Full(MemorySink):
            def write(self, views: Any) -> None:
                raise StorageError("the disk is full")

        async def keep(request: Any) -> None:
            with pytest.raises(StorageError, match="full"):
                await request.save(Full())

        assert (await store_one(keep)).status == Status.PROCESSING_FAILURE

    @pytest.mark.parametrize("plain", [False, True])
    async def test_a_refusal_needs_no_data(self, plain: bool, tmp_path: Path) -> None:
        """What is refused is not wanted; the association goes on with the next."""

        def refuse(request: Any) -> Any:
            if request.sop_instance_uid == "1.2.3.1":
                raise StatusError(Status.DATA_SET_MISMATCH, "not today")
            return request.save(tmp_path) if plain else None

        async def refuse_async(request: Any) -> None:
            refuse(request)
            await request.save(tmp_path)

        async with (
            Archive({"store": _answer(refuse) if plain else refuse_async}) as archive,
            associate(archive.address, contexts=["CTImageStorage"]) as association,
        ):
            report = await association.store([instance(1, size=LARGE), instance(2)], check=False)
        assert [result.status for result in report] == [Status.DATA_SET_MISMATCH, Status.SUCCESS]
        assert "not today" in report.results[0].detail
        assert names(tmp_path) == ["1.2.3.2.dcm"]

    async def test_who_still_waits_after_the_answer_is_told(self) -> None:
        """A task that the handler has left behind must not wait for ever."""
        left: list[asyncio.Task[Any]] = []

        async def refuse(request: Any) -> int:
            left.append(asyncio.create_task(request.save(MEMORY)))
            await asyncio.sleep(0)
            return Status.OUT_OF_RESOURCES

        async with Archive({"store": refuse}) as archive:
            raw = await archive.raw()
            await raw.write(command_pdus(CT_CONTEXT, codec.encode(store(1)), MAX_PDU))
            await raw.write(data_pdus(CT_CONTEXT, pattern(100 * KIB), MAX_PDU)[: 50 * KIB])
            assert (await archive.saw(RequestAnswered)).status == Status.OUT_OF_RESOURCES
            with pytest.raises(StateError, match="was answered before"):
                await left[0]

    async def test_a_warning_is_answered_if_the_data_are_kept(self) -> None:
        """Elements were discarded, the rest is there."""

        async def keep(request: Any) -> int:
            await request.save(MEMORY)
            return 0xB006

        assert (await store_one(keep)).status == Status.ELEMENTS_DISCARDED

    @pytest.mark.parametrize("status", [0xFF00, 0xFE00, 0x1234])
    async def test_a_status_that_is_none_becomes_a_failure(self, status: int) -> None:
        """Pending, cancel, and what the standard has not opened, may not end a C-STORE."""

        async def keep(request: Any) -> int:
            await request.discard()
            return status

        assert (await store_one(keep)).status == Status.PROCESSING_FAILURE

    @pytest.mark.parametrize("plain", [False, True])
    async def test_an_unexpected_exception_is_a_failure_with_a_traceback(
        self, plain: bool, caplog: pytest.LogCaptureFixture
    ) -> None:
        """The peer hears 0110, the log hears everything."""

        def fail(request: Any) -> None:
            raise KeyError("PatientID")

        async def fail_async(request: Any) -> None:
            fail(request)

        with caplog.at_level(logging.ERROR, "dicomnet.association"):
            result = await store_one(fail if plain else fail_async)
        assert result.status == Status.PROCESSING_FAILURE
        assert "Traceback" in caplog.text


class TestEnding:
    @pytest.mark.parametrize("plain", [False, True])
    async def test_the_end_of_the_association_reaches_who_waits_for_data(self, plain: bool, tmp_path: Path) -> None:
        """A handler in the middle of a data set hears why there is no more, and nothing is left of it."""
        heard: list[Exception] = []

        async def keep(request: Any) -> None:
            try:
                await request.save(lambda incoming: tmp_path / "a")
            except AssociationError as error:
                heard.append(error)
                raise

        def keep_plain(request: Any) -> None:
            try:
                request.save(lambda incoming: tmp_path / "a")
            except AssociationError as error:
                heard.append(error)
                raise

        async with Archive({"store": keep_plain if plain else keep}) as archive:
            raw = await archive.raw()
            await raw.write(command_pdus(CT_CONTEXT, codec.encode(store(1)), MAX_PDU))
            whole = data_pdus(CT_CONTEXT, pattern(100 * KIB), MAX_PDU)
            await raw.write(whole[: 50 * KIB])
            await eventually(lambda: any(name.endswith(".part") for name in names(tmp_path)))
            reset(raw.sock)
            answered = await archive.saw(RequestAnswered)
            await eventually(lambda: not names(tmp_path))
        assert answered.status is None
        assert len(heard) == 1

    async def test_a_stream_that_breaks_off_raises(self) -> None:
        """Half a data set must not look like a whole one."""
        heard: list[Exception] = []

        async def keep(request: Any) -> None:
            try:
                async for _ in request.stream():
                    pass
            except AssociationError as error:
                heard.append(error)
                raise

        async with Archive({"store": keep}) as archive:
            raw = await archive.raw()
            await raw.write(command_pdus(CT_CONTEXT, codec.encode(store(1)), MAX_PDU))
            await raw.write(data_pdus(CT_CONTEXT, pattern(100 * KIB), MAX_PDU)[: 50 * KIB])
            await eventually(lambda: archive.sessions[0].performing)
            reset(raw.sock)
            await archive.saw(Ended)
        assert len(heard) == 1

    async def test_a_handler_that_waits_for_something_else_is_cancelled(self) -> None:
        """Nobody is left to answer."""
        cancelled = []
        begun = asyncio.Event()

        async def keep(request: Any) -> None:
            begun.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancelled.append(request)
                raise

        async with Archive({"store": keep}) as archive:
            raw = await archive.raw()
            await raw.write(command_pdus(CT_CONTEXT, codec.encode(store(1)), MAX_PDU))
            await raw.write(data_pdus(CT_CONTEXT, pattern(10 * KIB), MAX_PDU))
            await begun.wait()
            reset(raw.sock)
            await archive.saw(Ended)
        assert len(cancelled) == 1

    async def test_a_handler_that_has_heard_of_the_end_does_not_stay_for_ever(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It may tidy up for a while; then it is cancelled."""
        monkeypatch.setattr(served, "ENDING_TIME", 0.01)
        cancelled = asyncio.Event()

        async def keep(request: Any) -> None:
            try:
                await request.save(MEMORY)
            except AssociationError:
                try:
                    await asyncio.Event().wait()
                finally:
                    cancelled.set()

        async with Archive({"store": keep}) as archive:
            raw = await archive.raw()
            await raw.write(command_pdus(CT_CONTEXT, codec.encode(store(1)), MAX_PDU))
            await raw.write(data_pdus(CT_CONTEXT, pattern(100 * KIB), MAX_PDU)[: 50 * KIB])
            await eventually(lambda: archive.sessions[0].performing and archive._channels[0]._held == 0)
            await archive.saw(RequestBegan)
            await eventually(lambda: _waits(archive))
            reset(raw.sock)
            await archive.saw(Ended)
            await cancelled.wait()

    async def test_a_data_set_that_nobody_took_gives_its_buffers_back(self) -> None:
        """It came whole, the handler had not decided, and then the peer was gone: the archive checks its buffers."""
        begun = asyncio.Event()

        async def keep(request: Any) -> None:
            begun.set()
            await asyncio.Event().wait()

        async with Archive({"store": keep}) as archive:
            raw = await archive.raw()
            await raw.write(command_pdus(CT_CONTEXT, codec.encode(store(1)), MAX_PDU))
            await raw.write(data_pdus(CT_CONTEXT, pattern(50 * KIB), MAX_PDU))
            await begun.wait()
            await eventually(lambda: archive._channels[0]._held >= 50 * KIB)
            reset(raw.sock)
            await archive.saw(Ended)
            await eventually(lambda: archive._channels[0]._held == 0)


class TestFacts:
    async def test_a_request_knows_who_asks_and_for_what(self) -> None:
        """What handlers decide by."""
        seen: dict[str, Any] = {}

        async def keep(request: Any) -> None:
            association = request.association
            seen.update(
                calling=request.calling_ae,
                called=request.called_ae,
                sop_class=request.sop_class_uid,
                instance=request.sop_instance_uid,
                syntax=request.transfer_syntax_uid,
                priority=request.priority,
                host=association.peer_address[0],
                tls=association.tls,
                identity=association.user_identity,
                proposed=len(association.request.contexts),
                window=association.terms.operations_performed,
                id=association.id,
            )
            await request.discard()

        async with (
            Archive({"store": keep}) as archive,
            associate(archive.address, aet="CT1", contexts=["CTImageStorage"]) as association,
        ):
            await association.store(instance(1), priority=1)
        assert seen == {
            "calling": "CT1",
            "called": "ARCHIVE",
            "sop_class": CT,
            "instance": "1.2.3.1",
            "syntax": EXPLICIT,
            "priority": 1,
            "host": "127.0.0.1",
            "tls": None,
            "identity": None,
            "proposed": 2,
            "window": 1,
            "id": "0000",
        }

    async def test_a_secure_link_tells_its_facts(self, site: Site) -> None:
        """Version and cipher suite; the requestor has shown no certificate."""
        seen: list[Any] = []

        def keep(request: Any) -> None:
            seen.append(request.association.tls)
            request.discard()

        async with (
            Archive({"store": keep}, tls=site.acceptor) as archive,
            associate(archive.address, contexts=["CTImageStorage"], tls=site.requestor) as association,
        ):
            await association.store(instance(1))
        assert seen[0].version == "TLSv1.3"
        assert seen[0].cipher.protocol == "TLSv1.3"
        assert seen[0].certificates == []

    async def test_a_twin_looks_like_its_request(self) -> None:
        """Attributes are the same, and blocking calls on the loop itself are refused."""
        seen: list[Any] = []

        def keep(request: Any) -> None:
            seen.append((repr(request), request.calling_ae, request.association.called_ae, "save" in dir(request)))
            request.discard()

        await store_one(keep)
        assert seen == [("<C-STORE-RQ 1 from DICOMNET>", "DICOMNET", "ARCHIVE", True)]

    async def test_a_command_without_a_data_set_is_refused(self) -> None:
        """There is nothing to be stored."""

        async def keep(request: Any) -> None:
            raise AssertionError

        async with Archive({"store": keep}) as archive:
            raw = await archive.raw()
            command = store(1)
            encoded = codec.encode(command)
            at = encoded.index(b"\0\0\0\x08\x02\0\0\0") + 8
            await raw.write(command_pdus(CT_CONTEXT, encoded[:at] + b"\x01\x01" + encoded[at + 2 :], MAX_PDU))
            answer = await raw.pdu()
            assert answer[0] == PduType.P_DATA_TF
            assert codec.decode(answer[12:]).status == Status.CANNOT_UNDERSTAND  # type: ignore[attr-defined]


def _waits(archive: Archive) -> bool:
    """Whether a handler waits for its data set."""
    return any(
        running is not None and getattr(running.request, "_waits", 0)
        for one in archive.provider._served.values()
        for running in one._performances.values()
    )


def _answer(function: Callable[[Any], Any]) -> Callable[[Any], None]:
    """The function, whatever it returns."""

    def handler(request: Any) -> None:
        function(request)

    return handler
