"""Handlers of every operation, asked over real sockets."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from io import BytesIO
from typing import Any

import pytest
from pydicom import Dataset

from aio.archive import EXPLICIT, Archive, eventually, instance
from aio.ends import MAX_PDU, Gate, Raw, reset
from dicomnet.aio.association import associate
from dicomnet.aio.crew import Crew
from dicomnet.aio.giving import AHEAD
from dicomnet.aio.handlers import Handlers
from dicomnet.aio.observe import Associated, Ended, Observed, Rejected, RequestAnswered, RequestBegan
from dicomnet.aio.performing import Performance
from dicomnet.aio.provider import provider_for
from dicomnet.datasets import decode_dataset, encode_dataset
from dicomnet.dimse import codec
from dicomnet.dimse.commands import CCancelRequest, CEchoRequest, CFindRequest
from dicomnet.dimse.fragments import command_pdus, data_pdus
from dicomnet.dimse.status import Status
from dicomnet.errors import AssociationRejected, ContextRefused, InvalidValue, RejectReason, StatusError
from dicomnet.exchanges.commitment import commitment_result, instance_refs, read_result
from dicomnet.exchanges.services import STORAGE_COMMITMENT_INSTANCE, Verb
from dicomnet.limits import KIB, MIB, Limits
from dicomnet.pdu import Abort, AssociateAccept, AssociateReject, PduType
from dicomnet.pdu.write import push_pdu
from dicomnet.storage.destination import MEMORY
from dicomnet.uids import StorageCommitmentPushModel
from dicomnet.ul.negotiation import Policy, negotiate
from pair import ECHO, FIND, STUDY_ROOT_FIND, VERIFICATION, echo

FIND_CONTEXTS = ["verification", "study-root-find"]
MPPS = "mpps"


def keys(**values: object) -> Dataset:
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


def studies(count: int) -> list[Dataset]:
    return [keys(StudyInstanceUID=f"1.2.{number}", PatientID=f"P{number}") for number in range(count)]


async def find(handler: Any, what: str = "STUDY", **options: Any) -> list[Any]:
    """The matches that a requestor gets of an archive with this handler; an exception if it gets that."""
    async with (
        Archive({"find": handler}, **options) as archive,
        associate(archive.address, contexts=FIND_CONTEXTS) as association,
    ):
        return await association.find(what, PatientID="*").all()


async def call_n(handlers: dict[str, Any], operation: Callable[[Any], Any], context: str = MPPS) -> Any:
    """What an operation of an N-service comes to."""
    async with Archive(handlers) as archive, associate(archive.address, contexts=[context]) as association:
        return await operation(association)


class TestEcho:
    async def test_an_echo_needs_no_handler(self) -> None:
        """Whoever accepts an association shows that it lives."""
        async with Archive({}) as archive, associate(archive.address) as association:
            assert await association.echo() == Status.SUCCESS

    async def test_an_echo_is_answered_as_its_handler_says(self) -> None:
        """For tests of peers, mostly."""

        def refuse(request: Any) -> int:
            assert request.calling_ae == "DICOMNET"
            return Status.NOT_AUTHORIZED

        async with Archive({"echo": refuse}) as archive, associate(archive.address) as association:
            with pytest.raises(StatusError) as refused:
                await association.echo()
        assert refused.value.status == Status.NOT_AUTHORIZED


class TestFind:
    @pytest.mark.parametrize("kind", ["list", "tuple", "generator", "iterator", "async generator", "coroutine"])
    async def test_matches_may_come_in_every_way(self, kind: str) -> None:
        """Whatever can be iterated, made on the loop or in a thread."""

        def give_list(request: Any) -> list[Dataset]:
            return studies(3)

        def give_tuple(request: Any) -> tuple[Dataset, ...]:
            return tuple(studies(3))

        def generate(request: Any) -> Iterator[Dataset]:
            assert threading.current_thread() is not threading.main_thread()
            yield from studies(3)

        def give_iterator(request: Any) -> Iterator[Dataset]:
            return iter(studies(3))

        async def generate_async(request: Any) -> AsyncIterator[Dataset]:
            for study in studies(3):
                await asyncio.sleep(0)
                yield study

        async def give_generator(request: Any) -> Iterator[Dataset]:
            return generate(request)

        handlers = {
            "list": give_list,
            "tuple": give_tuple,
            "generator": generate,
            "iterator": give_iterator,
            "async generator": generate_async,
            "coroutine": give_generator,
        }
        matches = await find(handlers[kind])
        assert [match.PatientID for match in matches] == ["P0", "P1", "P2"]

    async def test_what_identifiers_must_have_is_added(self) -> None:
        """Level, title and character set follow from the request and the values."""

        async def answer(request: Any) -> list[Any]:
            assert request.level == "STUDY"
            assert request.model == "study-root"
            assert request.identifier.PatientID == "*"
            assert encode_dataset(request.identifier, request.context.transfer_syntax) == request.identifier_bytes
            return [
                {"StudyInstanceUID": "1.2", "PatientName": "Müller"},
                keys(StudyInstanceUID="1.3", QueryRetrieveLevel="IMAGE", RetrieveAETitle="OTHER"),
            ]

        first, second = await find(answer)
        assert (first.QueryRetrieveLevel, first.RetrieveAETitle) == ("STUDY", "ARCHIVE")
        assert (first.SpecificCharacterSet, first.PatientName) == ("ISO_IR 100", "Müller")
        # PS3.4 C.4.1.1.3.2: the level is the one that was asked for, however the record is kept.
        assert (second.QueryRetrieveLevel, second.RetrieveAETitle) == ("STUDY", "OTHER")
        assert "SpecificCharacterSet" not in second

    async def test_no_match_is_lost_for_its_character_set(self) -> None:
        """One that does not hold its text gives way; a code string with bytes that it may not have goes as it was read."""
        odd = decode_dataset(BytesIO(b"\x08\0\x60\0CS\x02\0\xe9 " + b"\x10\0\x10\0PN\x06\0M\xfcller"), EXPLICIT)
        assert (odd.Modality, odd.PatientName) == ("é", "Müller")
        japanese = keys(SpecificCharacterSet="ISO_IR 100", PatientName="山田")
        first, second = await find(lambda request: [odd, japanese])
        assert (first.Modality, first.PatientName) == ("é", "Müller")
        assert (second.SpecificCharacterSet, second.PatientName) == ("ISO_IR 192", "山田")
        assert japanese.SpecificCharacterSet == "ISO_IR 100"

    async def test_the_data_sets_of_the_handler_stay_as_they_are(self) -> None:
        """They may be its own records."""
        records = studies(1)
        await find(lambda request: records)
        assert records == studies(1)

    async def test_a_worklist_has_no_level(self) -> None:
        """Nothing of query and retrieve is added to it (PS3.4 K.6.1)."""
        handlers = Handlers()
        handlers.add("find", lambda request: [keys(PatientID="P")], "worklist")
        async with Archive(handlers) as archive, associate(archive.address, contexts=["worklist"]) as association:
            (match,) = await association.find("worklist").all()
        assert "QueryRetrieveLevel" not in match
        assert "RetrieveAETitle" not in match

    async def test_one_match_needs_no_list(self) -> None:
        """A data set is a match, and so is a pair of FF01 and a data set."""
        (match,) = await find(lambda request: studies(1)[0])
        assert not match.unsupported_keys
        (match,) = await find(lambda request: (Status.PENDING_WARNING, studies(1)[0]))
        assert match.unsupported_keys

    async def test_no_match_is_a_success(self) -> None:
        """One response and no pending one."""
        assert await find(lambda request: None) == []
        assert await find(lambda request: []) == []
        assert await find(lambda request: 0) == []

    @pytest.mark.parametrize("after", [0, 2])
    async def test_a_status_error_ends_a_query_with_its_status(self, after: int) -> None:
        """Also in the middle of matches."""

        def answer(request: Any) -> Iterator[Dataset]:
            yield from studies(after)
            raise StatusError(Status.OUT_OF_RESOURCES, "too many")

        with pytest.raises(StatusError, match="too many") as failed:
            await find(answer)
        assert failed.value.status == Status.OUT_OF_RESOURCES

    @pytest.mark.parametrize("kind", ["returned", "yielded", "a pair", "a reply", "alone", "asynchronous"])
    async def test_a_status_in_place_of_a_match_ends_the_query(self, kind: str) -> None:
        """Whoever has generated matches so far need not raise; nothing after it is answered."""

        def returned(request: Any) -> Iterator[Any]:
            yield from studies(2)
            return int(Status.OUT_OF_RESOURCES)

        def yielded(request: Any) -> Iterator[Any]:
            given = {
                "a pair": (Status.OUT_OF_RESOURCES, None),
                "a reply": request.reply(Status.OUT_OF_RESOURCES, error_comment="too many"),
            }
            yield from studies(2)
            yield given.get(kind, Status.OUT_OF_RESOURCES)
            yield from studies(2)

        async def generate(request: Any) -> AsyncIterator[Any]:
            for one in yielded(request):
                yield one

        handlers = {"returned": returned, "asynchronous": generate, "alone": lambda request: (0xA700, None)}
        handler = handlers.get(kind, yielded)
        found = []
        async with (
            Archive({"find": handler}) as archive,
            associate(archive.address, contexts=FIND_CONTEXTS) as association,
        ):
            try:
                async for match in association.find("STUDY", PatientID="*"):
                    found.append(match.PatientID)  # noqa: PERF401 (what came before the error counts)
            except StatusError as error:
                failed = error
        assert (failed.status, failed.error_comment) == (0xA700, "too many" if kind == "a reply" else None)
        assert found == ([] if kind == "alone" else ["P0", "P1"])

    async def test_a_success_in_place_of_a_match_ends_the_query(self) -> None:
        """That is how some frameworks have it said."""
        found = await find(lambda request: iter([*studies(1), (Status.SUCCESS, None), *studies(2)]))
        assert [match.PatientID for match in found] == ["P0"]

    @pytest.mark.parametrize("bad", ["exception", "no match", "empty match", "nothing iterable", "not pending", "bool"])
    async def test_a_mistake_of_the_handler_is_a_failure(self, bad: str, caplog: pytest.LogCaptureFixture) -> None:
        """C000 for the peer, the reason in the log."""

        def answer(request: Any) -> Any:
            if bad == "exception":
                raise LookupError("no database")
            return {
                "no match": ["P1"],
                "empty match": (Status.PENDING, Dataset()) and [keys(PatientID="P"), 17],
                "nothing iterable": object(),
                "not pending": [(Status.SUCCESS, keys(PatientID="P"))],
                "bool": True,
            }[bad]

        with pytest.raises(StatusError) as failed, caplog.at_level(logging.ERROR, "dicomnet.association"):
            await find(answer)
        assert failed.value.status == Status.UNABLE_TO_PROCESS
        assert "the handler of C-FIND-RQ failed" in caplog.text

    async def test_an_identifier_that_cannot_be_read_never_reaches_the_handler(self) -> None:
        """C000 and a comment, and the association goes on."""

        async def answer(request: Any) -> None:
            raise AssertionError

        async with Archive({"find": answer}) as archive:
            raw = await archive.raw()
            await ask(raw, b"\x08\x00\x40\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff")
            response = await answer_of(raw)
            assert response.status == Status.UNABLE_TO_PROCESS
            assert "cannot be read" in response.error_comment

    async def test_what_a_peer_calls_its_class_goes_back_in_one_line(self) -> None:
        """A UID is any text on the wire, and a comment is not (PS3.5 6.2, VR LO)."""
        async with Archive({"find": lambda request: []}) as archive:
            raw = await archive.raw()
            command = CFindRequest(message_id=1, affected_sop_class_uid=STUDY_ROOT_FIND)
            forged = codec.encode(command).replace(STUDY_ROOT_FIND.encode(), b"1\nERROR".ljust(len(STUDY_ROOT_FIND)))
            await raw.write(command_pdus(FIND, forged, MAX_PDU) + data_pdus(FIND, bytes(8), MAX_PDU))
            response = await answer_of(raw)
        assert response.status == Status.SOP_CLASS_NOT_SUPPORTED
        assert response.error_comment == "1/x0aERROR is not what this context is for"

    async def test_an_identifier_may_be_too_long(self) -> None:
        """Nobody asks with megabytes; they are neither kept nor decoded, and the association goes on."""
        seen: list[int] = []

        async def answer(request: Any) -> None:
            seen.append(len(request.identifier_bytes))

        limits = Limits(identifier=64 * KIB)
        async with Archive({"find": answer}, endpoint={"limits": limits}) as archive:
            raw = await archive.raw()
            await ask(raw, encode_dataset(keys(PatientID="P", PatientComments="x" * 64 * KIB), EXPLICIT))
            refusal = await answer_of(raw)
            assert (refusal.status, refusal.error_comment) == (
                Status.OUT_OF_RESOURCES,
                "a data set of more than 65536 bytes",
            )
            await ask(raw, encode_dataset(keys(PatientID="P", PatientComments="x" * 32 * KIB), EXPLICIT))
            assert (await answer_of(raw)).status == Status.SUCCESS
        assert len(seen) == 1


class TestCancel:
    @pytest.mark.parametrize("kind", ["generator", "async generator", "async that hangs", "coroutine that hangs"])
    async def test_a_cancel_ends_a_query_in_the_middle(self, kind: str) -> None:
        """With FE00, and what the handler holds is let go."""
        closed = threading.Event()

        def generate(request: Any) -> Iterator[Dataset]:
            try:
                while True:
                    yield studies(1)[0]
            finally:
                closed.set()

        async def generate_async(request: Any) -> AsyncIterator[Dataset]:
            try:
                while True:
                    yield studies(1)[0]
                    if kind == "async that hangs":
                        await asyncio.Event().wait()
            finally:
                closed.set()

        async def hang(request: Any) -> None:
            try:
                await asyncio.Event().wait()
            finally:
                closed.set()

        handlers = {"generator": generate, "coroutine that hangs": hang}
        async with Archive({"find": handlers.get(kind, generate_async)}) as archive:
            raw = await archive.raw()
            await ask(raw)
            if kind == "coroutine that hangs":
                await eventually(lambda: _interruptible(archive))
            else:
                assert (await answer_of(raw)).status == Status.PENDING
            await cancel(raw)
            while (response := await answer_of(raw)).status.is_pending:
                pass
            assert response.status == Status.CANCEL
            assert await asyncio.get_running_loop().run_in_executor(None, closed.wait, 10)
            await archive.saw(RequestAnswered)

    async def test_a_handler_may_look_whether_it_is_cancelled(self) -> None:
        """A plain function that collects a list, for one; its list is not sent any more."""
        with Gate() as gate:

            def collect(request: Any) -> list[Dataset]:
                gate.pass_through()
                while not request.cancelled:
                    pass
                return studies(1)

            async with Archive({"find": collect}) as archive:
                raw = await archive.raw()
                await ask(raw)
                await gate.reached()
                await cancel(raw)
                gate.open()
                assert (await answer_of(raw)).status == Status.CANCEL

    async def test_a_request_that_is_cancelled_before_its_turn_is_not_begun(self) -> None:
        """It waited for a place in the window."""
        begun: list[int] = []
        go_on = asyncio.Event()

        async def answer(request: Any) -> None:
            begun.append(request.message_id)
            await go_on.wait()

        async with Archive({"find": answer}) as archive:
            raw = await archive.raw()
            await ask(raw, message_id=1)
            await ask(raw, message_id=2)
            await cancel(raw, 2)
            await eventually(lambda: any(one.cancelled for one in archive.sessions[0]._inbound.values()))
            go_on.set()
            assert [(await answer_of(raw)).status for _ in range(2)] == [Status.SUCCESS, Status.CANCEL]
        assert begun == [1]

    async def test_a_cancel_that_comes_too_late_is_nobodys(self) -> None:
        """It crossed the final response (PS3.7 9.1.2.2); the next request is answered as if nothing had been."""
        async with Archive({"find": lambda request: studies(1)}) as archive:
            raw = await archive.raw()
            await ask(raw)
            assert [(await answer_of(raw)).status for _ in range(2)] == [Status.PENDING, Status.SUCCESS]
            await cancel(raw)
            await ask(raw, message_id=2)
            assert [(await answer_of(raw)).status for _ in range(2)] == [Status.PENDING, Status.SUCCESS]


class TestBackPressure:
    @pytest.mark.parametrize("plain", [False, True])
    async def test_a_peer_that_stops_reading_stops_the_handler(self, plain: bool) -> None:
        """Matches are made as they are taken, or a thread is a few ahead, and wait for nobody's memory."""
        made = 0
        ahead = AHEAD + 1 if plain else 0
        match = keys(StudyInstanceUID="1.2", PatientComments="x" * 8 * KIB)

        def generate(request: Any) -> Iterator[Dataset]:
            nonlocal made
            while not request.cancelled:
                made += 1
                yield match

        async def generate_async(request: Any) -> AsyncIterator[Dataset]:
            for one in generate(request):
                yield one

        async with Archive({"find": generate if plain else generate_async}) as archive:
            raw = await archive.raw(small=True)
            await ask(raw)
            await eventually(lambda: archive.sessions and archive.sessions[0].crowded)
            session = archive.sessions[0]
            before = made
            for _ in range(200):
                await asyncio.sleep(0)
            assert made <= before + ahead
            assert session._unsent <= 64
            await cancel(raw)
            while (await answer_of(raw)).status.is_pending:
                pass
            assert not session.crowded


class TestWindow:
    @pytest.mark.parametrize("window", [1, 16])
    @pytest.mark.parametrize("plain", [False, True])
    async def test_as_many_handlers_run_as_were_negotiated(self, window: int, plain: bool) -> None:
        """With a window they run together, without one each waits for the one before; threads are four at most."""
        running = most = 0
        lock = threading.Lock()
        together = 1 if window == 1 else 4 if plain else 8
        all_there = asyncio.Event()
        loop = asyncio.get_running_loop()
        go_on = threading.Event()

        def enter() -> None:
            nonlocal running, most
            with lock:
                running += 1
                most = max(most, running)
                if running == together:
                    loop.call_soon_threadsafe(all_there.set)

        def leave() -> None:
            nonlocal running
            with lock:
                running -= 1

        async def keep(request: Any) -> None:
            await request.save(MEMORY)
            enter()
            await all_there.wait()
            await asyncio.sleep(0)
            leave()

        def keep_plain(request: Any) -> None:
            request.save(MEMORY)
            enter()
            assert go_on.wait(10)
            leave()

        async with (
            Archive({"store": keep_plain if plain else keep}) as archive,
            associate(archive.address, contexts=["CTImageStorage"], window=window) as association,
        ):
            storing = asyncio.create_task(association.store([instance(number) for number in range(8)]))
            await all_there.wait()
            await asyncio.sleep(0)
            go_on.set()
            assert (await storing).ok
        assert most == together

    async def test_requests_beyond_the_window_wait_in_order(self) -> None:
        """A peer that sends ahead is served, one after the other."""
        order = []

        async def answer(request: Any) -> list[Dataset]:
            order.append(request.message_id)
            await asyncio.sleep(0)
            order.append(-request.message_id)
            return []

        async with Archive({"find": answer}) as archive:
            raw = await archive.raw()
            for number in (1, 2, 3):
                await ask(raw, message_id=number)
            for _ in range(3):
                assert (await answer_of(raw)).status == Status.SUCCESS
        assert order == [1, -1, 2, -2, 3, -3]

    async def test_one_association_does_not_take_all_threads(self) -> None:
        """Its handlers hang in four threads; another association of its address is served in the fifth."""
        crew = Crew(threads=10, idle=0.05)
        with Gate() as gate:

            def answer(request: Any) -> list[Dataset]:
                if request.calling_ae == "SLOW":
                    gate.pass_through()
                return []

            async with (
                Archive({"find": answer}, crew=crew) as archive,
                associate(archive.address, aet="SLOW", contexts=FIND_CONTEXTS, window=8) as slow,
            ):
                asking = [asyncio.create_task(slow.find("STUDY", PatientID="*").all()) for _ in range(8)]
                await gate.reached()
                async with associate(archive.address, aet="QUICK", contexts=FIND_CONTEXTS) as quick:
                    assert await quick.find("STUDY", PatientID="*").all() == []
                gate.open()
                assert await asyncio.gather(*asking) == [[]] * 8


class TestNServices:
    async def test_each_service_reaches_its_handler(self) -> None:
        """With what its request names, and back with what the handler gives."""
        seen: list[Any] = []

        async def create(request: Any) -> Dataset:
            seen.append((request.sop_instance_uid, request.dataset.PatientID))
            return keys(PatientID="created")

        def change(request: Any) -> tuple[int, Dataset]:
            seen.append((request.sop_instance_uid, request.dataset.PatientID))
            return 0x0107, keys(PatientID="changed")

        async with (
            Archive({"n_create": create, "n_set": change}) as archive,
            associate(archive.address, contexts=[MPPS]) as association,
        ):
            created = await association.n_create(MPPS, keys(PatientID="new"), instance="1.2.3")
            changed = await association.n_set(MPPS, "1.2.3", keys(PatientID="other"))
        assert created.dataset is not None
        assert created.dataset.PatientID == "created"
        assert created.sop_instance_uid == "1.2.3"
        assert changed.status == Status.ATTRIBUTE_LIST_ERROR
        assert seen == [("1.2.3", "new"), ("1.2.3", "other")]

    async def test_an_instance_without_a_name_gets_one(self) -> None:
        """The handler knows it before it is answered, and may choose another (PS3.7 10.3.5.2)."""
        seen = []

        def create(request: Any) -> None:
            seen.append(request.sop_instance_uid)

        def name(request: Any) -> Any:
            return request.reply(0, affected_sop_instance_uid="1.2.3.4")

        answer = await call_n({"n_create": create}, lambda it: it.n_create(MPPS, keys(PatientID="P")))
        assert answer.sop_instance_uid == seen[0]
        assert str(answer.sop_instance_uid).startswith("2.25.")
        answer = await call_n({"n_create": name}, lambda it: it.n_create(MPPS, keys(PatientID="P")))
        assert answer.sop_instance_uid == "1.2.3.4"

    async def test_attributes_are_asked_for_by_tag(self) -> None:
        """N-GET answers with a data set."""

        def get(request: Any) -> Dataset:
            assert request.attributes == (0x0010_0020,)
            assert request.dataset is None
            return keys(PatientID="P")

        answer = await call_n(
            {"n_get": get}, lambda it: it.n_get("mpps-retrieve", "1.2", ["PatientID"]), "mpps-retrieve"
        )
        assert answer.dataset.PatientID == "P"

    async def test_a_get_without_any_attribute_is_a_warning(self) -> None:
        """Success would need a data set, and an empty one does not exist on the wire."""
        answer = await call_n(
            {"n_get": lambda request: Dataset()}, lambda it: it.n_get("mpps-retrieve", "1.2"), "mpps-retrieve"
        )
        assert answer.status == Status.ATTRIBUTE_LIST_ERROR

    async def test_actions_deletions_and_events_carry_their_types(self) -> None:
        """The other three services."""
        seen: list[Any] = []

        def act(request: Any) -> Dataset:
            seen.append(request.action_type)
            return keys(PatientID="done")

        async with (
            Archive({"n_action": act, "n_delete": lambda request: seen.append(request.sop_instance_uid)}) as archive,
            associate(archive.address, contexts=["BasicFilmBox"]) as association,
        ):
            answer = await association.n_action("BasicFilmBox", "1.2", 1, None)
            await association.n_delete("BasicFilmBox", "1.2")
        assert answer.dataset is not None
        assert seen == [1, "1.2"]

    @pytest.mark.parametrize("verb", ["n_action", "n_set"])
    async def test_a_data_set_may_be_too_long(self, verb: str) -> None:
        """The attributes of an image box may be large, what an action says may not (PS3.7 10.1: 0213)."""
        seen: list[Any] = []

        def see(request: Any) -> None:
            seen.append((request.dataset.PatientComments, len(request.bytes)))

        async def send(association: Any, size: int) -> Any:
            dataset = keys(PatientComments="x" * size)
            if verb == "n_action":
                return await association.n_action("BasicFilmBox", "1.2", 1, dataset)
            return await association.n_set("BasicFilmBox", "1.2", dataset)

        limits = Limits(identifier=8 * KIB, attributes=2 * MIB)
        most = limits.identifier if verb == "n_action" else limits.attributes
        async with (
            Archive({verb: see}, endpoint={"limits": limits}) as archive,
            associate(archive.address, contexts=["BasicFilmBox"]) as association,
        ):
            await send(association, most - 64)
            with pytest.raises(StatusError, match=f"more than {most} bytes") as refused:
                await send(association, most)
            await send(association, 8)
        assert refused.value.status == Status.RESOURCE_LIMITATION
        assert [len(text) for text, _ in seen] == [most - 64, 8]
        assert all(size > len(text) for text, size in seen)

    async def test_the_acceptor_reports_an_event_to_a_handler_of_the_requestor(self) -> None:
        """On the association that the other side asked for, while it waits."""
        heard: list[Any] = []

        async def act(request: Any) -> None:
            answer = await request.association.event_report(
                StorageCommitmentPushModel, "1.2.840.10008.1.20.1.1", 1, keys(TransactionUID="1.2")
            )
            heard.append(answer.status)

        def note(request: Any) -> None:
            heard.append((request.event_type, request.dataset.TransactionUID))

        async with Archive({"n_action": act}) as archive:
            contexts = ["storage-commitment"]
            async with associate(archive.address, contexts=contexts, handlers={"n_event_report": note}) as association:
                await association.n_action("storage-commitment", "1.2.840.10008.1.20.1.1", 1, None)
        assert heard == [(1, "1.2"), Status.SUCCESS]

    async def test_the_result_of_a_commitment_is_read_in_a_storage_thread(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A list of thousands of instances takes its time."""
        readers: list[str] = []

        def read(dataset: Dataset, report: Any) -> None:
            readers.append(threading.current_thread().name)
            read_result(dataset, report)

        async def act(request: Any) -> None:
            event_type, result = commitment_result(
                request.dataset.TransactionUID, instance_refs([("1.2.840.10008.5.1.4.1.1.2", "1.2.3")])
            )
            await request.association.event_report(
                StorageCommitmentPushModel, STORAGE_COMMITMENT_INSTANCE, event_type, result
            )

        monkeypatch.setattr("dicomnet.exchanges.commitment.read_result", read)
        async with (
            Archive({"n_action": act}) as archive,
            associate(archive.address, contexts=["storage-commitment"]) as association,
        ):
            report = await association.commit([("1.2.840.10008.5.1.4.1.1.2", "1.2.3")])
        assert report.ok
        (reader,) = readers
        assert reader.startswith("dicomnet-storage")

    @pytest.mark.parametrize("bad", ["data set for a deletion", "no attributes", "no answer", "exception", "no status"])
    async def test_a_mistake_of_the_handler_is_a_failure(self, bad: str, caplog: pytest.LogCaptureFixture) -> None:
        """The peer hears 0110 and never waits in vain."""

        def fail(request: Any) -> Any:
            if bad == "exception":
                raise LookupError
            return {"data set for a deletion": keys(PatientID="P"), "no attributes": None, "no answer": "ok"}.get(
                bad, 0xFF00
            )

        verb, context = ("n_delete", "BasicFilmBox") if "deletion" in bad else ("n_get", "mpps-retrieve")
        with pytest.raises(StatusError) as failed, caplog.at_level(logging.ERROR, "dicomnet.association"):
            await call_n({verb: fail}, lambda it: getattr(it, verb)(context, "1.2"), context)
        assert failed.value.status == Status.PROCESSING_FAILURE
        assert "failed" in caplog.text

    @pytest.mark.parametrize("raised", [False, True])
    async def test_a_whole_reply_says_everything(self, raised: bool) -> None:
        """Comments and error IDs, for instance (PS3.4 F.7.2); and so does an exception."""

        def refuse(request: Any) -> Any:
            if raised:
                raise StatusError(Status.PROCESSING_FAILURE, "is completed", error_id=0xA710)
            return request.reply(Status.PROCESSING_FAILURE, error_comment="is completed", error_id=0xA710)

        with pytest.raises(StatusError, match="is completed") as failed:
            await call_n({"n_set": refuse}, lambda it: it.n_set(MPPS, "1.2", keys(PatientID="P")))
        assert failed.value.error_id == 0xA710


class TestNoHandler:
    async def test_what_nobody_performs_is_not_accepted(self) -> None:
        """The contexts follow from the handlers."""
        async with Archive({"store": print}) as archive:
            with pytest.raises(ContextRefused):
                await associate(archive.address, contexts=["study-root-find"])

    async def test_a_request_without_a_handler_is_refused(self) -> None:
        """Where the context was accepted all the same: 0122, 0118 or 0211, by what is unknown."""

        def accept(session: Any, request: Any) -> Any:
            return negotiate(request, Policy())

        handlers = Handlers()
        handlers.add("n_create", print, "mpps")
        async with Archive(handlers, associate=accept) as archive:
            contexts = ["CTImageStorage", "study-root-find", "mpps", "mpps-retrieve"]
            async with associate(archive.address, contexts=contexts) as association:
                report = await association.store(instance(1, size=100 * KIB), check=False)
                assert report.results[0].status == Status.SOP_CLASS_NOT_SUPPORTED
                with pytest.raises(StatusError) as failed:
                    await association.find("STUDY", PatientID="*").all()
                assert failed.value.status == Status.SOP_CLASS_NOT_SUPPORTED
                with pytest.raises(StatusError) as failed:
                    await association.n_get("mpps-retrieve", "1.2")
                assert failed.value.status == Status.NO_SUCH_SOP_CLASS
                with pytest.raises(StatusError) as failed:
                    await association.n_set("mpps", "1.2", keys(PatientID="P"))
                assert failed.value.status == Status.UNRECOGNIZED_OPERATION

    def test_no_handlers_are_no_provider(self) -> None:
        """An association without them refuses what comes by itself."""
        assert provider_for(None) is None

    def test_a_misspelt_handler_of_an_association_is_refused(self) -> None:
        """Before anything is opened."""
        with pytest.raises(InvalidValue, match="did you mean store"):
            provider_for({"sotre": print})


class TestDeciding:
    @pytest.mark.parametrize("later", [False, True])
    async def test_whoever_decides_may_take_a_while(self, later: bool) -> None:
        """A function, or a coroutine function that asks a database."""

        def refuse(session: Any, request: Any) -> AssociateReject:
            reason = RejectReason.CALLED_AE_TITLE_NOT_RECOGNIZED
            return AssociateReject(1, reason.source, reason.reason)

        async def refuse_later(session: Any, request: Any) -> AssociateReject:
            await asyncio.sleep(0)
            return refuse(session, request)

        async with Archive({}, associate=refuse_later if later else refuse) as archive:
            with pytest.raises(AssociationRejected) as rejected:
                await associate(archive.address)
            assert (await archive.saw(Rejected)).reason == 7
        assert (rejected.value.result, rejected.value.source, rejected.value.reason) == (1, 1, 7)

    @pytest.mark.parametrize("bad", ["raises", "raises later", "answers nonsense"])
    async def test_a_decision_that_fails_is_a_rejection_for_now(self, bad: str) -> None:
        """The peer may try again; the log says what is wrong."""

        async def fail() -> Any:
            raise LookupError

        def decide(session: Any, request: Any) -> Any:
            if bad == "raises":
                raise LookupError
            if bad == "raises later":
                return fail()
            accept = negotiate(request, Policy())
            assert isinstance(accept, AssociateAccept)
            return AssociateAccept(**{**_fields(accept), "contexts": ()})

        async with Archive({}, associate=decide) as archive:
            with pytest.raises(AssociationRejected) as rejected:
                await associate(archive.address)
        assert rejected.value.transient

    async def test_a_peer_that_goes_while_it_is_decided_about_leaves_nothing(self) -> None:
        """The decision is cancelled."""
        deciding = asyncio.Event()

        async def decide(session: Any, request: Any) -> Any:
            deciding.set()
            await asyncio.Event().wait()

        async with Archive({}, associate=decide) as archive:
            asking = asyncio.create_task(_opened(archive.address))
            await deciding.wait()
            asking.cancel()
            await archive.saw(Ended)
            await asyncio.gather(asking, return_exceptions=True)


class TestObserving:
    async def test_observers_hear_of_everything_in_order(self) -> None:
        """From the acceptance to the end, with what was answered."""

        async def keep(request: Any) -> None:
            await request.save(MEMORY)

        async with Archive({"store": keep}) as archive:
            async with associate(archive.address, aet="CT1", contexts=["CTImageStorage"]) as association:
                await association.store(instance(1))
            await archive.saw(Ended)
        assert [type(event) for event in archive.events] == [Associated, RequestBegan, RequestAnswered, Ended]
        answered = archive.of(RequestAnswered)[0]
        assert (answered.verb, answered.status, answered.sop_instance_uid) == (Verb.STORE, Status.SUCCESS, "1.2.3.1")
        assert answered.bytes == len(encode_dataset(instance(1), EXPLICIT))
        assert answered.seconds >= 0
        assert {event.calling_ae for event in archive.events} == {"CT1"}
        assert archive.of(Ended)[0].error is None

    async def test_what_was_answered_is_told_before_the_end_that_follows_at_once(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """And as answered: the task that did it may come to its own end after the association."""
        respond = Performance.respond

        def respond_and_end(self: Performance, *arguments: Any, **fields: Any) -> None:
            respond(self, *arguments, **fields)
            self.session.abort()

        monkeypatch.setattr(Performance, "respond", respond_and_end)
        async with Archive({}) as archive:
            raw = await archive.raw()
            await raw.write(command_pdus(ECHO, codec.encode(echo(1)), MAX_PDU))
            await archive.saw(Ended)
        assert [type(event) for event in archive.events] == [Associated, RequestBegan, RequestAnswered, Ended]
        assert archive.of(RequestAnswered)[0].status == Status.SUCCESS

    async def test_an_observer_that_fails_harms_nobody(self, caplog: pytest.LogCaptureFixture) -> None:
        """It is logged, and the others are told."""

        def fail(event: Observed) -> None:
            raise LookupError

        async with Archive({}) as archive:
            archive.provider.observers.add(fail)
            async with associate(archive.address) as association:
                assert await association.echo() == Status.SUCCESS
        assert "an observer failed at Associated" in caplog.text

    async def test_an_abort_is_the_end_with_its_reason(self) -> None:
        """What was being performed is not answered."""
        with Gate() as gate:

            def hang(request: Any) -> list[Dataset]:
                gate.pass_through()
                return []

            async with Archive({"find": hang}) as archive:
                raw = await archive.raw()
                await ask(raw)
                await gate.reached()
                reset(raw.sock)
                assert (await archive.saw(Ended)).error is not None
                gate.open()
                assert (await archive.saw(RequestAnswered)).status is None

    async def test_requests_that_never_have_their_turn_are_told_of_as_well(self) -> None:
        """Whoever counts what has begun and what is over comes to the same: also if the peer aborts in the same breath."""
        async with Archive({}) as archive:
            raw = await archive.raw()
            asked = [CEchoRequest(message_id=number, affected_sop_class_uid=VERIFICATION) for number in range(1, 6)]
            said = b"".join(command_pdus(ECHO, codec.encode(one), MAX_PDU) for one in asked)
            await raw.write(said + push_pdu(Abort(0, 0)))
            await archive.saw(RequestAnswered, 5)
            await archive.saw(Ended)
        assert sorted(event.message_id for event in archive.of(RequestAnswered)) == [1, 2, 3, 4, 5]
        assert {event.status for event in archive.of(RequestAnswered)} == {None}


async def ask(raw: Raw, identifier: bytes | None = None, *, message_id: int = 1) -> None:
    """A C-FIND-RQ of a raw peer."""
    if identifier is None:
        identifier = encode_dataset(keys(QueryRetrieveLevel="STUDY", PatientID="*"), EXPLICIT)
    command = CFindRequest(message_id=message_id, affected_sop_class_uid=STUDY_ROOT_FIND)
    await raw.write(command_pdus(FIND, codec.encode(command), MAX_PDU) + data_pdus(FIND, identifier, MAX_PDU))


async def cancel(raw: Raw, message_id: int = 1) -> None:
    command = CCancelRequest(message_id_being_responded_to=message_id)
    await raw.write(command_pdus(FIND, codec.encode(command), MAX_PDU))


async def answer_of(raw: Raw) -> Any:
    """The next command that the raw peer is sent; data sets are passed over."""
    while True:
        pdu = await raw.pdu()
        assert pdu, "the archive has closed the connection"
        assert pdu[0] == PduType.P_DATA_TF, pdu
        if pdu[11] & 1:
            return codec.decode(pdu[12:])


def _interruptible(archive: Archive) -> bool:
    """Whether a handler is being waited for."""
    return any(
        running is not None and running.request._interruptible
        for served in archive.provider._served.values()
        for running in served._performances.values()
    )


async def _opened(address: str) -> Any:
    return await associate(address)


def _fields(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__dataclass_fields__}
