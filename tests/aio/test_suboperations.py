"""C-GET and C-MOVE, from the side that sends the instances."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset
from pydicom.uid import JPEGBaseline8Bit

from aio.archive import CT, EXPLICIT, Archive, eventually, instance
from dicomnet.aio import suboperations
from dicomnet.aio.association import Association, associate
from dicomnet.aio.observe import Ended, RequestAnswered
from dicomnet.aio.suboperations import destination_settings
from dicomnet.datasets import encode_dataset
from dicomnet.dimse.status import Status
from dicomnet.errors import InvalidValue, PartialFailure, StatusError
from dicomnet.exchanges.contexts import Wanted
from dicomnet.exchanges.reports import RetrieveReport
from dicomnet.exchanges.settings import settings_for
from dicomnet.limits import Timeouts
from dicomnet.storage.destination import MEMORY
from dicomnet.types import UID, Address

GET_CONTEXTS = ["verification", "study-root-get", "CTImageStorage"]
MOVE_CONTEXTS = ["verification", "study-root-move"]
STUDY = {"StudyInstanceUID": "1.2"}


def instances(count: int) -> list[Dataset]:
    return [instance(number) for number in range(count)]


async def get(
    handler: Any, contexts: list[Any] | None = None, window: int | None = None, **options: Any
) -> RetrieveReport:
    """What a C-GET comes to."""
    async with (
        Archive({"get": handler}) as archive,
        associate(archive.address, contexts=contexts or GET_CONTEXTS, window=window) as association,
    ):
        return await association.get(None, STUDY, check=False, **options)


class Receiver:
    """Where a C-MOVE leads: an archive that keeps what comes, and who has sent it."""

    def __init__(self, answer: Callable[[Any], Any] = lambda request: None) -> None:
        self.requests: list[Any] = []
        self.answer = answer

    async def keep(self, request: Any) -> Any:
        self.requests.append(request)
        await request.save(MEMORY)
        result = self.answer(request)
        return await result if asyncio.iscoroutine(result) else result

    def open(self) -> Archive:
        return Archive({"store": self.keep})


async def move(handler: Any, destinations: Any, *, to: str = "WS1", **options: Any) -> RetrieveReport:
    """What a C-MOVE comes to."""
    async with (
        Archive({"move": handler}, destinations=destinations, **options) as archive,
        associate(archive.address, aet="ASKER", contexts=MOVE_CONTEXTS) as association,
    ):
        return await association.move(to, STUDY, check=False)


class TestGet:
    @pytest.mark.parametrize("window", [None, 1, 16])
    async def test_instances_come_on_the_association_that_asked(self, window: int | None) -> None:
        """Each with its own bytes, and all of them counted."""
        report = await get(lambda request: instances(5), window=window)
        assert report.status == Status.SUCCESS
        assert report.completed == 5
        assert sorted(got.sop_instance_uid for got in report.received) == [f"1.2.3.{number}" for number in range(5)]
        by_uid = {got.sop_instance_uid: got.data.bytes() for got in report.received}
        assert by_uid[UID("1.2.3.3")] == encode_dataset(instance(3), EXPLICIT)

    @pytest.mark.parametrize("kind", ["paths", "bytes", "generator", "async generator", "one", "folder"])
    async def test_instances_may_be_given_in_every_way(self, kind: str, tmp_path: Path) -> None:
        """Files, whole or as bytes, and folders of them."""
        paths = []
        for number in range(2):
            paths.append(tmp_path / f"{number}.dcm")
            instance(number).save_as(paths[-1], enforce_file_format=True)

        def generate(request: Any) -> Iterator[Path]:
            yield from paths

        async def generate_async(request: Any) -> AsyncIterator[str]:
            for path in paths:
                yield str(path)

        handlers = {
            "paths": lambda request: paths,
            "bytes": lambda request: [path.read_bytes() for path in paths],
            "generator": generate,
            "async generator": generate_async,
            "one": lambda request: paths[0],
            "folder": lambda request: tmp_path,
        }
        report = await get(handlers[kind])
        assert report.status == Status.SUCCESS
        assert report.completed == len(report.received) == (1 if kind == "one" else 2)

    async def test_nothing_found_is_a_success(self) -> None:
        """With counts of nothing."""
        report = await get(lambda request: [])
        assert (report.status, report.completed, report.failed) == (Status.SUCCESS, 0, 0)

    async def test_each_suboperation_is_told(self) -> None:
        """So that the peer can show how far it is."""
        seen: list[int] = []
        await get(lambda request: instances(4), progress=lambda report: seen.append(report.completed))
        assert {1, 2, 3, 4} <= set(seen)

    async def test_an_instance_without_a_context_fails_alone(self) -> None:
        """The rest goes on, and the final response names it (PS3.4 C.4.3.3)."""
        other = instance(7)
        other.SOPClassUID = "1.2.840.10008.5.1.4.1.1.4"
        report = await get(lambda request: [instance(1), other, instance(2)])
        assert report.status == Status.SUBOPERATIONS_WARNING
        assert (report.completed, report.failed) == (2, 1)
        assert report.failed_uids == ["1.2.3.7"]

    @pytest.mark.parametrize("content", ["gone", "empty", "cut", "odd"])
    async def test_what_cannot_be_read_is_a_failure_and_not_the_end(
        self, content: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        """A path that leads nowhere, or to no instance, or to a damaged one; the log has it, and the peer is told no paths
        of ours."""
        if content != "gone":
            instance(2).save_as(tmp_path / "gone.dcm", enforce_file_format=True)
            whole = (tmp_path / "gone.dcm").read_bytes()
            (tmp_path / "gone.dcm").write_bytes({"empty": b"", "cut": whole[:140], "odd": whole + b"x"}[content])
        report = await get(lambda request: [instance(1), tmp_path / "gone.dcm"])
        assert (report.status, report.completed, report.failed) == (Status.SUBOPERATIONS_WARNING, 1, 1)
        assert report.error_comment
        assert os.sep not in report.error_comment
        (said,) = [
            record.getMessage() for record in caplog.records if "C-GET-RQ is answered B000" in record.getMessage()
        ]
        assert "1 of 2 failed" in said
        assert str(tmp_path / "gone.dcm") in said
        report = await get(lambda request: tmp_path / "gone.dcm")
        assert (report.status, report.completed, report.failed) == (Status.CANNOT_PERFORM_SUBOPERATIONS, 0, 1)

    async def test_what_else_is_in_a_folder_is_no_failure(self, tmp_path: Path) -> None:
        """Nobody has named it."""
        instance(1).save_as(tmp_path / "1.dcm", enforce_file_format=True)
        (tmp_path / "index.db").write_bytes(bytes(4096))
        report = await get(lambda request: tmp_path)
        assert (report.status, report.completed, report.failed) == (Status.SUCCESS, 1, 0)

    async def test_compressed_instances_go_only_as_they_are(self) -> None:
        """Nothing is decoded on the way."""
        compressed = instance(1)
        compressed.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
        report = await get(lambda request: [compressed])
        assert report.status == Status.CANNOT_PERFORM_SUBOPERATIONS
        wanted = Wanted(UID(CT), (UID(str(JPEGBaseline8Bit)),))
        report = await get(lambda request: [compressed], ["study-root-get", wanted])
        assert report.status == Status.SUCCESS
        assert report.received[0].transfer_syntax_uid == JPEGBaseline8Bit

    async def test_a_cancel_in_the_middle_tells_what_remains(self) -> None:
        """FE00; what was on its way is counted, the rest is not sent."""
        report = await get(lambda request: instances(50), stop=lambda: True)
        assert report.status == Status.CANCEL
        assert 1 <= report.completed < 50
        assert len(report.received) == report.completed

    async def test_a_cancel_reaches_a_handler_that_still_looks(self) -> None:
        """Nothing was sent by then."""
        looking = asyncio.Event()
        cancelled = asyncio.Event()

        async def look(request: Any) -> None:
            looking.set()
            try:
                await asyncio.Event().wait()
            finally:
                cancelled.set()

        async with (
            Archive({"get": look}) as archive,
            associate(archive.address, contexts=GET_CONTEXTS) as association,
        ):
            getting = asyncio.create_task(association.get(None, STUDY, check=False))
            await looking.wait()
            (operation,) = association._session.unfinished
            association._session.cancel(operation)
            report = await getting
            assert cancelled.is_set()
        assert (report.status, report.completed) == (Status.CANCEL, 0)

    @pytest.mark.parametrize("plain", [False, True])
    async def test_a_handler_that_fails_before_is_told_as_such(self, plain: bool) -> None:
        """A701: what there is to send could not be found out."""

        def fail(request: Any) -> Any:
            raise LookupError

        def fail_late(request: Any) -> Iterator[Dataset]:
            yield instance(1)
            raise LookupError

        report = await get(fail if plain else fail_late)
        assert report.status == Status.CANNOT_CALCULATE_MATCHES
        assert report.received == []

    async def test_a_status_of_the_handler_is_the_answer(self) -> None:
        """Returned or raised."""

        def refuse(request: Any) -> Any:
            raise StatusError(Status.DATA_SET_MISMATCH, "ask otherwise")

        report = await get(refuse)
        assert (report.status, report.error_comment) == (Status.DATA_SET_MISMATCH, "ask otherwise")
        assert (await get(lambda request: Status.OUT_OF_RESOURCES)).status == Status.OUT_OF_RESOURCES

    @pytest.mark.parametrize("returned", [True, False])
    async def test_a_status_in_place_of_an_instance_is_the_answer(self, returned: bool) -> None:
        """Nothing is sent, of which the peer could not know whether it is all; a success is the end like any other."""

        def refuse(request: Any) -> Iterator[Any]:
            yield instance(1)
            if returned:
                return Status.OUT_OF_RESOURCES
            yield Status.OUT_OF_RESOURCES
            return None

        def succeed(request: Any) -> Iterator[Any]:
            yield instance(1)
            return Status.SUCCESS

        report = await get(refuse)
        assert (report.status, report.received) == (Status.OUT_OF_RESOURCES, [])
        report = await get(succeed)
        assert (report.status, len(report.received)) == (Status.SUCCESS, 1)

    async def test_a_handler_that_takes_its_time_gives_signs_of_life(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A sub-operation that hangs is no reason for silence."""
        monkeypatch.setattr(suboperations, "PENDING_TIME", 0.01)
        beats = 0

        def progress(report: RetrieveReport) -> None:
            nonlocal beats
            beats += 1
            if beats == 5:
                receiver_goes_on.set()

        receiver_goes_on = asyncio.Event()

        async def hang(request: Any) -> None:
            await receiver_goes_on.wait()

        receiver = Receiver(hang)
        async with (
            receiver.open() as there,
            Archive({"move": lambda request: instances(2)}, destinations={"WS1": there.address}) as archive,
            associate(archive.address, contexts=MOVE_CONTEXTS) as association,
        ):
            report = await association.move("WS1", STUDY, progress=progress, check=False)
        assert report.status == Status.SUCCESS

    async def test_a_handler_that_looks_for_long_gives_signs_of_life(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Also before anything is known of what there is to send."""
        monkeypatch.setattr(suboperations, "PENDING_TIME", 0.01)
        heard = asyncio.Event()

        async def look(request: Any) -> list[Dataset]:
            await heard.wait()
            return instances(1)

        report = await get(look, progress=lambda report: heard.set())
        assert (report.status, report.completed) == (Status.SUCCESS, 1)

    async def test_the_end_of_the_association_ends_it(self) -> None:
        """Nothing is left that would still send."""
        async with Archive({"get": lambda request: instances(1000)}) as archive:
            async with associate(archive.address, contexts=GET_CONTEXTS) as association:
                with pytest.raises(PartialFailure, match="1 received; ended early: association aborted by this side"):
                    await association.get(None, STUDY, on_instance=lambda _: association.abort())
            await archive.saw(Ended)
            assert (await archive.saw(RequestAnswered)).status is None


class TestMove:
    async def test_instances_arrive_at_the_destination(self) -> None:
        """On an association of our own, which says who has asked (PS3.7 9.1.1.1.6)."""
        receiver = Receiver()
        async with receiver.open() as there:
            report = await move(lambda request: instances(3), {"WS1": there.address})
        assert (report.status, report.completed) == (Status.SUCCESS, 3)
        assert sorted(request.sop_instance_uid for request in receiver.requests) == ["1.2.3.0", "1.2.3.1", "1.2.3.2"]
        first = receiver.requests[0]
        assert first.calling_ae == "ARCHIVE"
        assert first.message.move_originator_application_entity_title == "ASKER"
        assert first.message.move_originator_message_id == 1

    async def test_the_association_is_released_before_the_final_response(self) -> None:
        """Whoever hears that it is done finds it done."""
        receiver = Receiver()
        async with receiver.open() as there:

            async def released(association: Association) -> None:
                report = await association.move("WS1", STUDY, check=False)
                assert report.status == Status.SUCCESS
                assert there.sessions[0].over
                assert there.sessions[0].error is None

            async with (
                Archive({"move": lambda request: instances(1)}, destinations={"WS1": there.address}) as archive,
                associate(archive.address, contexts=MOVE_CONTEXTS) as association,
            ):
                await released(association)

    @pytest.mark.parametrize("kind", ["mapping", "none", "function", "coroutine function"])
    async def test_an_unknown_destination_is_refused_at_once(self, kind: str) -> None:
        """A801, and the handler is not even asked (PS3.4 C.4.2.1.5)."""

        async def look_up(title: str) -> None:
            assert title == "WS1"

        def refuse(request: Any) -> None:
            raise AssertionError

        destinations = {"mapping": {"WS2": "10.0.0.1:104"}, "none": None, "function": lambda title: None}
        report = await move(refuse, destinations.get(kind, look_up))
        assert report.status == Status.MOVE_DESTINATION_UNKNOWN
        assert report.error_comment == "WS1 is not known here"

    @pytest.mark.parametrize("kind", ["text", "bare text", "pair", "address", "settings", "function", "coroutine"])
    async def test_a_destination_may_be_told_in_every_way(self, kind: str) -> None:
        """An address with or without a title, or everything there is to say."""
        receiver = Receiver()
        async with receiver.open() as there:
            address = f"127.0.0.1:{there.port}"

            async def look_up(title: str) -> str:
                return address

            where: Any = {
                "text": f"OTHER@{address}",
                "bare text": address,
                "pair": ("127.0.0.1", there.port),
                "address": Address.parse(address),
                "settings": settings_for(f"OTHER@{address}", aet="MOVER"),
            }.get(kind)
            destinations = {"function": lambda title: address, "coroutine": look_up}.get(kind, {"WS1": where})
            report = await move(lambda request: instances(1), destinations)
        assert report.status == Status.SUCCESS
        (request,) = receiver.requests
        assert request.called_ae == ("OTHER" if kind in ("text", "settings") else "WS1")
        assert request.calling_ae == ("MOVER" if kind == "settings" else "ARCHIVE")

    async def test_a_destination_that_does_not_answer_fails_all(self, caplog: pytest.LogCaptureFixture) -> None:
        """A702 with every instance in the list."""
        with closing(socket.socket()) as taken, caplog.at_level(logging.WARNING, "dicomnet.association"):
            taken.bind(("127.0.0.1", 0))
            report = await move(lambda request: instances(2), {"WS1": taken.getsockname()})
        assert (report.status, report.completed, report.failed) == (Status.CANNOT_PERFORM_SUBOPERATIONS, 0, 2)
        assert report.failed_uids == ["1.2.3.0", "1.2.3.1"]
        assert "cannot connect" in (report.error_comment or "")
        assert "C-MOVE to WS1@" in caplog.text

    async def test_what_the_destination_refuses_is_counted(self) -> None:
        """Failures and warnings each, and the final status is B000."""
        answers = {"1.2.3.0": Status.OUT_OF_RESOURCES, "1.2.3.1": Status.COERCION}
        receiver = Receiver(lambda request: answers.get(request.sop_instance_uid))
        async with receiver.open() as there:
            report = await move(lambda request: instances(3), {"WS1": there.address})
        assert (report.completed, report.failed, report.warning) == (1, 1, 1)
        assert report.status == Status.SUBOPERATIONS_WARNING
        assert report.failed_uids == ["1.2.3.0"]

    async def test_several_associations_share_the_work(self) -> None:
        """Each instance goes once, whichever takes it."""
        all_there = asyncio.Event()

        async def together(request: Any) -> None:
            if len({each.association.id for each in receiver.requests}) == 3:
                all_there.set()
            await all_there.wait()

        receiver = Receiver(together)
        async with receiver.open() as there:
            report = await move(lambda request: instances(9), {"WS1": there.address}, associations_per_destination=3)
        assert (report.status, report.completed) == (Status.SUCCESS, 9)
        assert len({request.sop_instance_uid for request in receiver.requests}) == 9

    async def test_a_lost_association_leaves_its_share_to_the_others(self) -> None:
        """What was on its way is unknown, and counts as failed with what was read ahead; the others go another way."""
        first_lost = asyncio.Event()

        async def lose_first(request: Any) -> None:
            if request.association.id == "0000":
                there.sessions[0].abort()
                first_lost.set()
            await first_lost.wait()

        receiver = Receiver(lose_first)
        async with receiver.open() as there:
            report = await move(lambda request: instances(9), {"WS1": there.address}, associations_per_destination=2)
        assert report.status == Status.SUBOPERATIONS_WARNING
        assert report.completed + report.failed == 9
        assert 1 <= report.failed <= 2

    async def test_nothing_to_move_opens_nothing(self) -> None:
        """An empty study is a success without an association."""
        receiver = Receiver()
        async with receiver.open() as there:
            report = await move(lambda request: [], {"WS1": there.address})
            assert there.sessions == []
        assert report.status == Status.SUCCESS

    async def test_a_cancel_in_the_middle_stops_sending(self) -> None:
        """What remains is told, and the association of ours released in order."""
        cancelled = asyncio.Event()

        async def wait_for_cancel(request: Any) -> None:
            await cancelled.wait()

        receiver = Receiver(wait_for_cancel)
        async with (
            receiver.open() as there,
            Archive({"move": lambda request: instances(10)}, destinations={"WS1": there.address}) as archive,
            associate(archive.address, contexts=MOVE_CONTEXTS) as association,
        ):
            moving = asyncio.create_task(association.move("WS1", STUDY, check=False))
            await eventually(lambda: receiver.requests)
            (operation,) = association._session.unfinished
            association._session.cancel(operation)
            await eventually(lambda: any(inbound.cancelled for inbound in archive.sessions[0]._inbound.values()))
            cancelled.set()
            report = await moving
            await there.saw(Ended)
            assert there.of(Ended)[0].error is None
        assert report.status == Status.CANCEL
        assert report.completed == len(receiver.requests) < 10

    async def test_the_end_of_the_association_ends_ours(self) -> None:
        """Nobody is left for whom it would be done."""
        receiver = Receiver(lambda request: asyncio.Event().wait())
        async with (
            receiver.open() as there,
            Archive({"move": lambda request: instances(3)}, destinations={"WS1": there.address}) as archive,
        ):
            association = await associate(archive.address, contexts=MOVE_CONTEXTS)
            moving = asyncio.create_task(association.move("WS1", STUDY))
            await eventually(lambda: receiver.requests)
            association.abort()
            await asyncio.gather(moving, return_exceptions=True)
            assert (await there.saw(Ended)).error is not None


class TestDestinations:
    def test_settings_that_name_no_title_of_ours_get_the_one_that_was_called(self) -> None:
        """The default title stands for no choice."""
        settings = settings_for("WS1@10.0.0.7:104", timeouts=Timeouts(connect=1))
        found = destination_settings(settings, "WS1", "ARCHIVE")
        assert (found.calling_ae, found.timeouts.connect) == ("ARCHIVE", 1)

    @pytest.mark.parametrize("where", ["no port:", 17, ("10.0.0.7",), ("10.0.0.7", 104, 1)])
    def test_what_is_no_address_is_refused(self, where: Any) -> None:
        """A mistake in the address book, not the peer's."""
        with pytest.raises(InvalidValue, match="move destination"):
            destination_settings(where, "WS1", "ARCHIVE")

    async def test_a_mistake_in_the_address_book_is_a_failure(self) -> None:
        """Told to the peer, with the reason in our log."""
        report = await move(lambda request: instances(1), {"WS1": 17})
        assert report.status == Status.CANNOT_CALCULATE_MATCHES
