"""Peers and handlers that do not do their part: each harms its own association only, and that ends in time."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from both_shells.archive import raw_acceptor, take_pdu, take_rest
from both_shells.faces import Shell
from dicomnet import (
    AssociationAborted,
    AssociationError,
    ConnectionLost,
    DicomTimeout,
    Outcome,
    PartialFailure,
    Server,
    Status,
    StatusError,
    Timeouts,
)
from dicomnet.errors import StorageError
from dicomnet.uids import CTImageStorage
from raw import RELEASE_RP, RELEASE_RQ, UNEXPECTED_PDU, RawPeer, data_set, pdu, store
from together.serving import PATIENCE, SHORT, eventually, instance

Serve = Callable[..., Server]
Call = Callable[..., Any]
Study = Callable[..., Path]

MIB = 1024 * 1024


def on_loop(server: Server, function: Callable[[Any], object]) -> None:
    """Does something with each connection of a server, on its loop."""
    running = server._site.running

    async def work() -> None:
        for connection in list(running._connections):
            function(connection)

    asyncio.run_coroutine_threadsafe(work(), running.loop).result(PATIENCE)


def connections(server: Server) -> int:
    return len(server._site.running._connections)


class TestEnds:
    def test_the_requestor_aborts_in_a_data_set(self, serve: Serve, call: Call, tmp_path: Path) -> None:
        """Nothing of it is kept; the handler hears of it where it waits."""
        server, heard = serve(), []

        @server.on_store
        async def keep(request: Any) -> None:
            try:
                await request.save(tmp_path / "kept")
            except AssociationAborted as error:
                heard.append(error.by_peer)
                raise

        association = call(server)

        def abort(progress: Any) -> None:
            if progress.bytes > 4 * MIB:
                getattr(association, "_inner", association).abort()  # this is the loop's own thread, if there is one

        with pytest.raises((PartialFailure, AssociationAborted)) as caught:
            association.store(instance(1, size=64 * MIB), progress=abort)
        if isinstance(caught.value, PartialFailure):
            report: Any = caught.value.report
            assert [result.outcome for result in report] == [Outcome.UNKNOWN]
            assert isinstance(report.error, AssociationAborted)
        with pytest.raises(AssociationAborted):
            association.echo()
        eventually(lambda: heard == [True], "the handler has not heard of it")
        eventually(lambda: list(tmp_path.glob("kept/*")) == [], "half a file is left")

    def test_the_server_aborts_in_a_data_set(self, serve: Serve, call: Call, tmp_path: Path) -> None:
        """What was in flight is unknown, what was not sent is not."""
        server, begun = serve(), threading.Event()

        @server.on_store
        async def keep(request: Any) -> None:
            begun.set()
            await request.save(tmp_path / "kept")

        def abort() -> None:
            begun.wait(PATIENCE)
            on_loop(server, lambda connection: connection.session.abort())

        thread = threading.Thread(target=abort)
        thread.start()
        association = call(server)
        report = association.store([instance(1, size=200 * MIB), instance(2)], check=False)
        thread.join()
        assert [result.outcome for result in report] == [Outcome.UNKNOWN, Outcome.NOT_SENT]
        assert isinstance(report.error, AssociationAborted)
        assert report.error.by_peer
        eventually(lambda: list(tmp_path.glob("kept/*")) == [], "half a file is left")

    @pytest.mark.parametrize("how", ["close", "reset", "half a data set"])
    def test_a_peer_goes_without_a_word(self, serve: Serve, tmp_path: Path, how: str) -> None:
        """Whatever it was at, the place is free again and nothing is kept."""
        server = serve(folder=tmp_path / "kept")
        with RawPeer(server.port) as peer:
            peer.associate()
            if how == "half a data set":
                whole = store(b"1.2.3", data_set(b"1.2.3", 100_000))
                peer.send(whole[: len(whole) // 2])
            elif how == "reset":
                peer.reset()
        eventually(lambda: connections(server) == 0, "the connection is still there")
        assert not (tmp_path / "kept").exists() or list(tmp_path.glob("kept/*")) == []

    def test_a_server_goes_without_a_word(self, serve: Serve, call: Call) -> None:
        """The next call says so."""
        server = serve()
        association = call(server)
        on_loop(server, lambda connection: connection.drop())
        eventually(lambda: connections(server) == 0, "the connection is still there")
        with pytest.raises(ConnectionLost):
            association.echo()
        association.release()

    def test_both_sides_release_at_once(self, shell: Shell) -> None:
        """The requestor answers first, then takes the answer to its own (PS3.8 7.2.2, Table 9-10 Sta9 to Sta11)."""
        taken: list[bytes] = []

        def collide(sock: Any) -> None:
            assert take_pdu(sock) == RELEASE_RQ
            sock.sendall(RELEASE_RQ)
            taken.append(take_pdu(sock))
            sock.sendall(RELEASE_RP)
            taken.append(take_rest(sock))

        with raw_acceptor(collide) as address:
            shell.associate(address).release()
        assert taken == [RELEASE_RP, b""]

    def test_a_server_that_is_asked_for_release_twice_aborts(
        self, serve: Serve, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Both at once: the second one is unexpected, whatever was to be said to the first; and it is the peer's fault."""
        server = serve()
        with RawPeer(server.port) as peer:
            peer.associate()
            peer.send(RELEASE_RQ + RELEASE_RQ)
            assert peer.take_pdu() == UNEXPECTED_PDU
            peer.finish()
            assert peer.take_rest() == b""
        assert "this side" not in caplog.text


class TestSilence:
    def test_an_answer_that_never_comes_is_waited_for_in_time(self, serve: Serve, call: Call) -> None:
        """The error says for what; the handler ends with the association."""
        server, ended, willing = serve(), threading.Event(), threading.Event()

        async def hang(request: Any) -> None:
            if willing.is_set():
                return
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()

        server.on_echo(hang)
        server.on_find(hang)
        server.on_store(hang)
        contexts = ["verification", "study-root-find", CTImageStorage]
        operations = [
            lambda association: association.echo(),
            lambda association: list(association.find(PatientID="")),
        ]
        for operation in operations:
            with pytest.raises(DicomTimeout), call(server, *contexts, timeouts=SHORT) as association:
                operation(association)
            assert ended.wait(PATIENCE)
            ended.clear()
        with call(server, *contexts, timeouts=SHORT) as association:
            report = association.store([instance(1), instance(2)], check=False)
        assert [result.outcome for result in report] == [Outcome.UNKNOWN, Outcome.NOT_SENT]
        assert isinstance(report.error, DicomTimeout)
        assert ended.wait(PATIENCE)
        willing.set()

    def test_a_peer_that_stops_reading_matches_is_given_up(self, serve: Serve, shell: Shell, call: Call) -> None:
        """The handler has made no more of a hundred thousand than were taken, and is closed."""
        server = serve(timeouts=Timeouts(stall=0.3, artim=0.3))
        made, stopped = [0], threading.Event()

        def give(request: Any) -> Any:
            try:
                for number in range(100_000):
                    made[0] = number
                    yield {"StudyInstanceUID": "1.2.9", "PatientID": "47", "PatientComments": "x" * 8000}
            finally:
                stopped.set()

        async def give_async(request: Any) -> Any:
            matches = give(request)
            try:
                for match in matches:
                    yield match
            finally:
                matches.close()

        server.on_find(give if shell.name == "sync" else give_async)
        association = call(server, "study-root-find")
        matches = iter(association.find(PatientID=""))
        for _ in range(3):
            next(matches)
        assert stopped.wait(PATIENCE)
        assert made[0] < 50_000
        eventually(lambda: connections(server) == 0, "the association is still there")
        with pytest.raises(AssociationError):
            for _ in matches:
                pass
        association.release()

    def test_a_peer_that_stops_reading_instances_is_given_up(
        self, serve: Serve, call: Call, study: Study, tmp_path: Path
    ) -> None:
        """In the middle of a get, when its socket is full; what had come by then is there."""
        server = serve(timeouts=Timeouts(stall=0.3, artim=0.3, store_response=0.3))
        files = [study(1), instance(2, size=48 * MIB)]
        server.on_get(lambda request: files)

        def block(instance: Any) -> None:
            eventually(lambda: connections(server) == 0, "the association is still there")

        association = call(server, "study-root-get", CTImageStorage)
        report: Any = None
        try:
            report = association.get(tmp_path / "out", StudyInstanceUID="1.2.9", on_instance=block, check=False)
        except AssociationError:
            pass
        else:
            assert isinstance(report.error, AssociationError)
            assert len(report.received) == 1
        eventually(lambda: [path.suffix for path in (tmp_path / "out").iterdir()] == [".dcm"], "half a file is left")
        association.release()


class TestHandlers:
    @pytest.mark.parametrize("plain", [True, False], ids=["def", "async"])
    def test_success_for_data_that_nobody_took_is_none(
        self, serve: Serve, call: Call, plain: bool, window: int
    ) -> None:
        """0110, and the log tells whose fault it is."""
        server = serve()

        def forget(request: Any) -> int:
            return 0

        async def forget_async(request: Any) -> int:
            return 0

        server.on_store(forget if plain else forget_async)
        with call(server, window=window) as association:
            report = association.store([instance(1, size=300_000), instance(2)], check=False)
            assert [result.status for result in report] == [0x0110, 0x0110]
            assert association.echo() == 0

    def test_a_handler_that_hangs_is_in_nobodys_way(self, serve: Serve, call: Call, tmp_path: Path) -> None:
        """Others are served, also while as many hang as one association may have threads."""
        server, go_on, hanging = serve(folder=tmp_path), threading.Event(), threading.Semaphore(0)

        @server.on_find
        def hang(request: Any) -> None:
            hanging.release()
            go_on.wait(PATIENCE)

        associations = [call(server, "study-root-find") for _ in range(4)]
        threads = [threading.Thread(target=lambda one=one: one.find(PatientID="").all()) for one in associations]
        for thread in threads:
            thread.start()
        try:
            assert all(hanging.acquire(timeout=PATIENCE) for _ in threads)
            with call(server) as other:
                assert other.echo() == 0
                assert other.store(instance(1)).ok
        finally:
            go_on.set()
        for thread, association in zip(threads, associations, strict=True):
            thread.join(PATIENCE)
            association.release()

    @pytest.mark.parametrize("plain", [True, False], ids=["def", "async"])
    def test_whatever_a_handler_raises_is_answered(self, serve: Serve, call: Call, plain: bool, window: int) -> None:
        """With the status that it carries, or a failure; and the association goes on."""
        server = serve()
        raised: list[BaseException] = []

        def fail(request: Any) -> None:
            raise raised[-1]

        async def fail_async(request: Any) -> None:
            raise raised[-1]

        for verb in ("store", "find", "get", "move"):
            server.handle(verb, fail if plain else fail_async)
        server.handle("n-create", fail if plain else fail_async, "mpps")
        contexts = ["verification", "study-root-find", "study-root-get", "study-root-move", "mpps", CTImageStorage]
        with call(server, *contexts, window=window, timeouts=Timeouts(response=5.0, store_response=5.0)) as association:
            for error, statuses in ERRORS:
                raised.append(error)
                (result,) = association.store(instance(1, size=300_000), check=False)
                assert result.status == statuses[0], error
                retrieves = [association.get(None, StudyInstanceUID="1.2", check=False)]
                if not isinstance(error, StatusError | StorageError):
                    retrieves.append(association.move("X", StudyInstanceUID="1.2", check=False))
                assert all(report.status.is_failure for report in retrieves)
                for operation in (
                    lambda: list(association.find(PatientID="")),
                    lambda: association.n_create("mpps", instance="1.2.3"),
                ):
                    with pytest.raises(StatusError):
                        operation()
                assert association.echo() == 0

    @pytest.mark.parametrize(
        "result", [pytest.param(object(), id="object"), 0xFF00, 0x1234567, "x", ["x"], (b"x", 2, 3)], ids=repr
    )
    def test_whatever_a_handler_returns_is_answered(self, serve: Serve, call: Call, result: Any) -> None:
        """What is no answer is a failure, and the association goes on."""
        server = serve()
        for verb in ("store", "find"):
            server.handle(verb, lambda request: result)
        with call(server, "verification", "study-root-find", CTImageStorage) as association:
            (stored,) = association.store(instance(1), check=False)
            assert stored.status == Status.PROCESSING_FAILURE
            with pytest.raises(StatusError):
                list(association.find(PatientID=""))
            assert association.echo() == 0

    def test_nonsense_from_a_peer_is_nobody_elses(self, serve: Serve, call: Call) -> None:
        """A PDU of no known type in the middle of an association of somebody else."""
        server = serve()
        with call(server) as association, RawPeer(server.port) as peer:
            peer.associate()
            peer.send(pdu(99, b"nonsense"))
            assert peer.take_pdu()[:1] == b"\7"
            assert association.echo() == 0
            peer.take_rest()


ERRORS: list[tuple[BaseException, tuple[int]]] = [
    (ValueError("as told"), (0x0110,)),
    (StatusError(0xA700, "full"), (0xA700,)),
    (StorageError("full", status=0xA700, comment="disk full"), (0xA700,)),
    (TimeoutError("as told"), (0x0110,)),
    (MemoryError("as told"), (0x0110,)),
    (RecursionError("as told"), (0x0110,)),
    (StopIteration("as told"), (0x0110,)),
    (asyncio.CancelledError("as told"), (0x0110,)),
    (SystemExit("as told"), (0x0110,)),
    (BaseExceptionGroup("as told", [SystemExit()]), (0x0110,)),
    (StatusError(0x0000, "no failure"), (0x0110,)),
]
