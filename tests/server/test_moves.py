from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset

import dicomnet.server.policy
from dicomnet.cli._certificate import self_signed
from dicomnet.dimse.status import Status
from dicomnet.errors import AssociationAborted, NothingArrived, PartialFailure, StatusError, StorageError
from dicomnet.exchanges.reports import InstanceRef
from dicomnet.limits import Timeouts
from dicomnet.server.server import Server
from dicomnet.storage.destination import MEMORY
from dicomnet.storage.sinks import Incoming
from dicomnet.tls import TlsConfig
from dicomnet.uids import CTImageStorage
from server.serving import calling, instance, local, place, until

STUDY = "1.2.3"


def pacs(count: int = 3, **options: Any) -> Server:
    """A server that has a study."""
    server = local("PACS", **options)

    @server.on_move
    @server.on_get
    def give(request: Any) -> Any:
        return [instance(number) for number in range(1, count + 1)]

    @server.on_find
    def find(request: Any) -> Any:
        if request.level == "IMAGE":
            return [
                {"StudyInstanceUID": STUDY, "SeriesInstanceUID": "1.2.3.4", "SOPInstanceUID": f"1.2.3.{number}"}
                for number in range(1, count + 1)
            ]
        return [{"StudyInstanceUID": STUDY, "NumberOfStudyRelatedInstances": count}]

    return server


async def test_a_move_leads_to_where_the_address_book_says(tmp_path: Path) -> None:
    """By title, and the destination is told who asked for it (PS3.4 C.4.2)."""
    told = []
    destination = local("WS1")

    @destination.on_store
    async def keep(request: Any) -> None:
        told.append((request.calling_ae, request.message.move_originator_application_entity_title))
        await request.save(tmp_path)

    async with (
        destination,
        pacs(peers={"WS1": ("127.0.0.1", destination.port)}, destination_associations=2) as archive,
        calling(archive, "study-root-move", title="PACS") as association,
    ):
        report = await association.move("WS1", StudyInstanceUID=STUDY)
    assert (report.completed, report.failed) == (3, 0)
    assert told == [("PACS", "ME")] * 3
    assert len(list(tmp_path.iterdir())) == 3


async def test_a_move_leads_to_a_destination_that_wants_tls(tmp_path: Path) -> None:
    """What the address book says of the link counts."""
    cert, key = self_signed(tmp_path, ["127.0.0.1"])
    destination = local("WS1", folder=tmp_path / "moved", tls=TlsConfig(certificate=cert, private_key=key))
    async with destination:
        where = {"address": f"127.0.0.1:{destination.port}", "tls": TlsConfig(ca_file=cert)}
        async with (
            pacs(peers={"WS1": where}) as archive,
            calling(archive, "study-root-move", title="PACS") as association,
        ):
            report = await association.move("WS1", StudyInstanceUID=STUDY)
    assert (report.completed, report.failed) == (3, 0)
    assert len(list((tmp_path / "moved").iterdir())) == 3


async def test_a_move_waits_for_its_destination_as_long_as_the_server_says() -> None:
    """The timeouts of the server are those of its own calls, too."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        async with (
            pacs(peers={"WS1": silent.getsockname()}, timeouts=Timeouts(associate=0.2)) as archive,
            calling(archive, "study-root-move", title="PACS") as association,
        ):
            report = await association.move("WS1", StudyInstanceUID=STUDY, check=False)
    assert report.status == Status.CANNOT_PERFORM_SUBOPERATIONS
    assert "timed out after 0.2 s" in (report.error_comment or "")


async def test_a_destination_that_nobody_knows_is_told_at_once() -> None:
    """A801."""
    async with pacs() as archive, calling(archive, "study-root-move", title="PACS") as association:
        report = await association.move("WS9", StudyInstanceUID=STUDY, check=False)
    assert report.status == Status.MOVE_DESTINATION_UNKNOWN


async def test_a_peer_moves_to_a_folder_through_the_server_it_borrows(tmp_path: Path) -> None:
    """The handlers see nothing of it; before and after they do."""
    kept: list[str] = []
    server = local()

    @server.on_store
    async def keep(request: Any) -> None:
        kept.append(request.sop_instance_uid)
        await request.discard()

    async with (
        server,
        pacs(peers={"ARCHIVE": ("127.0.0.1", server.port)}) as archive,
        server.aio_peer(place(archive, "PACS")) as peer,
    ):
        report = await peer.move(tmp_path / "here", StudyInstanceUID=STUDY)
        assert (report.completed, len(report.received)) == (3, 3)
        assert sorted(path.name for path in report.paths) == [f"1.2.3.{number}.dcm" for number in (1, 2, 3)]
        assert kept == []
        await peer.move("ARCHIVE", StudyInstanceUID=STUDY)
        assert len(kept) == 3


def test_a_blocking_peer_borrows_a_server_that_runs_in_a_thread(tmp_path: Path) -> None:
    """The same from a program without a loop."""
    with local() as server, pacs(peers={"ARCHIVE": ("127.0.0.1", server.port)}) as archive:
        report = server.peer(place(archive, "PACS")).move(tmp_path, StudyInstanceUID=STUDY)
    assert len(report.received) == 3


async def test_a_server_without_a_store_handler_takes_what_a_move_of_its_own_brings() -> None:
    """Storage is accepted while an inbox is open, and not otherwise."""
    async with (
        local() as server,
        pacs(peers={"ARCHIVE": ("127.0.0.1", server.port)}) as archive,
        server.aio_peer(place(archive, "PACS")) as peer,
    ):
        report = await peer.move(lambda incoming: MEMORY, StudyInstanceUID=STUDY, check=False)
        assert [one.data.dataset().PatientID for one in report.received] == ["P1"] * 3
        refused = await peer.move("ARCHIVE", StudyInstanceUID=STUDY, check=False)
        assert refused.failed == 3


async def test_a_move_of_which_nothing_arrives_says_where_it_should_have(tmp_path: Path) -> None:
    """The peer has sent it to somebody else of our title; nobody has connected here."""
    other = local(folder=tmp_path / "other")
    async with (
        local() as server,
        other,
        pacs(peers={"ARCHIVE": ("127.0.0.1", other.port)}) as archive,
        server.aio_peer(place(archive, "PACS")) as peer,
    ):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("dicomnet.exchanges.retrieve.QUIET_TIME", 0.1)
            with pytest.raises(NothingArrived) as failure:
                await peer.move(tmp_path / "here", StudyInstanceUID=STUDY)
    assert not failure.value.connected
    assert "ARCHIVE, port" in str(failure.value)


async def test_others_store_meanwhile_as_ever(tmp_path: Path) -> None:
    """An instance without our title as its originator, from somebody who was not asked, goes to the handlers."""
    server = local(folder=tmp_path / "handlers")
    async with server:
        with server.inbox(tmp_path / "inbox", peer="PACS@192.0.2.1:104") as inbox:
            async with calling(server, "CTImageStorage", aet="CT1") as association:
                await association.store(instance(1))
            assert list(inbox.arrived) == []
            assert inbox.connected
            async with calling(server, "CTImageStorage", aet="PACS") as association:
                await association.store(instance(2))
            assert [one.sop_instance_uid for one in inbox.arrived] == ["1.2.3.2"]
        async with calling(server, "CTImageStorage", aet="PACS") as association:
            await association.store(instance(3))
    assert {path.name for path in (tmp_path / "handlers").iterdir()} == {"1.2.3.1.dcm", "1.2.3.3.dcm"}


async def test_what_a_stranger_brings_in_our_name_goes_to_the_handlers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The originator is what the sender says that it is."""
    monkeypatch.setattr(dicomnet.server.policy, "is_loopback", lambda host: False)
    async with local(folder=tmp_path) as server:
        with server.inbox(peer="OTHER@192.0.2.1:104") as inbox:
            async with (
                pacs(peers={"ARCHIVE": ("127.0.0.1", server.port)}, allow_retrieve="127.0.0.0/8") as archive,
                calling(archive, "study-root-move", title="PACS", aet="ARCHIVE") as association,
            ):
                await association.move("ARCHIVE", StudyInstanceUID=STUDY)
            assert list(inbox.arrived) == []
    assert len(list(tmp_path.iterdir())) == 3


async def test_two_inboxes_at_once_get_what_is_theirs() -> None:
    """Of two peers that were asked, each brings to its own."""
    async with local() as server:
        with server.inbox(peer="ONE@192.0.2.1:104") as one, server.inbox(peer="TWO@192.0.2.2:104") as two:
            for title, number in (("TWO", 2), ("ONE", 1)):
                async with calling(server, "CTImageStorage", aet=title) as association:
                    await association.store(instance(number))
            assert [found.sop_instance_uid for found in one.arrived] == ["1.2.3.1"]
            assert [found.sop_instance_uid for found in two.arrived] == ["1.2.3.2"]


async def test_moves_from_one_peer_at_once_keep_apart() -> None:
    """Nothing in an instance tells for sure which of two moves has brought it, so the second waits for the first."""
    archive = local("PACS", peers={})

    @archive.on_move
    def give(request: Any) -> Any:
        number = int(request.identifier.StudyInstanceUID.split(".")[-1])
        return [instance(10 * number + one) for one in range(5)]

    async with local() as server, archive:
        archive.rules.peers["ARCHIVE"] = ("127.0.0.1", server.port)  # type: ignore[index]
        async with server.aio_peer(place(archive, "PACS")) as peer:
            moves = [peer.move(lambda _: MEMORY, StudyInstanceUID=f"1.2.3.{number}") for number in range(1, 5)]
            reports = await asyncio.gather(*moves)
    for number, report in enumerate(reports, 1):
        assert sorted(one.sop_instance_uid for one in report.received) == [f"1.2.3.{number}{one}" for one in range(5)]


async def test_what_an_inbox_cannot_keep_is_not_acknowledged(caplog: pytest.LogCaptureFixture) -> None:
    """Whoever sends it is told, and whoever waits finds the error."""

    def nowhere(incoming: Incoming) -> str:
        raise StorageError("no room", status=0xA700, comment="disk full")

    async with local() as server:
        with server.inbox(nowhere) as inbox:
            async with calling(server, "CTImageStorage") as association:
                with pytest.raises(PartialFailure, match="A700"):
                    await association.store(instance(1))
        assert isinstance(inbox.arrived[0].error, StorageError)
    assert "cannot be kept" in caplog.text


# Storage commitment and other events.


def committing(decide: Callable[[list[InstanceRef]], Any], **options: Any) -> Server:
    server = local("PACS", **options)
    server.on_commit(decide)
    return server


async def test_a_commitment_is_answered_on_the_association_that_waits_for_it() -> None:
    """What the function does not speak of is not committed."""

    def decide(refs: list[InstanceRef]) -> Any:
        return refs[:1], [(refs[1], 0x0112)]

    refs = [InstanceRef(CTImageStorage, f"1.2.3.{number}") for number in (1, 2, 3)]  # type: ignore[arg-type]
    async with committing(decide) as archive, calling(archive, "storage-commitment", title="PACS") as association:
        report = await association.commit(refs, check=False)
    assert report.committed == refs[:1]
    assert {ref: int(status) for ref, status in report.failed} == {refs[1]: 0x0112, refs[2]: 0x0110}


async def test_a_commitment_finds_its_way_to_who_has_released() -> None:
    """On an association of the provider's, by its address book (PS3.4 J.3.3)."""
    released = threading.Event()
    refs = [(CTImageStorage, "1.2.3.1")]

    async def decide(asked: list[InstanceRef]) -> Any:
        await asyncio.get_running_loop().run_in_executor(None, released.wait, 15)
        return asked, []

    server = local()
    async with server, committing(decide, peers={"ARCHIVE": ("127.0.0.1", server.port)}) as archive:
        peer = server.aio_peer(place(archive, "PACS"))
        async with peer:
            waiting = asyncio.create_task(peer.commit(refs, timeout=20))
            connections = archive._site.running._connections
            await until(lambda: any(one.session and one.session.ledger._answered for one in connections))
            for connection in list(connections):
                connection.abort()
            released.set()
            assert (await waiting).ok


async def test_a_provider_that_is_not_listened_to_tries_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """With growing pauses; whoever is not in the book is given up at once."""
    monkeypatch.setattr("dicomnet.server.commitment.PAUSES", (0.05, 0.05))
    monkeypatch.setattr("dicomnet.server.commitment.MOMENT", 0.01)
    results: list[Dataset] = []
    listener = local("ME")
    asked: list[str] = []

    @listener.on_n_event_report("storage-commitment")
    async def hear(request: Any) -> None:
        results.append(request.dataset)

    def book(title: str) -> tuple[str, int]:
        asked.append(title)
        return ("127.0.0.1", listener.port if len(asked) > 2 else 1)

    async with listener, committing(lambda refs: (refs, []), peers=book) as archive:
        async with calling(archive, "storage-commitment", title="PACS") as association:
            dataset = Dataset()
            dataset.TransactionUID = "1.2.3.4"
            dataset.ReferencedSOPSequence = [Dataset()]
            dataset.ReferencedSOPSequence[0].ReferencedSOPClassUID = CTImageStorage
            dataset.ReferencedSOPSequence[0].ReferencedSOPInstanceUID = "1.2.3.1"
            await association.n_action("storage-commitment", "1.2.840.10008.1.20.1.1", 1, dataset)
        await until(lambda: bool(results))
    assert results[0].TransactionUID == "1.2.3.4"
    assert len(results[0].ReferencedSOPSequence) == 1


async def test_a_commitment_that_cannot_be_reported_before_the_end_is_told_to_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Nothing of it is kept for the next start."""
    asked = asyncio.Event()

    async def decide(refs: list[InstanceRef]) -> Any:
        asked.set()
        await asyncio.sleep(3600)

    async with committing(decide) as archive, calling(archive, "storage-commitment", title="PACS") as association:
        waiting = asyncio.create_task(association.commit([(CTImageStorage, "1.2.3.1")]))
        await asked.wait()
        await archive.aclose(grace=0)
        with pytest.raises(AssociationAborted):
            await waiting
    assert "the server ends before commitment" in caplog.text


@pytest.mark.parametrize(
    ("uid", "action", "transaction", "status"),
    [
        ("1.2.840.10008.1.20.1.1", 2, "1.2.3", 0x0123),
        ("1.2.3", 1, "1.2.3", 0x0112),
        ("1.2.840.10008.1.20.1.1", 1, "", 0x0121),
    ],
)
async def test_what_is_no_request_for_commitment_is_refused(
    uid: str, action: int, transaction: str, status: int
) -> None:
    """Another action, another instance, no transaction (PS3.4 J.3.2)."""
    dataset = Dataset()
    dataset.TransactionUID = transaction
    dataset.ReferencedSOPSequence = [Dataset()]
    async with (
        committing(lambda refs: (refs, [])) as archive,
        calling(archive, "storage-commitment", title="PACS") as association,
    ):
        with pytest.raises(StatusError) as refusal:
            await association.n_action("storage-commitment", uid, action, dataset)
    assert refusal.value.status == status


async def test_a_commit_function_that_fails_commits_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """And the peer is told so, instead of being left waiting."""

    def decide(refs: list[InstanceRef]) -> Any:
        raise LookupError("no database")

    async with committing(decide) as archive, calling(archive, "storage-commitment", title="PACS") as association:
        report = await association.commit([(CTImageStorage, "1.2.3.1")], check=False)
    assert not report.committed
    assert "no database" in caplog.text


async def test_a_result_that_nobody_waits_for_is_not_passed_over(caplog: pytest.LogCaptureFixture) -> None:
    """0110 (PS3.4 J.3.3), to a provider that reports to a server with borrowers."""
    server = local()
    assert server.transactions
    async with server, local("PACS", peers={"ARCHIVE": ("127.0.0.1", server.port)}) as archive:
        dataset = Dataset()
        dataset.TransactionUID = "1.2.3.4"
        with pytest.raises(StatusError) as refusal:
            await archive.aio_event_report("ARCHIVE", "storage-commitment", "1.2.840.10008.1.20.1.1", 1, dataset)
    assert refusal.value.status == 0x0110
    assert "nobody waits for" in caplog.text


async def test_events_are_reported_on_the_association_of_a_request() -> None:
    """As the SCP of the class, which needs no role there (PS3.7 10.1.1)."""
    server = local()
    heard: list[Any] = []

    @server.on_n_action("storage-commitment")
    async def act(request: Any) -> None:
        await request.association.event_report("storage-commitment", "1.2.3", 1, None)

    async def hear(request: Any) -> None:
        heard.append(request.event_type)

    options = {"handlers": {"n-event-report": hear}}
    async with server, calling(server, "storage-commitment", **options) as association:
        await association.n_action("storage-commitment", "1.2.3", 1)
    assert heard == [1]
