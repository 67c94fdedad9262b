from __future__ import annotations

import asyncio
import logging
import os
import socket
import threading
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset, dcmread

import dicomnet.server.policy
from dicomnet.aio.observe import Associated, Ended, Observed, Rejected, RequestAnswered, RequestBegan
from dicomnet.errors import AssociationRejected, ContextRefused, InvalidValue, StateError, StatusError
from dicomnet.exchanges.contexts import Wanted
from dicomnet.exchanges.tolerance import Tolerance
from dicomnet.limits import Timeouts
from dicomnet.pdu import CommonExtendedNegotiation, ExtendedNegotiation
from dicomnet.server.server import Server
from dicomnet.types import UID
from dicomnet.uids import (
    CTImageStorage,
    ExplicitVRLittleEndian,
    MRImageStorage,
    Storage,
    StudyRootQueryRetrieveInformationModelFind,
    UnifiedProcedureStepPull,
)
from server.serving import calling, instance, local, until

PRIVATE = UID("1.2.3.4.5.6")


async def test_an_echo_is_answered_without_a_handler() -> None:
    """Verification is served by everybody (PS3.4 A.4)."""
    async with local() as server, calling(server) as association:
        assert await association.echo() == 0


async def test_what_a_handler_saves_is_there_when_it_is_acknowledged(tmp_path: Path) -> None:
    """The folder is made, and the file has the instance's name."""
    server = local()

    @server.on_store
    async def keep(request: Any) -> None:
        await request.save(tmp_path / "incoming")

    async with server, calling(server, "CTImageStorage") as association:
        await association.store(instance(1))
        assert dcmread(tmp_path / "incoming" / "1.2.3.1.dcm").PatientID == "P1"


async def test_a_plain_function_has_a_thread_of_its_own(tmp_path: Path) -> None:
    """The same request without ``await``."""
    server = local()
    threads = []

    @server.on_store
    def keep(request: Any) -> None:
        threads.append(threading.current_thread())
        request.save(tmp_path)

    async with server, calling(server, "CTImageStorage") as association:
        await association.store(instance(1))
    assert (tmp_path / "1.2.3.1.dcm").exists()
    assert threads != [threading.current_thread()]


async def test_a_layout_names_the_files(tmp_path: Path) -> None:
    """By attributes of the data set that comes."""
    server = local()

    @server.on_store
    async def keep(request: Any) -> None:
        await request.save(tmp_path, layout="{PatientID}/{calling}/{instance}.dcm")

    async with server, calling(server, "CTImageStorage") as association:
        await association.store(instance(1))
    assert (tmp_path / "P1" / "ME" / "1.2.3.1.dcm").exists()


async def test_a_folder_needs_no_handler(tmp_path: Path) -> None:
    """Everything is kept there, as the layout says."""
    async with (
        local(folder=tmp_path, layout="{StudyInstanceUID}/{instance}.dcm") as server,
        calling(server, "CTImageStorage") as association,
    ):
        await association.store(instance(1))
    assert (tmp_path / "1.2.3" / "1.2.3.1.dcm").exists()


async def test_methods_of_a_subclass_are_handlers() -> None:
    """Named like the decorators; plain and ``async`` alike."""

    class Archive(Server):
        async def on_store(self, request: Any) -> None:
            await request.discard()

        def on_find(self, request: Any) -> Any:
            yield {"PatientID": request.identifier.PatientID}

    async with (
        Archive("ARCHIVE", port=0, host="127.0.0.1") as server,
        calling(server, "CTImageStorage", "study-root-find") as association,
    ):
        assert (await association.store(instance(1))).ok
        assert [match.PatientID async for match in association.find(PatientID="P7")] == ["P7"]


def test_a_method_that_is_no_handler_is_a_mistake() -> None:
    """It would never be called, and nobody would know why."""

    class Archive(Server):
        async def on_stroe(self, request: Any) -> None: ...

    with pytest.raises(InvalidValue, match=r"Archive\.on_stroe would never be called; did you mean on_store"):
        Archive(port=0)


def test_a_decorator_takes_only_what_it_can_serve() -> None:
    """A service that does not know the operation is refused where it is written."""
    with pytest.raises(InvalidValue, match="worklist"):
        local().on_move("worklist")(print)
    server = local()
    server.on_store(print)
    with pytest.raises(InvalidValue, match="a handler of store"):
        server.on_store(print)


async def test_a_title_that_is_not_ours_is_rejected(caplog: pytest.LogCaptureFixture) -> None:
    """1/1/7, and the log shows both titles (PS3.8 9.3.4)."""
    async with local() as server:
        with pytest.raises(AssociationRejected) as refusal:
            await calling(server, title="ARCHIV")
    assert (refusal.value.result, refusal.value.source, refusal.value.reason) == (1, 1, 7)
    assert "ARCHIV: that title is none of ours, ARCHIVE" in caplog.text


async def test_without_a_title_of_its_own_a_server_answers_to_any() -> None:
    """That is the default."""
    async with local(None) as server, calling(server, title="WHOEVER") as association:
        assert await association.echo() == 0


async def test_the_case_of_titles_can_be_tolerated() -> None:
    """With ``ignore_title_case`` that of the called and of the calling one."""
    tolerance = Tolerance(ignore_title_case=True)
    async with (
        local(tolerance=tolerance, calling_ae=["me"]) as server,
        calling(server, title="Archive") as association,
    ):
        assert await association.echo() == 0


async def test_another_case_of_a_title_brings_no_other_rights() -> None:
    """Nor does it when cases are tolerated."""
    server = local(tolerance=Tolerance(ignore_title_case=True), verbs={"ME": ["echo"]})
    server.on_find(lambda request: [{"PatientID": "P1"}])
    async with server:
        for title in ("ME", "me"):
            with pytest.raises(ContextRefused):
                await calling(server, "study-root-find", aet=title)


async def test_titles_have_handlers_and_rules_of_their_own(caplog: pytest.LogCaptureFixture) -> None:
    """One port, several application entities."""
    server = local()
    router = server.ae("ROUTER", calling_ae=["CT1"])
    heard = []

    @server.on_echo
    async def ours(request: Any) -> None:
        heard.append(request.called_ae)

    @router.on_echo
    async def theirs(request: Any) -> None:
        heard.append((request.called_ae, request.calling_ae))

    async with server:
        async with calling(server) as association:
            await association.echo()
        async with calling(server, title="ROUTER", aet="CT1") as association:
            await association.echo()
        with pytest.raises(AssociationRejected) as refusal:
            await calling(server, title="ROUTER")
    assert heard == ["ARCHIVE", ("ROUTER", "CT1")]
    assert (refusal.value.source, refusal.value.reason) == (1, 3)
    assert "ME@127.0.0.1 -> ROUTER: that title may not call" in caplog.text


def test_a_title_is_given_once() -> None:
    """A second one of the same name could not be called."""
    with pytest.raises(InvalidValue, match="ARCHIVE"):
        local().ae("ARCHIVE")


async def test_who_calls_from_elsewhere_is_rejected(caplog: pytest.LogCaptureFixture) -> None:
    """The log names the address."""
    async with local(networks=["10.0.0.0/8"]) as server:
        with pytest.raises(AssociationRejected) as refusal:
            await calling(server)
    assert (refusal.value.result, refusal.value.source, refusal.value.reason) == (1, 1, 1)
    assert "ME@127.0.0.1 -> ARCHIVE: nobody may call from that address" in caplog.text


async def test_giving_out_is_closed_to_strangers(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The context is refused as not wanted, which says that the class is known here; the log says what would open it."""
    monkeypatch.setattr(dicomnet.server.policy, "is_loopback", lambda host: False)
    server = local()
    server.on_find(lambda request: [])

    @server.on_store
    async def keep(request: Any) -> None:
        await request.discard()

    async with server, calling(server, "study-root-find", "CTImageStorage") as association:
        assert (await association.store(instance(1))).ok
        with pytest.raises(ContextRefused, match="not wanted there"):
            await association.find(PatientID="P1").all()
    assert "is not authorized for find; that is for titles of peers= at their addresses" in caplog.text


async def test_a_retrieve_that_is_not_served_is_no_matter_of_rights(caplog: pytest.LogCaptureFixture) -> None:
    """Who proposes one, and to be sent instances, is told that it is not supported; no right is missing, and none is logged."""
    server = local()
    server.on_get(lambda request: [])
    contexts = [
        "PatientStudyOnlyQueryRetrieveInformationModelGet",
        Wanted("CTImageStorage", "ExplicitVRLittleEndian", scu=False, scp=True),
    ]
    async with server:
        with pytest.raises(ContextRefused):
            async with calling(server, *contexts):
                pass
    assert "not authorized" not in caplog.text


async def test_giving_out_is_open_to_the_address_book(monkeypatch: pytest.MonkeyPatch) -> None:
    """A function of it is asked off the loop."""
    monkeypatch.setattr(dicomnet.server.policy, "is_loopback", lambda host: False)
    server = local(peers=lambda title: "127.0.0.1:104" if title == "ME" else None)
    server.on_find(lambda request: [{"PatientID": "P1"}])
    async with server:
        async with calling(server, "study-root-find") as association:
            assert len(await association.find(PatientID="P1").all()) == 1
        with pytest.raises(ContextRefused):
            await calling(server, "study-root-find", aet="OTHER")


async def test_an_address_book_that_hangs_keeps_nobody_from_storing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is asked about who wants something of ours only; who it does not speak of in time is a stranger, as the log says."""
    monkeypatch.setattr(dicomnet.server.policy, "is_loopback", lambda host: False)
    asked: list[str] = []

    async def hang(title: str) -> None:
        asked.append(title)
        await asyncio.sleep(3600)

    server = local(peers=hang, timeouts=Timeouts(associate=2.0))
    server.on_find(lambda request: [])

    @server.on_store
    async def keep(request: Any) -> None:
        await request.discard()

    async with server:
        async with calling(server, "CTImageStorage") as association:
            assert (await association.store(instance(1))).ok
        assert asked == []
        async with calling(server, "CTImageStorage", "study-root-find", aet="OTHER") as association:
            assert (await association.store(instance(2))).ok
            with pytest.raises(ContextRefused, match="not wanted there"):
                await association.find(PatientID="P1").all()
        assert asked == ["OTHER"]
    assert "the address book did not say in time who OTHER@127.0.0.1 -> ARCHIVE is" in caplog.text


@pytest.mark.parametrize("kind", ["plain", "async"])
async def test_extended_negotiation_is_decided_off_the_loop(kind: str) -> None:
    """By a plain function in a thread, or by a coroutine function."""
    item = ExtendedNegotiation(StudyRootQueryRetrieveInformationModelFind, b"\1\1")
    threads: list[threading.Thread] = []

    def plain(offer: ExtendedNegotiation) -> bytes:
        threads.append(threading.current_thread())
        return b"\1\0"

    async def asynchronous(offer: ExtendedNegotiation) -> bytes:
        await asyncio.sleep(0)
        return b"\1\0"

    server = local(extended=plain if kind == "plain" else asynchronous)
    server.on_find(lambda request: [])
    async with server, calling(server, "study-root-find", extended=[item]) as association:
        accept = association._session.accept_pdu
        assert accept is not None
        assert [one.application_information for one in accept.user_information.extended] == [b"\1\0"]
    assert threading.current_thread() not in threads


async def test_an_operation_that_is_not_granted_is_not_authorized(caplog: pytest.LogCaptureFixture) -> None:
    """0124, where the class was accepted for another operation."""
    server = local(verbs={"ME": ["find"]})
    server.on_find("ups-pull")(lambda request: [])
    server.on_n_get("ups-pull")(lambda request: Dataset())
    async with server, calling(server, "ups-pull") as association:
        assert await association.find("ups", ProcedureStepState="SCHEDULED").all() == []
        with pytest.raises(StatusError) as refusal:
            await association.n_get(UnifiedProcedureStepPull, "1.2.3")
    assert refusal.value.status == 0x0124
    assert "not authorized for n-get" in caplog.text


async def test_private_instances_are_taken_if_they_are_described() -> None:
    """PS3.4 B.3.1.3, by the common extended negotiation; and undescribed by an unrestricted server."""
    wanted = Wanted(PRIVATE, (ExplicitVRLittleEndian,))
    described = [CommonExtendedNegotiation(PRIVATE, Storage)]

    async def keep(request: Any) -> None:
        await request.discard()

    server, open_server = local(), local(unrestricted=True)
    server.on_store(keep)
    open_server.on_store(keep)
    async with server, open_server:
        with pytest.raises(ContextRefused):
            await calling(server, wanted)
        for one, options in ((server, {"common_extended": described}), (open_server, {})):
            async with calling(one, wanted, **options) as association:
                assert (await association.store(instance(1, sop_class=PRIVATE))).ok


async def test_the_window_is_agreed_on() -> None:
    """16 for who asks for more, unless told otherwise."""
    async with local() as server, local(window=2) as narrow:
        async with calling(server, window=100) as association:
            assert association.terms.operations_invoked == 16
        async with calling(narrow, window=100) as association:
            assert association.terms.operations_invoked == 2
        async with calling(server) as association:
            assert association.terms.operations_invoked == 1


async def test_instances_can_be_retrieved_on_the_association_itself() -> None:
    """C-GET, for which the requestor is granted the SCP role of storage (PS3.4 C.5.3)."""
    server = local()

    @server.on_get
    def give(request: Any) -> Any:
        yield instance(1)
        yield instance(2, sop_class=MRImageStorage)

    contexts = ("study-root-get", "CTImageStorage", "MRImageStorage")
    async with server, calling(server, *contexts) as association:
        report = await association.get(None, StudyInstanceUID="1.2.3")
        assert {one.sop_class_uid for one in report.instances} == {CTImageStorage, MRImageStorage}
        # Nothing is taken: there is no handler for it, and the role was not granted.
        report_of_store = await association.store(instance(3), check=False)
        assert not report_of_store.ok


async def test_observers_are_told_what_happens() -> None:
    """Of every title, of what was refused, and those that come late from then on."""
    server = local()
    router = server.ae("ROUTER")
    seen: list[Observed] = []
    late: list[Observed] = []
    server.observe(seen.append)

    @router.on_echo
    async def hear(request: Any) -> None: ...

    async with server:
        async with calling(server, title="ROUTER") as association:
            await association.echo()
            await association.echo()
        with pytest.raises(AssociationRejected):
            await calling(server, title="NOBODY")
        await until(lambda: isinstance(seen[-1], Rejected))
        server.observe(late.append)
        async with calling(server, title="ROUTER") as association:
            await association.echo()
    kinds = [type(event) for event in seen]
    echoes = [RequestBegan, RequestAnswered]
    assert kinds[:7] == [Associated, *echoes, *echoes, Ended, Rejected]
    assert {event.called_ae for event in seen[:6]} == {"ROUTER"}
    assert [type(event) for event in late] == [Associated, *echoes, Ended]


async def test_an_observer_that_fails_harms_nobody(caplog: pytest.LogCaptureFixture) -> None:
    """It is logged."""
    server = local()

    @server.observe
    def broken(event: Observed) -> None:
        raise LookupError

    async with server, calling(server) as association:
        assert await association.echo() == 0
    assert "observer failed" in caplog.text


async def test_the_start_is_one_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """With the titles, the address and whether it is secure."""
    caplog.set_level(logging.INFO, "dicomnet.server")
    server = Server("ARCHIVE", port=0)
    server.ae("ROUTER")
    async with server:
        assert f"ARCHIVE, ROUTER listens on *:{server.port}" in caplog.messages


async def test_the_log_tells_where_the_sockets_of_others_listen(caplog: pytest.LogCaptureFixture) -> None:
    """Each of them: whoever has opened them knows them by nothing else."""
    caplog.set_level(logging.INFO, "dicomnet.server")
    server = Server("ARCHIVE", port=11112)
    server.listen(2762, host="localhost", name="secondary")
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
    places = ["{}:{}".format(*sock.getsockname()) for sock in sockets]
    server._site.bind([("dicom", sockets[0]), ("secondary", sockets[1]), ("secondary", sockets[2])])
    server._site.announce()
    server._site.close_sockets()
    assert caplog.messages == [f"ARCHIVE listens on {where}" for where in places]


async def test_an_ipv6_address_is_told_and_taken_in_brackets(caplog: pytest.LogCaptureFixture) -> None:
    """As it is written before a port everywhere else."""
    caplog.set_level(logging.INFO, "dicomnet.server")
    async with Server("ARCHIVE", port=0, host="[::1]") as server:
        assert server.addresses == [("::1", server.port)]
        assert f"ARCHIVE listens on [::1]:{server.port}" in caplog.messages


@pytest.mark.parametrize("title", ["ROUTER", " ROUTER ", "ARCHIVE", " ARCHIVE"])
def test_a_title_answers_once(title: str) -> None:
    """Spaces around it do not make another one; its second handlers would never be called."""
    server = Server("ARCHIVE", port=0)
    server.ae("ROUTER")
    with pytest.raises(InvalidValue, match=f"^{title.strip()} is a title of this server already"):
        server.ae(title)


@pytest.mark.parametrize(("title", "why"), [("X" * 17, "17 characters"), (5, "5 is no AE title, which is a text")])
def test_what_is_no_title_is_told(title: Any, why: str) -> None:
    """In words about the title."""
    with pytest.raises(InvalidValue, match=why):
        Server(title, port=0)
    with pytest.raises(InvalidValue, match=why):
        Server(None, port=0).ae(title)


async def test_every_address_of_the_machine_is_listened_at() -> None:
    """IPv4 and IPv6, where there is such a thing."""
    async with Server("ARCHIVE", port=0) as server:
        for host in ("127.0.0.1", "[::1]"):
            async with dicomnet.aio.associate(f"ARCHIVE@{host}:{server.port}") as association:
                assert await association.echo() == 0


async def test_a_handler_that_never_returns_keeps_no_other_association_waiting() -> None:
    """Of plain functions four run for one association, and there are threads left for the next."""
    server = local()
    stuck, go = threading.Event(), threading.Event()

    @server.on_find
    def find(request: Any) -> Any:
        if request.calling_ae == "STUCK":
            stuck.set()
            assert go.wait(30)
        return [{"PatientID": "P1"}]

    try:
        async with server, calling(server, "study-root-find", aet="STUCK", window=8) as first:
            waiting = [asyncio.create_task(first.find(PatientID="P1").all()) for _ in range(8)]
            await asyncio.get_running_loop().run_in_executor(None, stuck.wait, 15)
            async with calling(server, "study-root-find") as second:
                assert len(await second.find(PatientID="P1").all()) == 1
            go.set()
            assert [len(matches) for matches in await asyncio.gather(*waiting)] == [1] * 8
    finally:
        go.set()


async def test_a_server_at_rest_says_so() -> None:
    """And one that runs cannot be started again."""
    server = local()
    with pytest.raises(StateError, match="not running"):
        await server.aio_event_report("WS1", "storage-commitment", "1.2.3", 1)
    async with server:
        with pytest.raises(StateError, match="running"):
            server.listen(0)
        with pytest.raises(StateError, match="running"):
            server.run()
    with pytest.raises(StateError, match="async with server"):
        server.run()


def test_what_makes_no_server_is_refused_at_once() -> None:
    """Values out of range, and services nobody knows."""
    for options in (
        {"port": 65536},
        {"port": "11112"},
        {"tls": True},
        {"tls": "cert.pem"},
        {"timeouts": 5},
        {"limits": {"associations": 5}},
        {"socket_options": {"keep_alive": 1}},
        {"window": -1},
        {"layout": "{instance}.dcm"},
        {"destination_associations": 0},
        {"handler_threads": 0},
        {"max_pdu_length": 3},
        {"aet": "x" * 17},
    ):
        with pytest.raises(InvalidValue):
            Server(**options)  # type: ignore[arg-type]
    with pytest.raises(InvalidValue):
        local().handle("n-crate", print)
    for name in (5, None, ["worklist"]):
        with pytest.raises(InvalidValue, match="by name"):
            local().on_find(name)(print)
    local().handle("n_create", print, "mpps")


@pytest.mark.parametrize("durable", [True, False])
async def test_a_server_waits_for_the_disk_unless_told_otherwise(
    durable: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For the handlers that do not say so themselves."""
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    server = local(durable=durable)

    @server.on_store
    async def keep(request: Any) -> None:
        await request.save(tmp_path)

    async with server, calling(server, "CTImageStorage") as association:
        await association.store(instance(1))
    assert bool(synced) == durable


async def test_a_handler_sees_the_peers_address_as_it_is_written() -> None:
    """That of an IPv4 peer is no IPv6 address, though the socket takes both."""
    server = Server("ARCHIVE", port=0)
    hosts: list[str] = []

    @server.on_echo
    async def hear(request: Any) -> None:
        hosts.append(request.association.peer_address[0])

    async with server, calling(server) as association:
        await association.echo()
    assert hosts == ["127.0.0.1"]
