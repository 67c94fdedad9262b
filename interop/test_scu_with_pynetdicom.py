"""We ask, pynetdicom answers: every service there is."""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Queue
from typing import Any

import pydicom
import pytest

import peers
from archives import Archive
from bundled import bundled
from dcmtk import check_content, scheduled
from dicomnet import Status
from holdings import STUDY, archived, find, held, known
from matrix import PYNETDICOM, cell
from net.applications import PATIENCE
from pynet import asking, serving
from services import (
    EXPLICIT_LE,
    GIVEN,
    INSTANCE,
    MACHINE_VERIFICATION,
    MODALITY_WORKLIST_FIND,
    PRINT_META,
    PRINTER_INSTANCE,
    RETURNED,
    ROOTS,
    STORAGE_COMMITMENT,
    STORAGE_COMMITMENT_INSTANCE,
    UPS_PULL,
    UPS_PUSH,
    VERIFICATION,
    dataset,
)
from shells import ASSOCIATES, SHELLS, associated, borrowing, check_levels, remote
from taps import Taps

pynetdicom = peers.require_module("pynetdicom")
build_context, evt = pynetdicom.build_context, pynetdicom.evt

Tap = Callable[[int], int]
Compared = Callable[[str], None]

PATHS = [i.path for i in archived()]
STORAGE = sorted({i.sop_class for i in archived()})
UNCOMPRESSED = [EXPLICIT_LE, "1.2.840.10008.1.2"]

both_shells = pytest.mark.parametrize("shell", SHELLS)
both_associates = pytest.mark.parametrize("shell", ASSOCIATES)


def pynetdicoms_archive(destinations: dict[str, int] | None = None) -> Any:
    """Handlers of pynetdicom that give out two patients."""

    def on_find(event: Any) -> Iterator[Any]:
        for match in find(PATHS, event.identifier):
            yield 0xFF00, match

    def on_get(event: Any) -> Iterator[Any]:
        paths = held(PATHS, event.identifier)
        yield len(paths)
        for path in paths:
            yield 0xFF00, pydicom.dcmread(path)

    def on_move(event: Any) -> Iterator[Any]:
        contexts = [build_context(uid, EXPLICIT_LE) for uid in STORAGE]
        yield "127.0.0.1", (destinations or {})[event.move_destination.strip()], {"contexts": contexts}
        yield from on_get(event)

    handlers = [(evt.EVT_C_FIND, on_find), (evt.EVT_C_GET, on_get), (evt.EVT_C_MOVE, on_move)]
    queries = [root + kind for root in ROOTS.values() for kind in "123"]
    storage = [(uid, UNCOMPRESSED, {"scu_role": False, "scp_role": True}) for uid in STORAGE]
    return serving(handlers, [VERIFICATION, *queries, *storage])


@both_shells
@cell("echo", "SCU", PYNETDICOM, through="Peer aio.Peer")
def test_we_echo_with_pynetdicom(shell: str, tap: Tap, compared: Compared) -> None:
    """The request arrives, the answer is success."""
    came: Queue[int] = Queue()

    def answer(event: Any) -> int:
        came.put(event.request.MessageID)
        return 0

    with serving([(evt.EVT_C_ECHO, answer)]) as port:
        assert remote(shell, tap(port)).echo() == Status.SUCCESS
    assert came.get(timeout=PATIENCE) > 0
    compared("the status, and that it was asked")


@both_shells
@cell("store", "SCU", PYNETDICOM, through="Peer aio.Peer")
def test_we_store_with_pynetdicom(shell: str, tap: Tap, compared: Compared) -> None:
    """All that pydicom brings arrives with its class, instance, syntax and very bytes."""
    came: Counter[tuple[str, str, str, str]] = Counter()

    def keep(event: Any) -> int:
        request = event.request
        digest = hashlib.sha256(request.DataSet.getvalue()).hexdigest()
        syntax = event.context.transfer_syntax
        came[request.AffectedSOPClassUID, request.AffectedSOPInstanceUID, syntax, digest] += 1
        return 0

    syntaxes: dict[str, list[str]] = {}
    for instance in bundled():
        syntaxes.setdefault(instance.sop_class, []).append(instance.transfer_syntax)
    with serving([(evt.EVT_C_STORE, keep)], list(syntaxes.items())) as port:
        port = tap(port)
        # One at a time, for instances of the same name would be taken for duplicates of each other.
        left = {instance.path: instance.sop_instance for instance in bundled()}
        while left:
            turn = {uid: path for path, uid in left.items()}
            assert remote(shell, port).store(list(turn.values())).ok
            for path in turn.values():
                del left[path]
    assert came == Counter(instance.facts for instance in bundled())
    compared(f"{len(bundled())} data sets bit for bit, in {len({i.transfer_syntax for i in bundled()})} syntaxes")


@both_shells
@cell("find patient", "SCU", PYNETDICOM, through="Peer aio.Peer")
def test_we_find_patients_with_pynetdicom(shell: str, tap: Tap, compared: Compared) -> None:
    """At all four levels of the patient root."""
    with pynetdicoms_archive() as port:
        check_levels(remote(shell, tap(port)).find, "patient-root", compared, PATHS)


@both_shells
@cell("find study", "SCU", PYNETDICOM, through="Peer aio.Peer")
def test_we_find_studies_with_pynetdicom(shell: str, tap: Tap, compared: Compared) -> None:
    """At all three levels of the study root."""
    with pynetdicoms_archive() as port:
        check_levels(remote(shell, tap(port)).find, "study-root", compared, PATHS)


@both_shells
@cell("worklist", "SCU", PYNETDICOM, through="Peer aio.Peer")
def test_we_find_the_worklist_with_pynetdicom(shell: str, tap: Tap, compared: Compared) -> None:
    """The items arrive with their sequences, and names in other letters."""
    items = [scheduled(1, "CT", "Dionysios^Διονυσιος"), scheduled(2, "MR", "Doe^Jane")]
    asked: Queue[Any] = Queue()

    def answer(event: Any) -> Iterator[Any]:
        asked.put(event.identifier)
        for item in items:
            yield 0xFF00, item

    with serving([(evt.EVT_C_FIND, answer)], [MODALITY_WORKLIST_FIND]) as port:
        matches = remote(shell, tap(port)).find("worklist", {"ScheduledProcedureStepSequence.Modality": "CT"})
    [step] = asked.get(timeout=PATIENCE).ScheduledProcedureStepSequence
    assert step.Modality == "CT"
    for match, item in zip(matches, items, strict=True):
        assert all(match[element.tag].value == element.value for element in item)
    compared(f"{len(items)} items, all elements, and the key in a sequence")


@both_shells
@pytest.mark.parametrize("model", ROOTS)
@cell("get", "SCU", PYNETDICOM, through="Peer aio.Peer")
def test_we_get_from_pynetdicom(shell: str, model: str, tap: Tap, tmp_path: Path, compared: Compared) -> None:
    """A study arrives whole; pynetdicom encodes it anew."""
    keys = {"StudyInstanceUID": STUDY}
    if model == "patient-root":
        keys["PatientID"] = "98890234"
    with pynetdicoms_archive() as port:
        report = remote(shell, tap(port)).get(tmp_path, keys, model=model)
    expected = known(PATHS, StudyInstanceUID=STUDY)
    same = check_content(report.paths, expected)
    compared(f"{len(expected)} data sets element by element, {same} of them bit for bit")


@both_shells
@cell("move", "SCU", PYNETDICOM, through="Peer aio.Peer Server")
def test_we_have_pynetdicom_move_to_us(
    shell: str, tap: Tap, tmp_path: Path, compared: Compared, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A move to a folder, by way of our server."""
    monkeypatch.setattr("dicomnet.exchanges.retrieve.QUIET_TIME", 1.0)
    with Archive(tmp_path / "own") as server:
        with pynetdicoms_archive({"OURS": tap(server.port)}) as port:
            report = borrowing(shell, server, tap(port), "move", tmp_path / "moved", StudyInstanceUID=STUDY)
        assert not server.paths()
    expected = known(PATHS, StudyInstanceUID=STUDY)
    check_content(report.paths, expected)
    compared(f"{len(expected)} data sets element by element")


@both_shells
@cell("move", "SCU", PYNETDICOM, through="Peer aio.Peer")
def test_we_have_pynetdicom_move_to_pynetdicom(shell: str, tap: Tap, compared: Compared) -> None:
    """A third party gets the study, and we the counts."""
    kept: dict[str, pydicom.Dataset] = {}

    def keep(event: Any) -> int:
        kept[event.request.AffectedSOPInstanceUID] = event.dataset
        return 0

    with (
        serving([(evt.EVT_C_STORE, keep)], STORAGE) as third,
        pynetdicoms_archive({"THIRD": third}) as port,
    ):
        report = remote(shell, tap(port)).move("THIRD", StudyInstanceUID=STUDY)
    expected = known(PATHS, StudyInstanceUID=STUDY)
    assert (report.completed, report.failed) == (len(expected), 0)
    assert kept == {i.sop_instance: pydicom.dcmread(i.path) for i in expected}
    compared(f"{len(expected)} data sets element by element, and the counts")


REFS = [(i.sop_class, i.sop_instance) for i in archived()]


def result_of(event: Any, lost: int) -> pydicom.Dataset:
    """The result of a commitment in which the last so many instances are lost."""
    asked = event.action_information
    items = list(asked.ReferencedSOPSequence)
    kept = len(items) - lost
    result = dataset(TransactionUID=asked.TransactionUID, ReferencedSOPSequence=items[:kept])
    for item in items[kept:]:
        item.FailureReason = 0x0112
    if lost:
        result.FailedSOPSequence = items[kept:]
    return result


@both_shells
@pytest.mark.parametrize("lost", [0, 2])
@cell("commit", "SCU", PYNETDICOM, through="Peer aio.Peer")
def test_pynetdicom_commits_itself_on_our_association(shell: str, lost: int, tap: Tap, compared: Compared) -> None:
    """The result comes where it was asked for, and says which are kept and which are not."""
    threads: list[threading.Thread] = []

    def commit(event: Any) -> tuple[int, None]:
        arguments = (result_of(event, lost), 2 if lost else 1, STORAGE_COMMITMENT, STORAGE_COMMITMENT_INSTANCE)
        threads.append(threading.Timer(0.05, event.assoc.send_n_event_report, arguments))
        threads[-1].start()
        return 0, None

    with serving([(evt.EVT_N_ACTION, commit)]) as port:
        report = remote(shell, tap(port)).commit(REFS, check=False)
        for thread in threads:
            thread.join(PATIENCE)
    check_commitment(report, lost)
    compared(f"{len(REFS) - lost} committed, {lost} not")


@both_shells
@cell("commit reverse", "SCU", PYNETDICOM, through="Peer aio.Peer Server")
def test_pynetdicom_commits_itself_on_its_own_association(
    shell: str, tap: Tap, tmp_path: Path, compared: Compared
) -> None:
    """The result comes to our server, while who asked for it waits."""
    results: Queue[Any] = Queue()

    def commit(event: Any) -> tuple[int, None]:
        results.put(result_of(event, 1))
        return 0, None

    def report_back(port: int) -> None:
        result = results.get(timeout=PATIENCE)
        with asking(port, [STORAGE_COMMITMENT], roles=[STORAGE_COMMITMENT], ae_title="OURS") as assoc:
            status, _ = assoc.send_n_event_report(result, 2, STORAGE_COMMITMENT, STORAGE_COMMITMENT_INSTANCE)
            answered.put(status.Status)

    answered: Queue[int] = Queue()
    with Archive(tmp_path) as server, serving([(evt.EVT_N_ACTION, commit)]) as port:
        thread = threading.Thread(target=report_back, args=(tap(server.port),))
        thread.start()
        report = borrowing(shell, server, tap(port), "commit", REFS, check=False)
        thread.join(PATIENCE)
    assert answered.get(timeout=PATIENCE) == 0
    check_commitment(report, 1)
    compared(f"{len(REFS) - 1} committed, 1 not")


def check_commitment(report: Any, lost: int) -> None:
    """Which instances are committed, and which are not and why."""
    kept = len(REFS) - lost
    assert [(ref.sop_class_uid, ref.sop_instance_uid) for ref in report.committed] == REFS[:kept]
    assert [ref.sop_instance_uid for ref, _ in report.failed] == [uid for _, uid in REFS[kept:]]
    assert {int(reason) for _, reason in report.failed} == ({0x0112} if lost else set())


class Noted:
    """Handlers of pynetdicom for every N-service: each notes what came, and returns the same data set."""

    def __init__(self) -> None:
        self.came: list[tuple[Any, ...]] = []
        self.handlers = [
            (evt.EVT_N_CREATE, self._handler("attribute_list", "AffectedSOPInstanceUID")),
            (evt.EVT_N_SET, self._handler("modification_list", "RequestedSOPInstanceUID")),
            (evt.EVT_N_GET, self._handler("attribute_identifiers", "RequestedSOPInstanceUID")),
            (evt.EVT_N_ACTION, self._handler("action_information", "RequestedSOPInstanceUID", "ActionTypeID")),
            (evt.EVT_N_EVENT_REPORT, self._handler("event_information", "AffectedSOPInstanceUID", "EventTypeID")),
            (evt.EVT_N_DELETE, self._handler("", "RequestedSOPInstanceUID")),
        ]

    def _handler(self, name: str, *attributes: str) -> Callable[[Any], Any]:
        def handle(event: Any) -> Any:
            given = getattr(event, name) if name else None
            self.came.append((given, *(getattr(event.request, attribute) for attribute in attributes)))
            return (0, RETURNED) if name else 0

        return handle


@both_shells
@cell("mpps", "SCU", PYNETDICOM, through="Peer aio.Peer")
def test_we_report_a_performed_step_to_pynetdicom(shell: str, tap: Tap, compared: Compared) -> None:
    """The step is made and finished; each data set arrives, also in other letters."""
    noted = Noted()
    finished = dataset(PerformedProcedureStepStatus="COMPLETED")
    with serving(noted.handlers) as port:
        peer = remote(shell, tap(port))
        made = peer.n_create("mpps", GIVEN, instance=INSTANCE)
        changed = peer.n_set("mpps", INSTANCE, finished)
    assert noted.came == [(GIVEN, INSTANCE), (finished, INSTANCE)]
    assert [(answer.status, answer.dataset) for answer in (made, changed)] == [(0, RETURNED)] * 2
    compared("2 requests and 2 answers with their data sets")


@both_associates
@cell("print", "SCU", PYNETDICOM, through="associate aio.associate")
def test_we_print_with_pynetdicom(shell: str, tap: Tap, compared: Compared) -> None:
    """A session with a film and an image is made, printed and deleted, all in the context of the meta SOP class."""
    noted = Noted()
    with (
        serving(noted.handlers, [PRINT_META]) as port,
        associated(shell, tap(port), contexts=["print-grayscale"]) as printer,
    ):
        printer.n_create("BasicFilmSession", GIVEN, instance=INSTANCE)
        printer.n_create("BasicFilmBox", GIVEN, instance=INSTANCE + ".1")
        printer.n_set("BasicGrayscaleImageBox", INSTANCE + ".2", GIVEN)
        printed = printer.n_action("BasicFilmBox", INSTANCE + ".1", 1)
        state = printer.n_get("Printer", PRINTER_INSTANCE, ["PatientID"])
        printer.n_delete("BasicFilmSession", INSTANCE)
    assert noted.came == [
        (GIVEN, INSTANCE),
        (GIVEN, INSTANCE + ".1"),
        (GIVEN, INSTANCE + ".2"),
        (dataset(), INSTANCE + ".1", 1),
        ([0x00100020], PRINTER_INSTANCE),
        (None, INSTANCE),
    ]
    assert (printed.status, state.dataset) == (0, RETURNED)
    compared("6 requests and their answers")


@both_associates
@cell("ups", "SCU", PYNETDICOM, through="associate aio.associate")
def test_we_schedule_and_perform_a_step_with_pynetdicom(shell: str, tap: Tap, compared: Compared) -> None:
    """A step is pushed, found, claimed, changed and read, each in the context that it belongs to."""
    noted = Noted()
    step = dataset(ProcedureStepState="SCHEDULED", PatientName="Citizen^Jan", SOPInstanceUID=INSTANCE)
    asked: Queue[Any] = Queue()

    def answer(event: Any) -> Iterator[Any]:
        asked.put(event.identifier)
        yield 0xFF00, step

    with (
        serving([*noted.handlers, (evt.EVT_C_FIND, answer)], [UPS_PUSH, UPS_PULL]) as port,
        associated(shell, tap(port), contexts=["ups"]) as line,
    ):
        line.n_create("UnifiedProcedureStepPush", GIVEN, instance=INSTANCE)
        [match] = line.find("ups", ProcedureStepState="SCHEDULED")
        line.n_action("UnifiedProcedureStepPush", INSTANCE, 1, GIVEN)
        line.n_set("UnifiedProcedureStepPush", INSTANCE, GIVEN)
        read = line.n_get("UnifiedProcedureStepPush", INSTANCE, ["ProcedureStepState"])
    assert noted.came == [(GIVEN, INSTANCE), (GIVEN, INSTANCE, 1), (GIVEN, INSTANCE), ([0x00741000], INSTANCE)]
    assert asked.get(timeout=PATIENCE).ProcedureStepState == "SCHEDULED"
    assert all(match[element.tag].value == element.value for element in step)
    assert read.dataset == RETURNED
    compared("5 requests, 1 match")


@both_shells
@cell("n-services", "SCU", PYNETDICOM, through="Peer aio.Peer")
def test_we_use_all_n_services_of_pynetdicom(shell: str, tap: Tap, compared: Compared) -> None:
    """A class that knows all six: each takes our data set and numbers, and its answer comes back with its data set."""
    noted = Noted()
    both_roles = {"scu_role": True, "scp_role": True}
    with serving(noted.handlers, [(MACHINE_VERIFICATION, UNCOMPRESSED, both_roles)]) as port:
        peer = remote(shell, tap(port))
        answers = [
            peer.n_create(MACHINE_VERIFICATION, GIVEN, instance=INSTANCE),
            peer.n_set(MACHINE_VERIFICATION, INSTANCE, GIVEN),
            peer.n_get(MACHINE_VERIFICATION, INSTANCE, ["PatientID", "PatientBirthDate"]),
            peer.n_action(MACHINE_VERIFICATION, INSTANCE, 1, GIVEN),
            peer.n_event_report(MACHINE_VERIFICATION, INSTANCE, 2, GIVEN),
            peer.n_delete(MACHINE_VERIFICATION, INSTANCE),
        ]
    assert noted.came == [
        (GIVEN, INSTANCE),
        (GIVEN, INSTANCE),
        ([0x00100020, 0x00100030], INSTANCE),
        (GIVEN, INSTANCE, 1),
        (GIVEN, INSTANCE, 2),
        (None, INSTANCE),
    ]
    assert [(answer.status, answer.dataset) for answer in answers] == [(0, RETURNED)] * 5 + [(0, None)]
    compared("6 requests and 6 answers with their data sets")


def test_the_dissector_agrees_with_what_pynetdicom_was_asked(taps: Taps) -> None:
    """Wireshark reads every PDU of the tests above as what it is, and finds none malformed."""
    assert taps.check("PYNETDICOM") > len(taps.exchanges)
