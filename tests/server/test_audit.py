"""An audit has a line for whatever happened, in whatever state its disk is, and nobody waits for it."""

from __future__ import annotations

import json
import logging
import os
import stat
import threading
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset

from dicomnet.aio.observe import Associated, Cause, ConnectionRefused, Denied, Ended, Rejected, RequestAnswered
from dicomnet.aio.requests import FindRequest, RetrieveRequest, StoreRequest
from dicomnet.dimse.status import Status
from dicomnet.errors import AssociationRejected, InvalidValue
from dicomnet.exchanges.services import Verb
from dicomnet.limits import AUDIT_QUEUE
from dicomnet.pdu import UserIdentity
from dicomnet.server.audit import AuditLog
from dicomnet.server.entries import entry_of, line_of
from dicomnet.uids import CTImageStorage, ModalityPerformedProcedureStep
from server.serving import TITLE, WAIT, calling, instance, local

WHO: dict[str, Any] = {
    "association": "7f3a",
    "calling_ae": "CT1",
    "called_ae": TITLE,
    "peer_address": ("10.0.0.1", 4711),
}
FORGED = 'CT1"}\n{"event": "all is well\x1b[2J\u202e\u2028\ud800'


def lines(path: Path) -> list[dict[str, Any]]:
    text = path.read_text(encoding="utf-8")
    assert text.endswith("\n")
    return [json.loads(line) for line in text.removesuffix("\n").split("\n")]


def answered(verb: Verb, status: int | None = 0, **facts: Any) -> RequestAnswered:
    known: dict[str, Any] = {
        "message_id": 1,
        "sop_class_uid": CTImageStorage,
        "sop_instance_uid": "1.2.3",
        "bytes": 512,
        "seconds": 0.0123456,
    }
    return RequestAnswered(verb=verb, status=None if status is None else Status(status), **WHO, **known | facts)


def identifier() -> Dataset:
    found = Dataset()
    found.QueryRetrieveLevel = "STUDY"
    found.PatientName = "DOE^JANE"
    found.PatientID = "4711"
    found.StudyInstanceUID = ["1.2.3", "1.2.4"]
    found.add_new(0x00091010, "LO", "DOE")
    return found


@pytest.fixture
def written(tmp_path: Path) -> Any:
    """Writes events, and gives what stands in the file."""

    def write(*events: Any, **options: Any) -> list[dict[str, Any]]:
        audit = AuditLog(tmp_path / "audit.jsonl", **options)
        for event in events:
            audit(event)
        audit.close()
        return lines(tmp_path / "audit.jsonl")

    return write


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (Associated(**WHO, contexts=3), {"event": "association accepted", "outcome": 0, "contexts": 3}),
        (
            Associated(**WHO, contexts=3, user="jane", certificate="CN=ct1"),
            {"code": "110114", "type": "110122", "user": "jane", "certificate": "CN=ct1"},
        ),
        (
            Rejected(**WHO, result=1, source=1, reason=3, cause=Cause.CERTIFICATE),
            {"event": "association rejected", "code": "110113", "type": "110126", "outcome": 8, "rejection": "1/1/3"},
        ),
        (
            Rejected(
                **WHO, result=1, source=2, reason=1, cause=Cause.USER_IDENTITY, claimed_user="jane", via="10.9.9.9"
            ),
            {
                "code": "110114",
                "type": "110122",
                "outcome": 8,
                "cause": "user identity",
                "claimed_user": "jane",
                "via": "10.9.9.9",
            },
        ),
        (
            ConnectionRefused(**WHO, cause=Cause.TLS, detail="no certificate"),
            {"event": "connection refused", "code": "110113", "detail": "no certificate"},
        ),
        (
            Denied(**WHO, verbs=(Verb.FIND, Verb.MOVE), status=Status(0x0124)),
            {"code": "110113", "type": "110132", "operations": ["find", "move"], "status": "0124", "outcome": 8},
        ),
        (Ended(**WHO, error=None), {"event": "association ended", "outcome": 0, "how": "released"}),
        (Ended(**WHO, error=OSError("reset")), {"outcome": 4, "how": "reset"}),
        (
            answered(Verb.STORE),
            {
                "event": "instances transferred",
                "code": "110104",
                "action": "C",
                "status": "0000",
                "outcome": 0,
                "operation": "store",
                "sop_class": CTImageStorage,
                "sop_class_name": "CT Image Storage",
                "instance": "1.2.3",
                "bytes": 512,
                "seconds": 0.012,
            },
        ),
        (answered(Verb.STORE, 0xA700), {"outcome": 8, "status": "A700"}),
        (answered(Verb.STORE, 0xB007), {"outcome": 4, "status": "B007"}),
        (answered(Verb.STORE, None), {"outcome": 8}),
        (
            answered(Verb.FIND, matches=7, identifier=identifier()),
            {
                "event": "query",
                "code": "110112",
                "matches": 7,
                "level": "STUDY",
                "studies": ["1.2.3", "1.2.4"],
                "keys": ["PatientName", "PatientID", "StudyInstanceUID", "(0009,1010)"],
            },
        ),
        (
            answered(Verb.MOVE, 0xB000, suboperations=(5, 1, 2), destination="WS1", identifier=identifier()),
            {"code": "110104", "action": "R", "completed": 5, "failed": 1, "warnings": 2, "destination": "WS1"},
        ),
        (
            answered(Verb.N_CREATE, sop_class_uid=ModalityPerformedProcedureStep),
            {"event": "n-create", "code": "110111", "action": "C"},
        ),
        (answered(Verb.ECHO), {"event": "echo", "outcome": 0}),
    ],
)
def test_each_event_is_a_line(event: Any, expected: dict[str, Any], written: Any) -> None:
    """Who, from where, what, with which outcome, and the code of PS3.15 where there is one."""
    (line,) = written(event, server="ARCHIVE")
    assert line == line | expected
    assert (line["association"], line["calling_ae"], line["called_ae"]) == ("7f3a", "CT1", "ARCHIVE")
    assert (line["address"], line["port"], line["server"]) == ("10.0.0.1", 4711, "ARCHIVE")
    assert datetime.fromisoformat(line["time"]).tzinfo is not None
    assert None not in line.values()
    assert (
        ("code" in line) == (event.__class__ not in (Associated, Ended) or event.user is not None)
        or "code" in expected
        or event == answered(Verb.ECHO)
    )


def test_patients_are_told_only_if_that_is_asked_for(written: Any) -> None:
    """The names of the keys say what was looked for; the values are there for who wants them."""
    event = answered(Verb.FIND, identifier=identifier())
    (line,) = written(event)
    assert "DOE" not in json.dumps(line)
    assert "4711" not in json.dumps({**line, "port": None})
    told = written(event, values=True)[-1]
    assert told["keys"]["PatientName"] == "DOE^JANE"
    assert told["keys"]["PatientID"] == "4711"


def test_what_a_stranger_says_stays_in_its_line(written: Any) -> None:
    """Line ends, quotes and what steers a terminal are escaped, long values cut; what was said can be read back."""
    error = ValueError("x" * 5000 + FORGED)
    found = written(
        Associated(**{**WHO, "calling_ae": FORGED, "association": "\x85"}, contexts=1, user=FORGED),
        Ended(**WHO, error=error),
        answered(Verb.STORE, sop_instance_uid=FORGED, sop_class_uid=FORGED),
    )
    assert [line["event"] for line in found] == ["association accepted", "association ended", "instances transferred"]
    assert found[0]["user"] == found[0]["calling_ae"] == found[2]["instance"] == FORGED
    assert len(found[1]["how"]) < 1100
    for event in (Ended(**WHO, error=error), answered(Verb.STORE, sop_instance_uid=FORGED)):
        entry = entry_of(event)
        assert entry is not None
        assert line_of(entry).isprintable()


def test_a_query_of_a_thousand_keys_is_told_in_part() -> None:
    """A stranger must not fill the disk."""
    many = Dataset()
    for number in range(1000):
        many.add_new(0x00091000 + number, "LO", "x")
    many.StudyInstanceUID = [f"1.2.{number}" for number in range(1000)]
    entry = entry_of(answered(Verb.FIND, identifier=many))
    assert entry is not None
    assert len(entry["keys"]) == len(entry["studies"]) == 64


def test_only_its_owner_reads_a_new_file(tmp_path: Path) -> None:
    """Mode 0600; one that is there keeps its own, and what is in it."""
    path = tmp_path / "audit.jsonl"
    AuditLog(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o640)
    path.write_text('{"event": "before"}\n')
    audit = AuditLog(path)
    audit(Ended(**WHO, error=None))
    audit.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert [line["event"] for line in lines(path)] == ["before", "association ended"]


def test_a_file_that_cannot_be_written_to_is_a_mistake(tmp_path: Path) -> None:
    """It is told at once, not when something happens."""
    with pytest.raises(InvalidValue, match="no audit can be written to"):
        AuditLog(tmp_path / "missing" / "audit.jsonl")
    with pytest.raises(InvalidValue, match="directory"):
        AuditLog(tmp_path)


def soon(condition: Callable[[], object]) -> None:
    """Waits until something holds that nobody tells of."""
    end = time.monotonic() + WAIT
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def settle(audit: AuditLog) -> None:
    """Has everything written that was told."""
    audit.close()


def test_a_file_that_was_moved_away_is_begun_anew(tmp_path: Path) -> None:
    """With a wink (SIGHUP), and without; no line is lost, and none comes twice."""
    path = tmp_path / "audit.jsonl"
    audit = AuditLog(path)
    audit.started()
    settle(audit)
    path.rename(tmp_path / "audit.1")
    audit.started()
    settle(audit)
    path.rename(tmp_path / "audit.2")
    audit.started()  # begins a thread, which begins the file
    audit.reopen()
    settle(audit)
    assert [len(lines(tmp_path / name)) for name in ("audit.1", "audit.2", "audit.jsonl")] == [1, 1, 1]


def test_a_wink_begins_the_file_anew_before_there_is_a_line(tmp_path: Path) -> None:
    """Who rotates logs finds the new file, and may compress the old one."""
    path = tmp_path / "audit.jsonl"
    audit = AuditLog(path)
    audit.started()
    soon(lambda: path.stat().st_size)
    path.rename(tmp_path / "audit.1")
    audit.reopen()
    soon(path.exists)
    audit.close()
    assert len(lines(tmp_path / "audit.1")) == 1


class Disk:
    """Takes the place of `os.write`: takes everything, nothing, or so many bytes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.room: float = float("inf")
        self._write = os.write
        monkeypatch.setattr("dicomnet.server.audit.os.write", self.write)

    def write(self, file: int, data: bytes) -> int:
        if not self.room:
            raise OSError(28, "No space left on device")
        taken = int(min(len(data), self.room))
        self.room -= taken
        return self._write(file, data[:taken])


def test_a_full_disk_costs_lines_which_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """One error when it begins, one when it is over, and the number in the audit itself."""
    path, disk = tmp_path / "audit.jsonl", Disk(monkeypatch)
    audit = AuditLog(path)
    audit.started()
    settle(audit)
    disk.room = 0
    for _ in range(5):
        audit(Ended(**WHO, error=None))
    settle(audit)
    disk.room = float("inf")
    audit.stopped()
    settle(audit)
    found = lines(path)
    assert [line["event"] for line in found] == ["server started", "audit lines lost", "server stopped"]
    assert found[1]["count"] == 5
    told = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert [("are lost" in line, "5 lines" in line) for line in told] == [(True, False), (False, True)]


def test_a_line_that_was_cut_off_spoils_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk took a part of it: what comes next begins on a line of its own."""
    path, disk = tmp_path / "audit.jsonl", Disk(monkeypatch)
    audit = AuditLog(path)
    disk.room = 10
    audit.started()
    audit.started()
    soon(lambda: audit._lost == 2)
    disk.room = float("inf")
    audit.stopped()
    settle(audit)
    torn, *whole = path.read_text().splitlines()
    assert len(torn) == 10
    assert [json.loads(line)["event"] for line in whole] == ["audit lines lost", "server stopped"]


def test_a_disk_that_hangs_holds_nobody_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits for it is bounded; the rest is counted, and told when it goes on."""
    path, go_on = tmp_path / "audit.jsonl", threading.Event()
    write = os.write

    def hanging(file: int, data: bytes) -> int:
        go_on.wait(30)
        return write(file, data)

    monkeypatch.setattr("dicomnet.server.audit.os.write", hanging)
    audit = AuditLog(path)
    event = Ended(**WHO, error=ValueError("x" * 1000))
    length = len(line_of(entry_of(event) or {}))
    count = 2 * AUDIT_QUEUE // length
    for _ in range(count):
        audit(event)
    assert audit._waiting_bytes <= AUDIT_QUEUE
    assert audit._lost > 0
    audit.close(timeout=0.01)
    go_on.set()
    audit.close()
    found = lines(path)
    lost = [line["count"] for line in found if line["event"] == "audit lines lost"]
    assert len(found) - len(lost) + sum(lost) == count


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_processes_share_a_file(tmp_path: Path) -> None:
    """Each line is one write at its end, so none is mixed with another."""
    path, count = tmp_path / "audit.jsonl", 200
    audit = AuditLog(path)
    children = []
    for _ in range(3):
        child = os.fork()
        if child == 0:
            for _ in range(count):
                audit(Ended(**WHO, error=None))
            audit.close()
            os._exit(0)
        children.append(child)
    for child in children:
        assert os.waitpid(child, 0)[1] == 0
    assert len(lines(path)) == 3 * count


async def test_a_server_writes_down_what_happens(tmp_path: Path) -> None:
    """From its start to its end: associations, what is stored, asked and fetched, who is refused and why."""
    path = tmp_path / "audit.jsonl"
    server = local(user_identity=lambda caller: caller.user == "jane", verbs={"MR1": ["echo"]})
    server.audit(path)

    @server.on_store
    async def keep(request: StoreRequest) -> None:
        await request.discard()

    @server.on_find
    async def find(request: FindRequest) -> Any:
        return [{"StudyInstanceUID": "1.2.3"}] * 2

    @server.on_get
    async def get(request: RetrieveRequest) -> Any:
        return [instance(2), instance(3)]

    jane = UserIdentity(1, b"jane")
    async with server:
        with pytest.raises(AssociationRejected):
            await calling(server)
        contexts = ["CTImageStorage", "study-root-find", "study-root-get"]
        async with calling(server, *contexts, user_identity=jane) as association:
            await association.store(instance(1))
            assert len([match async for match in association.find("STUDY", PatientName="DOE*")]) == 2
        async with calling(
            server, "study-root-get", "CTImageStorage", roles={"CTImageStorage": "both"}, user_identity=jane
        ) as association:
            await association.get(None, StudyInstanceUID="1.2.3")
        async with calling(server, "verification", "study-root-find", aet="MR1", user_identity=jane) as association:
            await association.echo()
    found = lines(path)
    assert [line["event"] for line in found] == [
        "server started",
        "association rejected",  # of what never was, no end is told
        *("association accepted", "instances transferred", "query", "association ended"),
        *("association accepted", "transfer begun", "instances transferred", "association ended"),
        *("operation denied", "association accepted", "echo", "association ended"),
        "server stopped",
    ]
    assert all(line["server"] == TITLE for line in found)
    assert {line.get("user") for line in found[2:-1]} == {"jane"}
    query = next(line for line in found if line["event"] == "query")
    assert (query["matches"], query["level"], "DOE" in json.dumps(query)) == (2, "STUDY", False)
    fetched = found[8]
    assert (fetched["operation"], fetched["completed"], fetched["studies"]) == ("get", 2, ["1.2.3"])
    assert found[10]["operations"] == ["find"]
