from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from pydicom import Dataset

from dicomnet.aio.association import Association
from dicomnet.errors import InvalidValue, StatusError
from dicomnet.exchanges.reports import InstanceRef
from dicomnet.limits import Limits
from dicomnet.server import commitment
from dicomnet.server.commitment import Commitments, commitment_handler
from dicomnet.server.entity import Entity
from dicomnet.uids import CTImageStorage
from server.serving import WAIT, calling, local, until


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nobody is waited for longer than a test needs."""
    monkeypatch.setattr("dicomnet.server.commitment.MOMENT", 0.01)
    return


def keep_all(entity: Entity) -> None:
    """Commits whatever it is asked for."""

    @entity.on_commit
    def decide(refs: list[InstanceRef]) -> Any:
        return refs, []


class Listening:
    """A server that results come to."""

    def __init__(self) -> None:
        self.server = local("ME")
        self.heard: list[tuple[str, str]] = []
        """By whom, and of which transaction."""

        @self.server.on_n_event_report("storage-commitment")
        async def hear(request: Any) -> None:
            self.heard.append((request.calling_ae, request.dataset.TransactionUID))

    @property
    def book(self) -> dict[str, Any]:
        return {"ME": ("127.0.0.1", self.server.port)}


def requested(number: int) -> Dataset:
    """What asks for the commitment of one instance."""
    dataset = Dataset()
    dataset.TransactionUID = f"1.2.3.{number}"
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = CTImageStorage, "1.2.3.1"
    dataset.ReferencedSOPSequence = [item]
    return dataset


async def ask(association: Association, number: int = 1) -> None:
    """Asks for a commitment, and waits for the answer to that only."""
    await association.n_action("storage-commitment", "1.2.840.10008.1.20.1.1", 1, requested(number))


async def test_a_calling_title_is_never_taken_for_an_address(caplog: pytest.LogCaptureFixture) -> None:
    """Or a stranger could have us connect to wherever he likes."""
    with socket.create_server(("127.0.0.1", 0)) as victim:
        async with local() as server:
            keep_all(server)
            title = f"127.0.0.1:{victim.getsockname()[1]}"
            async with calling(server, "storage-commitment", aet=title) as association:
                await ask(association)
            await until(lambda: "is not in the address book" in caplog.text)
        victim.setblocking(False)
        with pytest.raises(BlockingIOError):
            victim.accept()


async def test_an_event_may_be_reported_to_an_address() -> None:
    """To one that the program itself names."""
    listener = Listening()
    async with listener.server, local() as server:
        dataset = Dataset()
        dataset.TransactionUID = "1.2.3.9"
        address = f"ME@127.0.0.1:{listener.server.port}"
        answer = await server.aio_event_report(address, "storage-commitment", "1.2.840.10008.1.20.1.1", 1, dataset)
    assert answer.status == 0
    assert listener.heard == [("ARCHIVE", "1.2.3.9")]


async def test_the_book_of_the_title_that_was_asked_says_where_its_results_go() -> None:
    """And they come from that title."""
    listener = Listening()
    async with listener.server:
        server = local()
        keep_all(server.ae("OTHER", peers=listener.book))
        async with server:
            async with calling(server, "storage-commitment", title="OTHER") as association:
                await ask(association)
            await until(lambda: bool(listener.heard))
    assert listener.heard == [("OTHER", "1.2.3.1")]


async def test_who_refuses_a_result_where_it_was_asked_for_is_told_where_he_listens(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Many keep the association open for something else, and hear results at their listener only."""
    listener = Listening()
    async with listener.server, local(peers=listener.book) as server:
        keep_all(server)
        async with calling(server, "storage-commitment") as association:
            await ask(association)
            await until(lambda: bool(listener.heard))
    assert "ME refuses a commitment result here" in caplog.text
    assert listener.heard == [("ARCHIVE", "1.2.3.1")]


class Recorded:
    """The part of a running server that commitments use, where nobody can be reached."""

    rules: Any = None
    aet = None
    limits = Limits()

    def __init__(self) -> None:
        self.running = self
        self.commitments = Commitments(Limits())
        self.works: list[Any] = []

    def start_task(self, work: Any) -> None:
        self.works.append(work)

    async def ask(self, function: Any, *arguments: Any) -> Any:
        return function(*arguments)

    async def report_to_title(self, entity: Any, title: str, *event: Any, aet: str) -> Any:
        raise InvalidValue(f"no such place: {title}")


async def test_titles_of_strangers_make_no_lines_of_their_own_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """A line break in a calling title could forge whatever it likes."""
    server = Recorded()
    request = SimpleNamespace(
        message=SimpleNamespace(action_type_id=1, requested_sop_instance_uid="1.2.840.10008.1.20.1.1"),
        dataset=requested(1),
        association=SimpleNamespace(id="7f3a", peer_address=None, is_established=False),
        calling_ae="A\n7f3a all is well",
        called_ae="ARCHIVE",
    )
    await commitment_handler(server, lambda refs: (refs, []))(request)
    for work in server.works:
        await work
    assert "cannot be reported to A\\x0a7f3a all is well: no such place: A\\x0a7f3a" in caplog.text
    assert not any("\n" in record.getMessage() for record in caplog.records)


async def test_a_commitment_in_hand_is_finished_within_the_grace() -> None:
    """Its peer has released long ago, so no association tells that somebody waits."""
    listener = Listening()
    asked, go = asyncio.Event(), asyncio.Event()
    async with listener.server:
        server = local(peers=listener.book)

        @server.on_commit
        async def decide(refs: list[InstanceRef]) -> Any:
            asked.set()
            await go.wait()
            return refs, []

        async with server:
            async with calling(server, "storage-commitment") as association:
                await ask(association)
            await asked.wait()
            ending = asyncio.create_task(server.aclose(grace=WAIT))
            await until(lambda: server._site.running.stopping)
            go.set()
            await ending
    assert listener.heard == [("ARCHIVE", "1.2.3.1")]


async def test_the_end_waits_for_no_later_attempt(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A peer that could not be reached may be out for longer than any grace; the log has what it was not told."""
    monkeypatch.setattr("dicomnet.server.commitment.PAUSES", (3600.0,))
    async with local(peers={"ME": "127.0.0.1:1"}) as server:
        keep_all(server)
        async with calling(server, "storage-commitment") as association:
            await ask(association)
        await until(lambda: "cannot be reported to ME" in caplog.text)
        async with asyncio.timeout(WAIT):
            await server.aclose(grace=3600)
    assert "the server ends before commitment 1.2.3.1 (1 committed, 0 not) is told to ME" in caplog.text


async def test_more_commitments_than_there_is_room_for_are_refused() -> None:
    """With 0213: each waits for minutes if its peer cannot be reached."""
    go = asyncio.Event()
    async with local(limits=Limits(commitments_per_address=2)) as server:

        @server.on_commit
        async def decide(refs: list[InstanceRef]) -> Any:
            await go.wait()
            return refs, []

        async with calling(server, "storage-commitment") as association:
            await ask(association, 1)
            await ask(association, 2)
            with pytest.raises(StatusError) as refusal:
                await ask(association, 3)
            assert refusal.value.status == 0x0213
            go.set()
            await until(lambda: not server._site.running._tasks)
            await ask(association, 3)


async def test_a_request_names_no_more_instances_than_the_limit_says() -> None:
    """0213; what nobody could have in one study is not looked up."""
    async with local(limits=Limits(committed_instances=2)) as server:
        keep_all(server)
        many = requested(1)
        many.ReferencedSOPSequence = [*many.ReferencedSOPSequence] * 3
        async with calling(server, "storage-commitment") as association:
            with pytest.raises(StatusError, match="more than 2 instances") as refusal:
                await association.n_action("storage-commitment", "1.2.840.10008.1.20.1.1", 1, many)
            await ask(association)
    assert refusal.value.status == 0x0213


async def test_no_list_of_instances_is_read_or_made_on_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of thousands it takes seconds, in which nobody else would be served."""
    threads: dict[str, str] = {}

    def noted(name: str) -> None:
        function = getattr(commitment, name)

        def note(*arguments: Any) -> Any:
            threads[name] = threading.current_thread().name
            return function(*arguments)

        monkeypatch.setattr(commitment, name, note)

    for name in ("_requested", "instance_refs", "commitment_result"):
        noted(name)
    server = local()
    keep_all(server)
    async with server, calling(server, "storage-commitment") as association:
        report = await association.commit([(CTImageStorage, "1.2.3.1")])
    assert report.ok
    assert len(threads) == 3
    assert all(name.startswith("dicomnet-storage") for name in threads.values())


def test_commitments_are_counted_in_all_and_per_address() -> None:
    """One peer takes not all of the room, and all peers together no more than there is."""
    counted = Commitments(Limits(commitments=3, commitments_per_address=2))
    assert [counted.enter(host) for host in ("a", "a", "a", "b", "c")] == [True, True, False, True, False]
    counted.leave("a")
    assert counted.enter("c")
