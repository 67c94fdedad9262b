"""Every service there is, asked for by both shells and provided by a server."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pydicom.data
import pytest

from both_shells.faces import Shell
from dicomnet import PartialFailure, Server, StatusError
from dicomnet.datasets import encode_dataset
from dicomnet.exchanges.reports import InstanceRef
from dicomnet.types import UID
from dicomnet.uids import CTImageStorage, MRImageStorage, PrinterInstance, UPSGlobalSubscriptionInstance
from together.serving import PATIENCE, address_of, attributes, data_of, eventually, instance

Serve = Callable[..., Server]
Call = Callable[..., Any]
Study = Callable[..., Path]

FILES = Path(pydicom.data.__file__).parent / "test_files"
SYNTAXES = {
    name: FILES / f"{name}.dcm"
    for name in (
        "CT_small",  # explicit little endian
        "rtplan",  # implicit little endian
        "liver_expb_1frame",  # big endian
        "image_dfl",  # deflated
        "SC_rgb_rle_2frame",
        "JPEG2000",
        "SC_rgb_jpeg_dcmtk",
        "JPEGLSNearLossless_08",
        "SC_rgb_small_odd",
        "rtdose_expb",
        "reportsi",
    )
}
"""Files of pydicom's in as many transfer syntaxes as it brings."""


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Results of commitments are reported without giving the requestor a moment to release."""
    monkeypatch.setattr("dicomnet.server.commitment.MOMENT", 0.01)


def bit_for_bit(folder: Path, files: dict[str, Path]) -> None:
    """The files in a folder hold what those others do, by instance, in the same syntax."""
    kept = {pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID: path for path in folder.iterdir()}
    assert len(kept) == len(files)
    for path in files.values():
        theirs = pydicom.dcmread(path, stop_before_pixels=True)
        ours, data = kept[theirs.SOPInstanceUID], data_of(path)
        if theirs.file_meta.TransferSyntaxUID.is_deflated:
            data += bytes(len(data) % 2)  # PS3.5 A.5
        assert data_of(ours) == data
        assert pydicom.filereader.read_file_meta_info(ours).TransferSyntaxUID == theirs.file_meta.TransferSyntaxUID


def test_an_echo_is_answered(serve: Serve, call: Call, window: int) -> None:
    """More than once on an association."""
    with call(serve(), window=window) as association:
        assert association.terms.operations_invoked == window
        assert [association.echo() for _ in range(3)] == [0, 0, 0]


def test_files_of_many_syntaxes_are_stored_bit_for_bit(serve: Serve, call: Call, window: int, tmp_path: Path) -> None:
    """With the server's folder and no handler at all."""
    server = serve(folder=tmp_path / "kept")
    files = list(SYNTAXES.values())
    with call(server, files, window=window) as association:
        report = association.store(files)
    assert (report.ok, len(report.stored)) == (True, len(SYNTAXES))
    bit_for_bit(tmp_path / "kept", SYNTAXES)


@pytest.mark.parametrize("plain", [True, False], ids=["def", "async"])
def test_a_handler_takes_data_sets_in_every_way(
    serve: Serve, call: Call, window: int, tmp_path: Path, study: Study, plain: bool
) -> None:
    """In a thread and on the loop; each way gets what was sent."""
    server, taken = serve(), {}
    files = study(20, size=40_000)

    def way(request: Any) -> int:
        return int(request.sop_instance_uid.split(".")[-1]) % 5

    def keep(request: Any) -> None:
        uid = request.sop_instance_uid
        if way(request) == 0:
            taken[uid] = data_of(Path(request.save(tmp_path / "kept").path))
        elif way(request) == 1:
            taken[uid] = encode_dataset(request.dataset(), request.transfer_syntax_uid)
        elif way(request) == 2:
            taken[uid] = b"".join(request.stream())
        elif way(request) == 3:
            with request.received() as data:
                taken[uid] = data.bytes()
        else:
            taken[uid] = request.bytes()

    async def keep_async(request: Any) -> None:
        uid = request.sop_instance_uid
        if way(request) == 0:
            taken[uid] = data_of(Path((await request.save(tmp_path / "kept")).path))
        elif way(request) == 1:
            taken[uid] = encode_dataset(await request.dataset(), request.transfer_syntax_uid)
        elif way(request) == 2:
            taken[uid] = b"".join([piece async for piece in request.stream()])
        elif way(request) == 3:
            with await request.received() as data:
                taken[uid] = data.bytes()
        else:
            taken[uid] = await request.bytes()

    server.on_store(keep if plain else keep_async)
    with call(server, files, window=window) as association:
        assert association.store(files).ok
    assert taken == {path.stem: data_of(path) for path in files.iterdir()}


def test_each_level_of_each_model_is_queried(serve: Serve, call: Call, window: int) -> None:
    """Matched against whole instances, which is what a small archive has; several queries on an association."""
    server, asked = serve(), []
    archive = [instance(1), instance(2), instance(1, study="1.2.8"), instance(1, study="1.2.7")]
    archive[-1].PatientID = "48"

    @server.on_find("patient-root", "study-root")
    def find(request: Any) -> Any:
        asked.append((request.model, request.level))
        yield from request.match(archive)

    with call(server, "patient-root-find", "study-root-find", window=window) as association:
        for model, level, keys, expected in QUERIES:
            matches = association.find(level, model=model, **keys).all()
            assert sorted(str(match[UNIQUE[level]].value) for match in matches) == expected
    assert asked == [(model, level) for model, level, _, _ in QUERIES]


SERIES = {"StudyInstanceUID": "1.2.9", "SeriesInstanceUID": "1.2.9.1"}
UNIQUE = {
    "PATIENT": "PatientID",
    "STUDY": "StudyInstanceUID",
    "SERIES": "SeriesInstanceUID",
    "IMAGE": "SOPInstanceUID",
}
QUERIES: list[tuple[str, str, dict[str, str], list[str]]] = [
    ("patient-root", "PATIENT", {"PatientID": "4*"}, ["47", "48"]),
    ("patient-root", "STUDY", {"PatientID": "47"}, ["1.2.8", "1.2.9"]),
    ("patient-root", "SERIES", {"PatientID": "47", "StudyInstanceUID": "1.2.9"}, ["1.2.9.1"]),
    ("patient-root", "IMAGE", {"PatientID": "47", **SERIES}, ["1.2.9.1.1", "1.2.9.1.2"]),
    ("study-root", "STUDY", {"PatientName": "Doe*", "StudyDate": "20260101-"}, ["1.2.7", "1.2.8", "1.2.9"]),
    ("study-root", "SERIES", {"StudyInstanceUID": "1.2.8"}, ["1.2.8.1"]),
    ("study-root", "IMAGE", SERIES, ["1.2.9.1.1", "1.2.9.1.2"]),
]
"""Model, level and keys, and the unique keys of what there is."""


def test_a_worklist_is_queried(serve: Serve, call: Call, window: int) -> None:
    """By what stands in the sequence of its scheduled steps (PS3.4 K.6.1)."""
    server = serve()
    steps = [
        {"PatientID": str(number), "ScheduledProcedureStepSequence.Modality": modality}
        for number, modality in enumerate(["CT", "MR", "CT"])
    ]
    server.on_find("worklist")(lambda request: request.match(steps))
    with call(server, "worklist", window=window) as association:
        keys = {"ScheduledProcedureStepSequence.Modality": "CT", "PatientID": ""}
        matches = association.find("worklist", keys).all()
    assert [match.PatientID for match in matches] == ["0", "2"]


class TestRetrieves:
    def test_a_get_brings_files_bit_for_bit(self, serve: Serve, call: Call, window: int, tmp_path: Path) -> None:
        """Every one in its own syntax, to a folder."""
        server = serve()
        server.on_get(lambda request: list(SYNTAXES.values()))
        with call(server, "study-root-get", list(SYNTAXES.values()), window=window) as association:
            report = association.get(tmp_path / "out", StudyInstanceUID="1.2.9")
        assert (report.ok, report.completed, len(report.received)) == (True, len(SYNTAXES), len(SYNTAXES))
        bit_for_bit(tmp_path / "out", SYNTAXES)

    @pytest.mark.parametrize("associations", [1, 3])
    def test_a_move_brings_files_to_a_third_server(
        self, serve: Serve, call: Call, window: int, tmp_path: Path, associations: int
    ) -> None:
        """Over as many associations as the mover was told; the destination hears who has asked (PS3.4 C.4.2)."""
        destination, told = serve("WS1"), set()

        @destination.on_store
        async def keep(request: Any) -> None:
            told.add((request.calling_ae, request.message.move_originator_application_entity_title))
            await request.save(tmp_path / "out")

        mover = serve(peers={"WS1": ("127.0.0.1", destination.port)}, destination_associations=associations)
        mover.on_move(lambda request: list(SYNTAXES.values()))
        with call(mover, "study-root-move", window=window) as association:
            report = association.move("WS1", StudyInstanceUID="1.2.9")
        assert (report.completed, report.failed, report.warning) == (len(SYNTAXES), 0, 0)
        assert told == {("ARCHIVE", "ME")}
        bit_for_bit(tmp_path / "out", SYNTAXES)

    def test_a_destination_that_is_not_there_is_told(self, serve: Serve, call: Call, study: Study) -> None:
        """Unknown, or known and gone; the association goes on."""
        mover = serve(peers={"WS1": ("127.0.0.1", 1)})
        files = study(3)
        mover.on_move(lambda request: files)
        with call(mover, "verification", "study-root-move") as association:
            unknown = association.move("WS9", StudyInstanceUID="1.2.9", check=False)
            gone = association.move("WS1", StudyInstanceUID="1.2.9", check=False)
            assert association.echo() == 0
        assert unknown.status == 0xA801
        assert (gone.status.is_failure, gone.failed, len(gone.failed_uids)) == (True, 3, 3)

    def test_a_move_to_a_folder_comes_through_a_server_of_ours(
        self, serve: Serve, borrow: Call, window: int, tmp_path: Path
    ) -> None:
        """Which the peer borrows."""
        ours = serve("ME")
        archive = serve(peers={"ME": ("127.0.0.1", ours.port)})
        archive.on_move(lambda request: list(SYNTAXES.values()))
        with borrow(ours, archive, window=window) as peer:
            report = peer.move(tmp_path / "out", StudyInstanceUID="1.2.9")
        assert (report.ok, len(report.received)) == (True, len(SYNTAXES))
        bit_for_bit(tmp_path / "out", SYNTAXES)

    def test_what_a_peer_does_not_take_is_counted(self, serve: Serve, call: Call, study: Study) -> None:
        """A get of two classes of which one was not proposed: a warning, and the report says which."""
        server, files = serve(), study(3)
        server.on_get(lambda request: [files, instance(9, sop_class=MRImageStorage)])
        with call(server, "study-root-get", CTImageStorage) as association, pytest.raises(PartialFailure) as caught:
            association.get(None, StudyInstanceUID="1.2.9")
        report: Any = caught.value.report
        assert (report.completed, report.failed, report.failed_uids) == (3, 1, ["1.2.9.1.9"])


@pytest.mark.usefixtures("at_once")
class TestCommitment:
    REFS = tuple(InstanceRef(CTImageStorage, UID(f"1.2.9.1.{number}")) for number in (1, 2, 3))

    def test_a_result_comes_on_the_same_association(self, serve: Serve, call: Call, window: int) -> None:
        """While the requestor waits there (PS3.4 J.3.3)."""
        server = serve()
        server.on_commit(lambda refs: (refs[:2], [(refs[2], 0x0112)]))
        with call(server, "verification", "storage-commitment", window=window) as association:
            report = association.commit(self.REFS, check=False)
            assert association.echo() == 0
        assert report.committed == list(self.REFS[:2])
        assert [(ref, int(reason)) for ref, reason in report.failed] == [(self.REFS[2], 0x0112)]

    def test_a_result_comes_on_an_association_of_the_provider(
        self, serve: Serve, borrow: Call, window: int, study: Study, tmp_path: Path
    ) -> None:
        """When that of the request is gone: stored, committed, and promised from the other side."""
        ours = serve("ME")
        archive = serve(folder=tmp_path / "kept", peers={"ME": ("127.0.0.1", ours.port)})
        running = archive._site.running

        @archive.on_commit
        async def decide(refs: list[InstanceRef]) -> Any:
            for connection in list(running._connections):
                connection.abort()
            return refs, []

        files = study(5)
        with borrow(ours, archive, window=window) as peer:
            stored = peer.store(files)
            report = peer.commit(stored, timeout=PATIENCE)
        assert sorted(report.committed) == sorted(stored.instances)


class TestNServices:
    def test_a_performed_procedure_step_is_begun_and_completed(self, serve: Serve, call: Call, window: int) -> None:
        """N-CREATE and N-SET; what is complete does not change any more (PS3.4 F.7)."""
        server, steps = serve(), {}

        @server.on_n_create("mpps")
        def begin(request: Any) -> None:
            steps[request.sop_instance_uid] = request.dataset

        @server.on_n_set("mpps")
        def change(request: Any) -> None:
            step = steps.get(request.sop_instance_uid)
            if step is None:
                raise StatusError(0x0112, "no such step")
            if step.PerformedProcedureStepStatus != "IN PROGRESS":
                raise StatusError(0x0110, "may no longer be updated", error_id=0xA710)
            step.update(request.dataset)

        with call(server, "verification", "mpps", window=window) as association:
            begun = association.n_create(
                "mpps", attributes(PerformedProcedureStepStatus="IN PROGRESS"), instance="1.2.3"
            )
            assert (begun.status, begun.sop_instance_uid) == (0, "1.2.3")
            named = association.n_create("mpps", attributes(PerformedProcedureStepStatus="IN PROGRESS"))
            assert named.sop_instance_uid in steps
            association.n_set("mpps", "1.2.3", attributes(PerformedProcedureStepStatus="COMPLETED"))
            for uid, status in (("1.2.3", 0x0110), ("1.2.4", 0x0112)):
                with pytest.raises(StatusError) as refused:
                    association.n_set("mpps", uid, attributes(PerformedProcedureStepStatus="DISCONTINUED"))
                assert refused.value.status == status
            assert association.echo() == 0
        assert steps["1.2.3"].PerformedProcedureStepStatus == "COMPLETED"

    def test_each_of_the_six_is_performed(self, serve: Serve, call: Call, window: int) -> None:
        """On a class that knows them all (PS3.4 DD)."""
        server, log = serve(), []
        machine = "rt-ion-machine-verification"

        def perform(request: Any) -> Any:
            log.append((request.message.name, request.sop_instance_uid))
            return attributes(PatientID="47") if request.message.name in ("N-GET-RQ", "N-ACTION-RQ") else None

        for verb in ("n-create", "n-set", "n-get", "n-action", "n-delete"):
            server.handle(verb, perform, machine)
        with call(server, machine, window=window) as association:
            association.n_create(machine, attributes(PatientID="1"), instance="1.2.3")
            association.n_set(machine, "1.2.3", attributes(PatientID="2"))
            assert association.n_get(machine, "1.2.3", ["PatientID"]).dataset.PatientID == "47"
            assert association.n_action(machine, "1.2.3", 1).dataset.PatientID == "47"
            assert association.n_delete(machine, "1.2.3").status == 0
        assert [name for name, _ in log] == ["N-CREATE-RQ", "N-SET-RQ", "N-GET-RQ", "N-ACTION-RQ", "N-DELETE-RQ"]
        assert {uid for _, uid in log} == {"1.2.3"}

    def test_events_go_both_ways(self, serve: Serve, call: Call, window: int) -> None:
        """From who accepted, in the middle of an operation of the other's, and from who asked with the SCP role."""
        server, heard = serve(), []

        @server.on_n_action("storage-commitment")
        async def act(request: Any) -> None:
            answer = await request.association.event_report("storage-commitment", "1.2.3", 1, attributes(PatientID="1"))
            heard.append(("answered", answer.status))

        @server.on_n_event_report("storage-commitment")
        def hear(request: Any) -> int:
            heard.append(("server", request.event_type, request.dataset.PatientID))
            return 0

        def listen(request: Any) -> int:
            heard.append(("requestor", request.event_type, request.dataset.PatientID))
            return 0

        options = {"handlers": {"n-event-report": listen}, "roles": {"storage-commitment": "both"}, "window": window}
        with call(server, "storage-commitment", **options) as association:
            association.n_action("storage-commitment", "1.2.3", 7)
            association.n_event_report("storage-commitment", "1.2.3", 2, attributes(PatientID="2"))
        assert heard == [("requestor", 1, "1"), ("answered", 0), ("server", 2, "2")]

    def test_a_server_reports_to_a_server(self, serve: Serve) -> None:
        """On an association of its own, by the address book."""
        listener, heard = serve("WS1"), []

        @listener.on_n_event_report("storage-commitment")
        def hear(request: Any) -> None:
            heard.append((request.event_type, request.dataset.PatientID))

        teller = serve(peers={"WS1": ("127.0.0.1", listener.port)})
        assert teller.event_report("WS1", "storage-commitment", "1.2.3", 5, attributes(PatientID="9")).status == 0
        assert heard == [(5, "9")]


def test_a_film_is_printed(serve: Serve, call: Call, window: int) -> None:
    """Session, box, image and print; the printer reports that it is short of film in the middle (PS3.4 H.4)."""
    server, log, printer, sheets = serve(), [], [], {}
    meta = "print-grayscale"

    @server.on_n_create("BasicFilmSession")
    def session(request: Any) -> None:
        log.append("session")

    @server.on_n_create("BasicFilmBox")
    def box(request: Any) -> Any:
        log.append("box")
        image = attributes(ReferencedSOPClassUID="1.2.840.10008.5.1.1.4", ReferencedSOPInstanceUID="1.2.3.3")
        return attributes(ReferencedImageBoxSequence=[image])

    @server.on_n_set("BasicGrayscaleImageBox")
    async def image(request: Any) -> None:
        item = request.dataset.BasicGrayscaleImageSequence[0]
        sheets[request.sop_instance_uid] = item.PixelData
        await request.association.event_report(
            "Printer", PrinterInstance, 2, attributes(PrinterStatusInfo="SUPPLY LOW")
        )

    @server.on_n_action("BasicFilmBox")
    def expose(request: Any) -> Any:
        log.append(f"printed {request.message.action_type_id}")

    @server.on_n_get("Printer")
    def state(request: Any) -> Any:
        return attributes(PrinterStatus="NORMAL")

    server.on_n_delete("BasicFilmSession", "BasicFilmBox")(lambda request: log.append("deleted"))

    def listen(request: Any) -> None:
        printer.append((request.event_type, request.sop_instance_uid, request.dataset.PrinterStatusInfo))

    pixels = bytes(range(250)) * 400
    picture = attributes(Rows=250, Columns=400, BitsAllocated=8, BitsStored=8, HighBit=7, PixelRepresentation=0)
    picture.SamplesPerPixel, picture.PhotometricInterpretation = 1, "MONOCHROME2"
    picture.add_new(0x7FE00010, "OW", pixels)
    with call(server, meta, window=window, handlers={"n-event-report": listen}) as association:
        assert association.n_get("Printer", PrinterInstance, ["PrinterStatus"]).dataset.PrinterStatus == "NORMAL"
        association.n_create("BasicFilmSession", attributes(NumberOfCopies=1), instance="1.2.3.1")
        made = association.n_create("BasicFilmBox", attributes(ImageDisplayFormat="STANDARD\\1,1"), instance="1.2.3.2")
        place = made.dataset.ReferencedImageBoxSequence[0].ReferencedSOPInstanceUID
        association.n_set(
            "BasicGrayscaleImageBox", place, attributes(ImageBoxPosition=1, BasicGrayscaleImageSequence=[picture])
        )
        assert printer == [(2, PrinterInstance, "SUPPLY LOW")]
        association.n_action("BasicFilmBox", "1.2.3.2", 1)
        association.n_delete("BasicFilmBox", "1.2.3.2")
        association.n_delete("BasicFilmSession", "1.2.3.1")
    assert log == ["session", "box", "printed 1", "deleted", "deleted"]
    assert sheets == {"1.2.3.3": pixels}


def test_a_procedure_step_is_pushed_claimed_and_completed(serve: Serve, call: Call, window: int) -> None:
    """Create, find, claim, look, change, complete; who has subscribed hears of each state (PS3.4 CC.2)."""
    server, steps, subscribed, heard = serve(), {}, [], []

    @server.on_n_create("ups-push")
    def push(request: Any) -> None:
        steps[request.sop_instance_uid] = request.dataset

    @server.on_find("ups-pull")
    def pull(request: Any) -> Any:
        for uid, step in steps.items():
            if step.ProcedureStepState == request.identifier.ProcedureStepState:
                yield attributes(SOPInstanceUID=uid, ProcedureStepState=step.ProcedureStepState)

    @server.on_n_action("ups-push", "ups-pull", "ups-watch")
    async def act(request: Any) -> None:
        if request.message.action_type_id == 3:
            subscribed.append(request.association)
            return
        step = steps[request.sop_instance_uid]
        step.ProcedureStepState = request.dataset.ProcedureStepState
        for one in subscribed:
            await one.event_report(
                "ups-push", request.sop_instance_uid, 1, attributes(ProcedureStepState=step.ProcedureStepState)
            )

    server.on_n_get("ups-push", "ups-pull", "ups-watch")(lambda request: steps[request.sop_instance_uid])
    server.on_n_set("ups-pull")(lambda request: steps[request.sop_instance_uid].update(request.dataset))

    def listen(request: Any) -> None:
        heard.append((request.event_type, request.sop_instance_uid, request.dataset.ProcedureStepState))

    with call(server, "ups", window=window, handlers={"n-event-report": listen}) as association:
        association.n_create("ups-push", attributes(ProcedureStepState="SCHEDULED", PatientID="47"), instance="1.2.3")
        association.n_action("ups-watch", UPSGlobalSubscriptionInstance, 3, attributes(ReceivingAE="ME"))
        (match,) = association.find("ups", ProcedureStepState="SCHEDULED").all()
        step = match.SOPInstanceUID
        claim = attributes(ProcedureStepState="IN PROGRESS", TransactionUID="1.2.3.4")
        association.n_action("ups-pull", step, 1, claim)
        association.n_set("ups-pull", step, attributes(TransactionUID="1.2.3.4", PatientID="48"))
        assert association.n_get("ups-pull", step, ["PatientID"]).dataset.PatientID == "48"
        claim.ProcedureStepState = "COMPLETED"
        association.n_action("ups-pull", step, 1, claim)
        assert association.find("ups", ProcedureStepState="SCHEDULED").all() == []
    assert heard == [(1, "1.2.3", "IN PROGRESS"), (1, "1.2.3", "COMPLETED")]


def test_the_peer_chooses_what_each_service_needs(
    serve: Serve, shell: Shell, at_once: None, window: int, study: Study, tmp_path: Path
) -> None:
    """One `Peer` for all of it: contexts, roles and associations are its own affair."""
    files = study(10)
    server, asked = serve(folder=tmp_path / "kept"), threading.Event()
    server.on_find(lambda request: request.match([instance(number) for number in range(1, 11)]))
    server.on_get(lambda request: asked.set() or request.match(files))
    server.on_commit(lambda refs: (refs, []))
    with shell.peer(address_of(server), aet="ME", window=window) as peer:
        assert peer.echo() == 0
        report = peer.store(files, associations=3)
        assert [match.StudyInstanceUID for match in peer.find("STUDY", PatientID="47")] == ["1.2.9"]
        got = peer.get(tmp_path / "out", PatientID="47")
        assert peer.commit(report).ok
    assert asked.is_set()
    assert len(got.received) == 10
    assert {path.name: data_of(path) for path in (tmp_path / "out").iterdir()} == {
        path.name: data_of(path) for path in (tmp_path / "kept").iterdir()
    }
    eventually(lambda: not server._site.running._connections, "the peer has left an association")
