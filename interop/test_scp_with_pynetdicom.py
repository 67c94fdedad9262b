"""pynetdicom asks, our server answers: every service there is."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from queue import Queue
from typing import Any

import pydicom
import pytest

import peers
from archives import Archive, Department
from bundled import REFUSED, WITHOUT_HEADER, bundled, name_of
from dcmtk import scheduled
from holdings import LEVELS, STUDY, UNIQUE, archived, find, known
from matrix import PYNETDICOM, cell
from net.applications import PATIENCE
from pynet import asking, serving
from services import (
    EXPLICIT_LE,
    FILM_BOX,
    FILM_SESSION,
    GIVEN,
    IMAGE_BOX,
    INSTANCE,
    MACHINE_VERIFICATION,
    MODALITY_WORKLIST_FIND,
    PERFORMED_STEP,
    PRINT_META,
    PRINTER,
    PRINTER_INSTANCE,
    ROOTS,
    STORAGE_COMMITMENT,
    STORAGE_COMMITMENT_INSTANCE,
    UPS_PULL,
    UPS_PUSH,
    VERIFICATION,
    data_of,
    dataset,
)
from taps import Taps

pynetdicom = peers.require_module("pynetdicom")
evt = pynetdicom.evt

Tap = Callable[[int], int]
Compared = Callable[[str], None]

PATHS = [i.path for i in archived()]
STORAGE = sorted({i.sop_class for i in archived()})
COMPRESSED = [
    *("1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.80"),
    *("1.2.840.10008.1.2.4.81", "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91", "1.2.840.10008.1.2.5"),
]


def ask(port: int, contexts: Any, *handlers: Any, **more: Any) -> Any:
    """An association of pynetdicom with our server."""
    return asking(port, contexts, handlers, ae_title="OURS", **more)


@cell("echo", "SCP", PYNETDICOM, through="Server")
def test_pynetdicom_echoes_with_our_server(tap: Tap, tmp_path: Path, compared: Compared) -> None:
    """Twice on one association."""
    with Archive(tmp_path) as server, ask(tap(server.port), [VERIFICATION]) as assoc:
        assert [assoc.send_c_echo(number).Status for number in (7, 65535)] == [0, 0]
    compared("2 statuses")


@cell("store", "SCP", PYNETDICOM, through="Server")
def test_pynetdicom_stores_with_our_server(tap: Tap, tmp_path: Path, compared: Compared) -> None:
    """What it sends, compressed and not, is kept as it was sent; it encodes the data sets anew."""
    sent = [
        i for i in peers.distinct_instances() if i.transfer_syntax in COMPRESSED and i.path.name not in _MISLABELLED
    ]
    sent += archived()
    contexts = [(uid, [syntax]) for uid, syntax in sorted({(i.sop_class, i.transfer_syntax) for i in sent})]
    encoded: dict[str, bytes] = {}
    with Archive(tmp_path) as server:
        with ask(tap(server.port), contexts, (evt.EVT_DIMSE_SENT, _noting(encoded))) as assoc:
            for instance in sent:
                assert assoc.send_c_store(pydicom.dcmread(instance.path)).Status == 0
        kept = {known.sop_instance: known for known in map(peers.instance, server.paths())}
    assert {uid: data_of(instance) for uid, instance in kept.items()} == encoded
    assert {uid: i.transfer_syntax for uid, i in kept.items()} == {i.sop_instance: i.transfer_syntax for i in sent}
    compared(
        f"{len(sent)} data sets bit for bit as they were sent, in {len({i.transfer_syntax for i in sent})} syntaxes"
    )


@cell("store", "SCP", PYNETDICOM, through="Server")
def test_our_server_keeps_files_that_pynetdicom_sends_as_they_are(
    tap: Tap, tmp_path: Path, compared: Compared, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each file with a header is kept bit for bit, or refused for what is broken about it; of odd length are none of them."""
    monkeypatch.setattr(pynetdicom._config, "STORE_SEND_CHUNKED_DATASET", True)
    whole = [i for i in bundled() if name_of(i.path) not in WITHOUT_HEADER]
    sent = [i for i in map(peers.instance, (i.path for i in whole)) if len(data_of(i)) % 2 == 0]
    contexts = [(uid, [syntax]) for uid, syntax in sorted({(i.sop_class, i.transfer_syntax) for i in sent})]
    kept: list[peers.Instance] = []
    refused: dict[str, int] = {}
    with Archive(tmp_path) as server, ask(tap(server.port), contexts) as assoc:
        for instance in sent:
            if status := assoc.send_c_store(instance.path).Status:
                refused[name_of(instance.path)] = status
            for path in server.paths():
                kept.append(replace(peers.instance(path), path=instance.path, offset=instance.offset))
                path.unlink()  # some have the same name
    assert refused == REFUSED
    assert kept == [instance for instance in sent if name_of(instance.path) not in REFUSED]
    compared(f"{len(kept)} data sets bit for bit with the files, and why {len(refused)} are refused")


def check_levels(model: str, port: int, compared: Compared) -> None:
    """Has pynetdicom ask at every level of a model, and compares what arrives with what is in the files."""
    with ask(port, [ROOTS[model] + "1"]) as assoc:
        for level, values in LEVELS[model].items():
            asked = dataset(QueryRetrieveLevel=level, **{UNIQUE[level]: ""}, **values)
            answers = list(assoc.send_c_find(asked, ROOTS[model] + "1"))
            expected = find(PATHS, asked)
            for match in expected:
                match.RetrieveAETitle = "OURS"  # added by the server: where they can be retrieved from
            assert [status.Status for status, _ in answers] == [0xFF00] * len(expected) + [0]
            assert [match for _, match in answers[:-1]] == expected
            compared(f"{len(expected)} at {level}")


@cell("find patient", "SCP", PYNETDICOM, through="Server")
def test_pynetdicom_finds_patients_with_our_server(tap: Tap, tmp_path: Path, compared: Compared) -> None:
    """At all four levels of the patient root, with every element."""
    with Archive(tmp_path, given=PATHS) as server:
        check_levels("patient-root", tap(server.port), compared)


@cell("find study", "SCP", PYNETDICOM, through="Server")
def test_pynetdicom_finds_studies_with_our_server(tap: Tap, tmp_path: Path, compared: Compared) -> None:
    """At all three levels of the study root."""
    with Archive(tmp_path, given=PATHS) as server:
        check_levels("study-root", tap(server.port), compared)


@cell("worklist", "SCP", PYNETDICOM, through="Server")
def test_pynetdicom_finds_the_worklist_with_our_server(tap: Tap, tmp_path: Path, compared: Compared) -> None:
    """Nested sequences and names in other letters arrive as they were given."""
    items = [scheduled(1, "CT", "Dionysios^Διονυσιος"), scheduled(2, "MR", "Doe^Jane")]
    with Archive(tmp_path, worklist=items) as server, ask(tap(server.port), [MODALITY_WORKLIST_FIND]) as assoc:
        answers = list(assoc.send_c_find(dataset(PatientName=""), MODALITY_WORKLIST_FIND))
    assert [match for _, match in answers] == [*items, None]
    compared(f"{len(items)} items, all elements")


@pytest.mark.parametrize("model", ROOTS)
@cell("get", "SCP", PYNETDICOM, through="Server")
def test_pynetdicom_gets_from_our_server(model: str, tap: Tap, tmp_path: Path, compared: Compared) -> None:
    """A study arrives bit for bit in the role that pynetdicom offers, and the counts are right."""
    came: dict[str, bytes] = {}
    asked = dataset(QueryRetrieveLevel="STUDY", StudyInstanceUID=STUDY)
    if model == "patient-root":
        asked.PatientID = "98890234"
    get = ROOTS[model] + "3"
    with (
        Archive(tmp_path, given=PATHS) as server,
        ask(tap(server.port), [get, *STORAGE], (evt.EVT_C_STORE, _keeping(came)), roles=STORAGE) as assoc,
    ):
        *_, (final, _) = assoc.send_c_get(asked, get)
    expected = known(PATHS, StudyInstanceUID=STUDY)
    assert came == {i.sop_instance: data_of(i) for i in expected}
    assert (final.Status, final.NumberOfCompletedSuboperations) == (0, len(expected))
    compared(f"{len(expected)} data sets bit for bit, and the counts")


@cell("get", "SCP", PYNETDICOM, through="Server")
def test_pynetdicom_gets_compressed_instances_from_our_server(tap: Tap, tmp_path: Path, compared: Compared) -> None:
    """Compressed instances go out as they are, in whatever syntax each of them has."""
    given = [i for i in peers.distinct_instances() if i.transfer_syntax in COMPRESSED and _study(i.path)]
    studies = sorted({_study(i.path) for i in given})
    # One context for each syntax of a class, all in the role of an SCP.
    contexts = [(uid, [syntax]) for uid, syntax in sorted({(i.sop_class, i.transfer_syntax) for i in given})]
    came: dict[str, bytes] = {}
    get = ROOTS["study-root"] + "3"
    with (
        Archive(tmp_path, given=[i.path for i in given]) as server,
        ask(
            tap(server.port),
            [get, *contexts],
            (evt.EVT_C_STORE, _keeping(came)),
            roles=sorted({i.sop_class for i in given}),
        ) as assoc,
    ):
        asked = dataset(QueryRetrieveLevel="STUDY", StudyInstanceUID=studies)
        *_, (final, _) = assoc.send_c_get(asked, get)
    assert came == {i.sop_instance: data_of(i) for i in given}
    assert final.Status == 0
    compared(f"{len(given)} data sets bit for bit, in {len({i.transfer_syntax for i in given})} syntaxes")


@cell("move", "SCP", PYNETDICOM, through="Server")
def test_pynetdicom_has_our_server_move(tap: Tap, tmp_path: Path, compared: Compared) -> None:
    """The third party gets every bit, with who asked and by which message; an unknown one is refused."""
    came: dict[str, bytes] = {}
    originators: set[tuple[str, int]] = set()

    def keep(event: Any) -> int:
        request = event.request
        originators.add((request.MoveOriginatorApplicationEntityTitle, request.MoveOriginatorMessageID))
        came[request.AffectedSOPInstanceUID] = request.DataSet.getvalue()
        return 0

    move = ROOTS["study-root"] + "2"
    asked = dataset(QueryRetrieveLevel="STUDY", StudyInstanceUID=STUDY)
    with (
        serving([(evt.EVT_C_STORE, keep)], STORAGE) as third,
        Archive(tmp_path, given=PATHS, peers={"THIRD": f"127.0.0.1:{tap(third)}"}) as server,
        ask(tap(server.port), [move]) as assoc,
    ):
        *_, (final, _) = assoc.send_c_move(asked, "THIRD", move, msg_id=9)
        [(unknown, _)] = assoc.send_c_move(asked, "NOBODY", move)
    expected = known(PATHS, StudyInstanceUID=STUDY)
    assert came == {i.sop_instance: data_of(i) for i in expected}
    assert originators == {("PYNETDICOM", 9)}
    assert (final.Status, final.NumberOfCompletedSuboperations) == (0, len(expected))
    assert unknown.Status == 0xA801
    compared(f"{len(expected)} data sets bit for bit, the counts, and the refusal of an unknown destination")


def commitment_request() -> pydicom.Dataset:
    """Asks to commit two instances, of which the archive has one."""
    refs = [(i.sop_class, i.sop_instance) for i in archived()[:2]]
    items = [dataset(ReferencedSOPClassUID=sop_class, ReferencedSOPInstanceUID=uid) for sop_class, uid in refs]
    return dataset(TransactionUID="1.2.3.4", ReferencedSOPSequence=items)


def check_result(came: Queue[Any]) -> None:
    """The event report says which instance is kept, and which is not."""
    event_type, result = came.get(timeout=PATIENCE)
    one, other = (i.sop_instance for i in archived()[:2])
    assert (event_type, result.TransactionUID) == (2, "1.2.3.4")
    assert [item.ReferencedSOPInstanceUID for item in result.ReferencedSOPSequence] == [one]
    assert [item.ReferencedSOPInstanceUID for item in result.FailedSOPSequence] == [other]
    assert result.FailedSOPSequence[0].FailureReason == 0x0112


@cell("commit", "SCP", PYNETDICOM, through="Server")
def test_our_server_commits_itself_on_pynetdicoms_association(tap: Tap, tmp_path: Path, compared: Compared) -> None:
    """The result comes while the association stands."""
    came: Queue[Any] = Queue()
    with (
        Archive(tmp_path, given=PATHS[:1]) as server,
        ask(tap(server.port), [STORAGE_COMMITMENT], (evt.EVT_N_EVENT_REPORT, _reported(came))) as assoc,
    ):
        status, _ = assoc.send_n_action(commitment_request(), 1, STORAGE_COMMITMENT, STORAGE_COMMITMENT_INSTANCE)
        assert status.Status == 0
        check_result(came)
    compared("1 committed, 1 not")


@cell("commit reverse", "SCP", PYNETDICOM, through="Server")
def test_our_server_commits_itself_on_its_own_association(tap: Tap, tmp_path: Path, compared: Compared) -> None:
    """Whoever releases at once is called back, in the SCP's role."""
    came: Queue[Any] = Queue()
    roles = {"scu_role": True, "scp_role": True}
    closed = threading.Event()
    handlers = [(evt.EVT_N_EVENT_REPORT, _reported(came)), (evt.EVT_CONN_CLOSE, lambda _: closed.set())]
    with (
        serving(handlers, [(STORAGE_COMMITMENT, [EXPLICIT_LE], roles)]) as own,
        Archive(tmp_path, given=PATHS[:1], peers={"PYNETDICOM": f"127.0.0.1:{tap(own)}"}) as server,
    ):
        with ask(tap(server.port), [STORAGE_COMMITMENT]) as assoc:
            assoc.send_n_action(commitment_request(), 1, STORAGE_COMMITMENT, STORAGE_COMMITMENT_INSTANCE)
        check_result(came)
        assert closed.wait(PATIENCE)
    compared("1 committed, 1 not")


@cell("mpps", "SCP", PYNETDICOM, through="Server")
def test_pynetdicom_reports_a_performed_step_to_our_server(tap: Tap, compared: Compared) -> None:
    """The step is made and finished; each data set arrives."""
    finished = dataset(PerformedProcedureStepStatus="COMPLETED")
    with Department() as server, ask(tap(server.port), [PERFORMED_STEP]) as assoc:
        made, _ = assoc.send_n_create(GIVEN, PERFORMED_STEP, INSTANCE)
        changed, _ = assoc.send_n_set(finished, PERFORMED_STEP, INSTANCE)
    assert (made.Status, changed.Status) == (0, 0)
    assert server.asked == [
        ("n-create", PERFORMED_STEP, INSTANCE, GIVEN),
        ("n-set", PERFORMED_STEP, INSTANCE, finished),
    ]
    assert server.instances[INSTANCE].PerformedProcedureStepStatus == "COMPLETED"
    compared("2 requests with their data sets")


@cell("print", "SCP", PYNETDICOM, through="Server")
def test_pynetdicom_prints_with_our_server(tap: Tap, compared: Compared) -> None:
    """A session with a film and an image, all in the context of the meta SOP class."""
    meta = {"meta_uid": PRINT_META}
    with Department() as server, ask(tap(server.port), [PRINT_META]) as assoc:
        server.instances[PRINTER_INSTANCE] = dataset(PrinterStatus="NORMAL", PrinterName="Ours")
        answers = [
            assoc.send_n_create(GIVEN, FILM_SESSION, INSTANCE, **meta),
            assoc.send_n_create(GIVEN, FILM_BOX, INSTANCE + ".1", **meta),
            assoc.send_n_set(GIVEN, IMAGE_BOX, INSTANCE + ".1.1", **meta),
            assoc.send_n_action(None, 1, FILM_BOX, INSTANCE + ".1", **meta),
        ]
        state, attributes = assoc.send_n_get([0x21100010, 0x21100030], PRINTER, PRINTER_INSTANCE, **meta)
        deleted = assoc.send_n_delete(FILM_SESSION, INSTANCE, **meta)
    assert [status.Status for status, _ in answers] == [0, 0, 0, 0]
    assert (state.Status, attributes) == (0, server.instances[PRINTER_INSTANCE])
    assert deleted.Status == 0
    assert [(verb, sop_class) for verb, sop_class, *_ in server.asked] == [
        ("n-create", FILM_SESSION),
        ("n-create", FILM_BOX),
        ("n-set", IMAGE_BOX),
        ("n-action", FILM_BOX),
        ("n-get", PRINTER),
        ("n-delete", FILM_SESSION),
    ]
    assert set(server.instances) == {PRINTER_INSTANCE, INSTANCE + ".1", INSTANCE + ".1.1"}
    compared("6 requests and their answers")


@cell("ups", "SCP", PYNETDICOM, through="Server")
def test_pynetdicom_schedules_and_performs_a_step_with_our_server(tap: Tap, compared: Compared) -> None:
    """A step is pushed, found, claimed, changed and read, each in the context that it belongs to."""
    step = dataset(ProcedureStepState="SCHEDULED", PatientName="Citizen^Jan")
    claim = dataset(ProcedureStepState="IN PROGRESS", TransactionUID="1.2.3.4")
    pull = {"meta_uid": UPS_PULL}
    with Department() as server, ask(tap(server.port), [UPS_PUSH, UPS_PULL]) as assoc:
        made, _ = assoc.send_n_create(step, UPS_PUSH, INSTANCE)
        (found, match), (final, _) = assoc.send_c_find(dataset(ProcedureStepState="SCHEDULED"), UPS_PULL)
        claimed, _ = assoc.send_n_action(claim, 1, UPS_PUSH, INSTANCE, **pull)
        changed, _ = assoc.send_n_set(GIVEN, UPS_PUSH, INSTANCE, **pull)
        read, attributes = assoc.send_n_get([0x00100010, 0x00741000], UPS_PUSH, INSTANCE, **pull)
    assert [made.Status, found.Status, final.Status, claimed.Status, changed.Status, read.Status] == [
        *(0, 0xFF00, 0),
        *(0, 0, 0),
    ]
    assert match.PatientName == step.PatientName
    assert attributes == dataset(ProcedureStepState="SCHEDULED", PatientName=GIVEN.PatientName)
    assert server.asked == [
        ("n-create", UPS_PUSH, INSTANCE, step),
        ("n-action", UPS_PUSH, INSTANCE, claim),
        ("n-set", UPS_PUSH, INSTANCE, GIVEN),
        ("n-get", UPS_PUSH, INSTANCE, None),
    ]
    compared("5 requests, 1 match")


@cell("n-services", "SCP", PYNETDICOM, through="Server")
def test_pynetdicom_uses_all_n_services_of_our_server(tap: Tap, compared: Compared) -> None:
    """A class that knows all six."""
    uid = MACHINE_VERIFICATION
    named: list[str] = []

    def note(event: Any) -> None:
        named.append(event.message.command_set.get("AffectedSOPInstanceUID"))

    with Department() as server:
        port = tap(server.port)
        with ask(port, [uid], (evt.EVT_DIMSE_RECV, note)) as assoc:
            made, _ = assoc.send_n_create(GIVEN, uid)
            [instance] = server.instances
            answers = [
                assoc.send_n_set(dataset(PatientID="8"), uid, instance),
                assoc.send_n_get([0x00100010, 0x00100020], uid, instance),
                assoc.send_n_action(GIVEN, 1, uid, instance),
            ]
            deleted = assoc.send_n_delete(uid, instance)
            gone = assoc.send_n_delete(uid, instance)
        with ask(port, [uid], roles=[uid]) as assoc:
            answers.append(assoc.send_n_event_report(GIVEN, 2, uid, INSTANCE))
    assert (made.Status, named[0]) == (0, instance)  # what is created without a name is named by us
    assert [status.Status for status, _ in answers] == [0, 0, 0, 0]
    assert answers[1][1] == dataset(PatientName=GIVEN.PatientName, PatientID="8")
    assert (deleted.Status, gone.Status) == (0, 0x0112)
    assert [
        verb for verb, *_ in server.asked
    ] == "n-create n-set n-get n-action n-delete n-delete n-event-report".split()
    assert server.asked[-1] == ("n-event-report", uid, INSTANCE, GIVEN)
    compared("7 requests and their answers, one a refusal")


def test_the_dissector_agrees_with_what_pynetdicom_was_answered(taps: Taps) -> None:
    """Wireshark reads every PDU of the tests above as what it is, and finds none malformed."""
    assert taps.check("PYNETDICOM") > len(taps.exchanges)


def _keeping(came: dict[str, bytes]) -> Callable[[Any], int]:
    def keep(event: Any) -> int:
        came[event.request.AffectedSOPInstanceUID] = event.request.DataSet.getvalue()
        return 0

    return keep


def _noting(encoded: dict[str, bytes]) -> Callable[[Any], None]:
    """Notes the data sets as pynetdicom has encoded them."""

    def note(event: Any) -> None:
        command = event.message.command_set
        if "AffectedSOPInstanceUID" in command:
            encoded[command.AffectedSOPInstanceUID] = event.message.data_set.getvalue()

    return note


def _reported(came: Queue[Any]) -> Callable[[Any], tuple[int, None]]:
    def report(event: Any) -> tuple[int, None]:
        came.put((event.event_type, event.event_information))
        return 0, None

    return report


def _study(path: Path) -> str:
    uid: str = pydicom.dcmread(path, stop_before_pixels=True).get("StudyInstanceUID", "")
    return uid


# Their data sets are not in the transfer syntax that their headers name, so that pydicom cannot encode them.
_MISLABELLED = {"rtdose_rle.dcm", "rtdose_rle_1frame.dcm", "SC_rgb_jpeg.dcm"}
