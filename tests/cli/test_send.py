from __future__ import annotations

import os
import re
import shutil
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli.helpers import CT, EXPLICIT, Outcome, Peer, assert_plain, read_all
from dicomnet import MEMORY, Associate, Status
from dicomnet.cli import send
from dicomnet.cli.outcome import Report
from dicomnet.errors import StorageError
from dicomnet.pdu import ContextOutcome
from dicomnet.storage.source import InstanceFile

Command = Callable[..., Outcome]
MakePeer = Callable[..., Peer]
Write = Callable[..., Path]

MR = "1.2.840.10008.5.1.4.1.1.4"
JPEG = "1.2.840.10008.1.2.4.50"


def test_a_folder_is_sent_byte_for_byte(command: Command, peer: MakePeer, instance: Write) -> None:
    """Every instance in a folder and its folders arrives as it is in its file, on one association."""
    files = [
        instance("a.dcm", number=1),
        instance("deep/b", number=2, sop_class=MR),
        instance("deep/c", number=3, size=0),
    ]
    archive = peer()
    outcome = command("send", archive.address, files[0].parent, "--aet", "ME")
    assert outcome.code == 0
    assert re.fullmatch(r"3 stored, \d+ bytes, \d+\.\d s\n", outcome.out)
    assert outcome.err == ""
    [request] = archive.requests
    assert request.calling_ae == "ME"
    assert archive.instances == ["1.2.3.1", "1.2.3.2", "1.2.3.3"]
    for message in archive.stored:
        path = files[int(message.affected_sop_instance_uid[-1]) - 1]
        assert path.read_bytes().endswith(message.data.bytes())
        assert message.data.length == InstanceFile.open(path).data_length


def test_what_is_no_instance_is_skipped_with_the_reason(command: Command, peer: MakePeer, instance: Write) -> None:
    """Junk between the images does no harm: a summary says what it was, -v which."""
    folder = instance("a.dcm", number=1).parent
    (folder / "notes.txt").write_text("not an image" * 50)
    (folder / "more.txt").write_text("nor this" * 50)
    (folder / "empty").touch()
    test_files = Path(pytest.importorskip("pydicom").__file__).parent / "data" / "test_files" / "dicomdirtests"
    shutil.copy(test_files / "DICOMDIR", folder)
    archive = peer()
    outcome = command("send", archive.address, folder)
    assert outcome.code == 0
    assert outcome.out.startswith("1 stored, 4 skipped, ")
    assert "skipped 2 files: not an instance: it begins neither with" in outcome.err
    assert "skipped 1 file: not an instance: it is empty" in outcome.err
    assert "skipped 1 file: not an instance: a DICOMDIR is a directory" in outcome.err
    assert "notes.txt" not in outcome.err
    outcome = command("send", archive.address, folder, "-v")
    assert f"{folder / 'notes.txt'}: skipped, not an instance: it begins" in outcome.err


def test_a_damaged_instance_is_no_success(command: Command, peer: MakePeer, instance: Write) -> None:
    """What has lost its end, or names itself by what is no UID, is not passed over as if it were none; the others are stored."""
    path = instance("a.dcm", number=1)
    content = path.read_bytes()
    (path.parent / "cut.dcm").write_bytes(content[:-1])
    (path.parent / "odd.dcm").write_bytes(content.replace(b"1.2.840.10008.1.2.1", b"no transfer syntax "))
    archive = peer()
    outcome = command("send", archive.address, path.parent)
    assert outcome.code == 1
    assert outcome.out.startswith("1 stored, 2 failed (unreadable), ")
    assert "cut.dcm: failed: odd length" in outcome.err
    assert "odd.dcm: failed: its transfer syntax UID is not a UID" in outcome.err
    assert archive.instances == ["1.2.3.1"]


def test_a_second_file_of_an_instance_is_skipped(command: Command, peer: MakePeer, instance: Write) -> None:
    """The same instance is sent once, whichever names it has and however often it was given."""
    first = instance("a.dcm", number=1)
    instance("b.dcm", number=1)
    archive = peer()
    outcome = command("send", archive.address, first.parent, first, "-v")
    assert outcome.code == 0
    assert outcome.out.startswith("1 stored, 2 skipped, ")
    assert f"b.dcm: skipped, the same instance as another file ({first})" in outcome.err
    assert archive.instances == ["1.2.3.1"]


def test_a_damaged_copy_does_not_hide_the_whole_one(command: Command, peer: MakePeer, instance: Write) -> None:
    """Two files claim to be one instance: unless their data sets agree in every byte, both are sent."""
    instance("a.dcm", number=1, size=50)
    damaged = instance("b.dcm", number=1)
    with damaged.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"\xff")
    instance("c.dcm", number=1, syntax=JPEG)
    folder = instance("d.dcm", number=1).parent
    instance("e.dcm", number=1)
    archive = peer()
    outcome = command("send", archive.address, folder, "-v")
    assert outcome.code == 0
    assert outcome.out.startswith("4 stored, 1 skipped, ")
    assert f"e.dcm: skipped, the same instance as another file ({folder / 'd.dcm'})" in outcome.err
    assert archive.instances == ["1.2.3.1"] * 4


def test_a_file_that_disagrees_with_itself_is_reported(command: Command, peer: MakePeer, instance: Write) -> None:
    """Where group 0002 names another instance, what the data set says is sent."""
    path = instance("a.dcm", number=1, meta_number=2)
    archive = peer()
    outcome = command("send", archive.address, path)
    assert outcome.code == 0
    assert "1 file: group 0002 and the data set disagree; what" in outcome.err
    assert archive.instances == ["1.2.3.1"]
    outcome = command("send", archive.address, path, "-v")
    assert "SOP instance UID is 1.2.3.1 in the data set and 1.2.3.2 in group 0002" in outcome.err


def test_nothing_to_send_is_a_failure(command: Command, tmp_path: Path) -> None:
    """A script that sends the wrong folder learns it from the exit code; nobody is called."""
    (tmp_path / "notes.txt").write_text("not an image" * 50)
    outcome = command("send", "ARCHIVE@127.0.0.1:1", tmp_path)
    assert outcome.code == 1
    assert outcome.err.endswith("nothing to send: no instance in what was given\n")
    assert outcome.out == ""


def test_a_failure_is_told_and_the_rest_goes_on(command: Command, peer: MakePeer, instance: Write) -> None:
    """The file, the status and its meaning on stderr, the code in the summary, exit code 1."""
    paths = [instance(f"{n}.dcm", number=n) for n in (1, 2, 3)]
    archive = peer(store=lambda message, _: 0xA900 if message.affected_sop_instance_uid == "1.2.3.2" else 0)
    outcome = command("send", archive.address, *paths)
    assert outcome.code == 1
    assert outcome.out.startswith("2 stored, 1 failed (A900), ")
    assert outcome.err.startswith(f"{paths[1]}: failed: A900, ")
    assert len(outcome.err.splitlines()) == 1


def test_a_warning_counts_as_stored(command: Command, peer: MakePeer, instance: Write) -> None:
    """The peer has it, and what it did to it is told."""
    path = instance("a.dcm", number=1)
    outcome = command("send", peer(store=lambda *_: 0xB000).address, path)
    assert outcome.code == 0
    assert outcome.out.startswith("1 stored (warning B000), ")
    assert outcome.err.startswith(f"{path}: stored with a warning: B000, ")


def test_a_refused_context_fails_its_files_alone(command: Command, peer: MakePeer, instance: Write) -> None:
    """What the peer does not take fails with the reason; what it takes is stored."""
    jpeg = instance("a.dcm", number=1, syntax=JPEG)
    plain = instance("b.dcm", number=2)

    def refuse_jpeg(associate: Any) -> Any:
        answer = associate.accept_all()
        for proposed, context in zip(associate.contexts, answer.contexts, strict=True):
            if JPEG in proposed.transfer_syntaxes:
                context.result = 4
        return answer

    archive = peer(answer=refuse_jpeg)
    outcome = command("send", archive.address, jpeg, plain)
    assert outcome.code == 1
    assert outcome.out.startswith("1 stored, 1 failed (not accepted), ")
    assert outcome.err == (
        f"{jpeg}: failed: the peer accepted no presentation context for CT Image Storage in JPEG Baseline (Process 1); with "
        "--decode it is tried uncompressed\n"
    )
    assert archive.instances == ["1.2.3.2"]


def test_a_refused_kind_takes_one_line(command: Command, peer: MakePeer, instance: Write) -> None:
    """A folder full of what the peer does not take is told by kind; each file with -v."""
    paths = [instance(f"{n}.dcm", number=n, sop_class=MR if n == 4 else CT) for n in range(1, 5)]
    archive = peer(answer=lambda associate: associate.accept())
    outcome = command("send", archive.address, *paths)
    assert outcome.code == 1
    assert outcome.out.startswith("0 stored, 4 failed (not accepted), ")
    several, single = outcome.err.splitlines()
    assert several == (
        "3 files failed: the peer accepted no presentation context for CT Image Storage in Explicit VR Little Endian "
        f"(the first: {paths[0]}; -v tells each)"
    )
    assert single == (
        f"{paths[3]}: failed: the peer accepted no presentation context for MR Image Storage in Explicit VR Little Endian"
    )
    outcome = command("send", archive.address, *paths, "-v")
    assert all(f"{path}: failed: " in outcome.err for path in paths)


def test_all_contexts_refused(command: Command, peer: MakePeer, instance: Write) -> None:
    """Nothing is sent, everything fails with the reason, and the command ends."""
    outcome = command("send", peer(answer=lambda associate: associate.accept()).address, instance("a", number=1))
    assert outcome.code == 1
    assert outcome.out.startswith("0 stored, 1 failed (not accepted), ")


def test_more_contexts_than_an_association_has(command: Command, peer: MakePeer, instance: Write) -> None:
    """300 kinds of instances go over a few associations, none with more than 128 contexts, each kind where it fits."""
    for number in range(300):
        path = instance(f"{number:03}.dcm", number=number, sop_class=f"1.2.826.0.1.3680043.2.1143.{number}")
    archive = peer()
    outcome = command("send", archive.address, path.parent)
    assert outcome.code == 0
    assert outcome.out.startswith("300 stored, ")
    assert len(archive.requests) == 8
    assert all(len(request.contexts) <= 128 for request in archive.requests)
    assert archive.instances == [f"1.2.3.{number}" for number in range(300)]


def test_without_an_association_nothing_is_sent(command: Command, peer: MakePeer, instance: Write) -> None:
    """One line for all files that could not even be tried."""
    paths = [instance(f"{n}.dcm", number=n) for n in (1, 2, 3)]
    outcome = command("send", peer(answer=lambda associate: None).address, *paths)
    assert outcome.code == 1
    assert outcome.out.startswith("0 stored, 3 not sent, ")
    assert "rejected the association permanently (result 1, source 1, reason 7)" in outcome.err
    assert len(outcome.err.splitlines()) == 1


@pytest.mark.parametrize("how", ["abort", "close"])
def test_a_lost_association_leaves_one_file_unconfirmed(
    command: Command, peer: MakePeer, instance: Write, how: str
) -> None:
    """What was in flight is perhaps stored, which is no success; the rest goes on another association."""
    paths = [instance(f"{n}.dcm", number=n) for n in range(1, 6)]
    archive = peer(store=ending(how, at="1.2.3.2"))
    outcome = command("send", archive.address, *paths)
    assert outcome.code == 1
    assert outcome.out.startswith("4 stored, 1 not confirmed, ")
    assert outcome.err.startswith(f"{paths[1]}: not confirmed: ")
    assert ("aborted by the peer (0/0)" in outcome.err) == (how == "abort")
    assert len(outcome.err.splitlines()) == 1
    assert len(archive.requests) == 2


def test_a_peer_that_ends_every_association_is_left_alone(command: Command, peer: MakePeer, instance: Write) -> None:
    """Stored, perhaps stored and never sent are three different things, and the summary says why it ended."""
    paths = [instance(f"{n}.dcm", number=n) for n in range(1, 8)]
    archive = peer(store=ending("abort", at="1.2.3.2", after=True))
    outcome = command("send", archive.address, *paths)
    assert outcome.code == 1
    assert outcome.out.startswith("1 stored, 2 not confirmed, 4 not sent, ")
    one, error = outcome.err.splitlines()
    assert one.startswith(
        "2 files not confirmed: association aborted by the peer (0/0): by the application (the first: "
    )
    assert error == (f"Error: {archive.address} aborted the association (0/0): by the application; its log may say why")
    assert len(archive.requests) == 2


def test_silence_ends_with_the_timeout(command: Command, peer: MakePeer, instance: Write) -> None:
    """A peer that never answers a C-STORE is left after --timeout."""
    outcome = command("send", peer(store=lambda *_: None).address, instance("a", number=1), "--timeout", "0.3")
    assert outcome.code == 1
    assert outcome.out.startswith("0 stored, 1 not confirmed, ")
    assert "timed out after 0.3 s waiting for the response to C-STORE-RQ 1" in outcome.err


def test_a_file_that_vanishes_fails_alone(command: Command, peer: MakePeer, instance: Write) -> None:
    """Somebody tidies up while we send: the others still go, on the same association."""
    paths = [instance(f"{n}.dcm", number=n) for n in range(1, 8)]

    def remove_the_sixth(message: Any, net: Any) -> int:
        paths[5].unlink(missing_ok=True)
        return 0

    archive = peer(store=remove_the_sixth)
    outcome = command("send", archive.address, *paths)
    assert outcome.code == 1
    assert outcome.out.startswith("6 stored, 1 failed (unreadable), ")
    assert outcome.err == f"{paths[5]}: failed: cannot read it: No such file or directory\n"
    assert len(archive.requests) == 1


def test_a_file_that_is_replaced_fails_alone(command: Command, peer: MakePeer, instance: Write) -> None:
    """What was proposed, counted and looked at is what is sent: each head is read once."""
    paths = [instance(f"{n}.dcm", number=n) for n in range(1, 8)]

    def replace_the_sixth(message: Any, net: Any) -> int:
        instance("6.dcm", number=9)
        return 0

    archive = peer(store=replace_the_sixth)
    outcome = command("send", archive.address, *paths)
    assert outcome.code == 1
    assert outcome.err == f"{paths[5]}: failed: it has changed since it was looked at\n"
    assert archive.instances == [f"1.2.3.{n}" for n in (1, 2, 3, 4, 5, 7)]


def test_a_file_that_gets_shorter_while_it_is_sent_fails_alone(
    command: Command, peer: MakePeer, instance: Write
) -> None:
    """Half of it is with the peer, so the association has to be aborted; the others go on the next one."""
    paths = [instance(f"{n}.dcm", number=n, size=64 << 20 if n == 2 else 100) for n in range(1, 6)]

    def cut_short(request: Any) -> Any:
        if request.affected_sop_instance_uid == "1.2.3.2":
            os.truncate(paths[1], 1000)
        return MEMORY

    archive = peer(destination=cut_short)
    outcome = command("send", archive.address, *paths)
    assert outcome.code == 1
    assert outcome.out.startswith("4 stored, 1 failed (unreadable), ")
    assert outcome.err == f"{paths[1]}: failed: it has become shorter since its length was taken\n"
    assert archive.instances == ["1.2.3.1", "1.2.3.3", "1.2.3.4", "1.2.3.5"]
    assert len(archive.requests) == 2


def test_a_file_that_cannot_be_read_fails_alone(
    command: Command, peer: MakePeer, instance: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It should have been sent, so it is no skipped file: the exit code is 1."""
    bad, good = instance("a.dcm", number=1), instance("b.dcm", number=2)
    really_open = InstanceFile.open

    def fail_for_one(path: Path, **options: Any) -> InstanceFile:
        if path == bad:
            raise StorageError(f"cannot read {path}: permission denied")
        return really_open(path, **options)

    monkeypatch.setattr(InstanceFile, "open", fail_for_one)
    outcome = command("send", peer().address, bad, good)
    assert outcome.code == 1
    assert outcome.out.startswith("1 stored, 1 failed (unreadable), ")
    assert f"{bad}: failed: cannot read it: permission denied" in outcome.err


def test_a_folder_that_cannot_be_read_fails(
    command: Command, peer: MakePeer, instance: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was asked for by name; what else was given still goes."""
    path, folder = instance("a.dcm", number=1), tmp_path / "locked"
    folder.mkdir()
    original = os.scandir

    def refuse(path: Any) -> Any:
        if path == folder:
            raise PermissionError(13, "Permission denied")
        return original(path)

    monkeypatch.setattr(os, "scandir", refuse)
    outcome = command("send", peer().address, folder, path)
    assert outcome.code == 1
    assert outcome.out.startswith("1 stored, 1 failed (unreadable), ")
    assert outcome.err == f"{folder}: failed: cannot read it: Permission denied\n"


def test_a_folder_in_a_folder_that_cannot_be_read_fails(
    command: Command, peer: MakePeer, instance: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is in it should have been sent, so the exit code is no 0."""
    folder = instance("a.dcm", number=1).parent
    locked = folder / "locked"
    locked.mkdir()
    original = os.scandir

    def refuse(path: Any) -> Any:
        if path == locked:
            raise PermissionError(13, "Permission denied")
        return original(path)

    monkeypatch.setattr(os, "scandir", refuse)
    outcome = command("send", peer().address, folder)
    assert outcome.code == 1
    assert outcome.out.startswith("1 stored, 1 failed (unreadable), ")
    assert outcome.err == f"{locked}: failed: cannot read it: Permission denied\n"


def test_files_that_fail_for_one_reason_are_one_line(
    command: Command, peer: MakePeer, instance: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thousand files of somebody else's are no thousand lines."""
    paths = [instance(f"{number}.dcm", number=number) for number in (1, 2, 3)]

    def fail(path: Path, **_: Any) -> InstanceFile:
        raise StorageError(f"cannot read {path}: Permission denied")

    monkeypatch.setattr(InstanceFile, "open", fail)
    outcome = command("send", peer().address, paths[0].parent)
    assert outcome.code == 1
    assert outcome.err.splitlines()[0] == (
        f"3 files failed: cannot read it: Permission denied (the first: {paths[0]}; -v tells each)"
    )


def test_a_name_of_a_file_does_not_drive_the_terminal(command: Command, peer: MakePeer, instance: Write) -> None:
    """Who names a file on a disc from elsewhere says nothing of his own."""
    path = instance("a.dcm", number=1)
    path.with_name("b\x1b[2J\n0 failed").write_text("nothing")
    outcome = command("send", "-v", peer().address, path.parent)
    assert_plain(outcome.err)
    assert "b\\x1b[2J\\x0a0 failed: skipped, not an instance" in outcome.err


def test_decoding_is_proposed_where_it_is_asked_for(command: Command, peer: MakePeer, instance: Write) -> None:
    """A compressed file alone: without --decode the way out is told, with it the peer is asked for uncompressed ones, too."""

    def take_uncompressed(associate: Associate) -> Associate:
        answer = associate.accept_all()
        for context in answer.contexts:
            if context.transfer_syntaxes != [EXPLICIT]:
                context.result = ContextOutcome.TRANSFER_SYNTAXES_NOT_SUPPORTED
        return answer

    archive = peer(answer=take_uncompressed)
    path = instance("a.dcm", number=1, syntax=JPEG)
    outcome = command("send", archive.address, path)
    assert outcome.err.endswith("in JPEG Baseline (Process 1); with --decode it is tried uncompressed\n")
    command("send", archive.address, path, "--decode")
    plain, decoded = ({one.transfer_syntaxes[0] for one in asked.contexts[:-1]} for asked in archive.requests)
    assert (plain, decoded) == ({JPEG}, {JPEG, EXPLICIT, "1.2.840.10008.1.2"})


def test_one_request_at_a_time_is_on_its_way(command: Command, peer: MakePeer, instance: Write) -> None:
    """No asynchronous window is proposed, so the next C-STORE waits for the response to the last."""
    paths = [instance(f"{n}.dcm", number=n) for n in range(1, 10)]
    performing: list[int] = []

    def count(message: Any, net: Any) -> int:
        performing.append(len(net._link.core.operations.performing))
        return Status.SUCCESS

    archive = peer(store=count)
    assert command("send", archive.address, *paths).code == 0
    assert archive.requests[0].async_window is None
    assert performing == [1] * 9


def test_piped_output_is_plain(program: Command, peer: MakePeer, instance: Write) -> None:
    """In a process of its own, with everything piped: no control codes, and it ends by itself."""
    paths = [instance(f"{n}.dcm", number=n) for n in (1, 2)]
    outcome = program("send", peer().address, *paths, "-v")
    assert outcome.code == 0
    assert outcome.out.startswith("2 stored, ")
    assert f"{paths[0]}: stored" in outcome.err
    assert "released: 2 stored" in outcome.err
    assert_plain(outcome.out, outcome.err)


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="the system has no pseudo-terminals")
def test_a_terminal_shows_a_bar(peer: MakePeer, instance: Write, started: Callable[..., Any]) -> None:
    """On a terminal stderr has a bar with counts; stdout has the summary alone."""
    paths = [instance(f"{n}.dcm", number=n, size=1 << 20) for n in (1, 2)]
    master, slave = os.openpty()
    process = started("send", peer(store=lambda *_: 0xA900).address, *paths, stderr=slave, TERM="xterm", COLUMNS="80")
    os.close(slave)
    seen = read_all(master)
    out, _ = process.communicate(timeout=20)
    assert process.returncode == 1
    assert out.startswith("0 stored, 2 failed (A900), ")
    assert "2/2 files" in seen
    assert f"2 files failed: A900, {Status(0xA900).meaning('storage')} (the first: {paths[0]}; -v tells each)" in seen


def test_ctrl_c_says_what_is_stored(started: Callable[..., Any], peer: MakePeer, instance: Write) -> None:
    """The summary comes all the same, and the exit code is that of an interrupt."""
    paths = [instance(f"{n}.dcm", number=n) for n in (1, 2, 3)]
    reached = threading.Event()

    def hang_at_second(message: Any, net: Any) -> int | None:
        if message.affected_sop_instance_uid == "1.2.3.1":
            return 0
        reached.set()
        return None

    process = started("send", peer(store=hang_at_second).address, *paths, "-v")
    assert process.stderr.readline().endswith(f"{paths[0]}: stored\n")
    assert reached.wait(20)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert out.startswith("1 stored, 1 not confirmed, 1 not sent, ")
    assert f"{paths[1]}: not confirmed: interrupted before its response came" in err
    assert err.endswith("interrupted\n")
    assert "Traceback" not in err


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_do_not_wait_for_other_associations(
    started: Callable[..., Any], peer: MakePeer, instance: Write, number: int, code: int
) -> None:
    """With several associations none of which is answered it ends soon all the same."""
    paths = [instance(f"{n}.dcm", number=n) for n in range(1, 10)]
    reached = threading.Semaphore(0)
    process = started("send", peer(store=lambda *_: reached.release()).address, *paths, "--associations", "3")
    for _ in range(3):
        assert reached.acquire(timeout=20)
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert process.returncode == code
    assert out.startswith("0 stored, 3 not confirmed, 6 not sent, ")
    assert err.startswith("3 files not confirmed: ")
    assert "Traceback" not in err


def test_several_associations_share_the_files(command: Command, peer: MakePeer, instance: Write) -> None:
    """Each file goes once, over one of as many associations as were asked for."""
    paths = [instance(f"{n}.dcm", number=n) for n in range(1, 31)]
    archive = peer()
    outcome = command("send", archive.address, *paths, "--associations", 3)
    assert (outcome.code, outcome.err) == (0, "")
    assert sorted(archive.instances) == sorted(f"1.2.3.{n}" for n in range(1, 31))
    assert len(archive.requests) == 3


def test_auto_takes_several_where_the_peer_does_one_thing_at_a_time(
    command: Command, peer: MakePeer, instance: Write
) -> None:
    """Without a window the time between request and response is made use of by other associations."""
    paths = [instance(f"{n}.dcm", number=n) for n in range(1, 31)]
    archive = peer()
    assert command("send", archive.address, *paths, "--associations", "auto").code == 0
    assert len(archive.instances) == 30
    assert len(archive.requests) > 1


def test_a_window_is_proposed_if_asked_for(command: Command, peer: MakePeer, instance: Write) -> None:
    """--window tells the peer how many operations may be outstanding."""
    archive = peer()
    assert command("send", archive.address, instance("a.dcm", number=1), "--window", 8).code == 0
    assert archive.requests[0].async_window[0] == 8


def test_an_uncompressed_file_is_converted_where_it_must_be(command: Command, peer: MakePeer, instance: Write) -> None:
    """A peer that knows implicit VR alone gets the same values in it."""
    implicit = "1.2.840.10008.1.2"
    path = instance("a.dcm", number=1)

    def implicit_only(associate: Any) -> Any:
        answer = associate.accept_all()
        for proposed, context in zip(associate.contexts, answer.contexts, strict=True):
            if implicit not in proposed.transfer_syntaxes:
                context.result = 4
        return answer

    archive = peer(answer=implicit_only)
    outcome = command("send", archive.address, path)
    assert (outcome.code, outcome.err) == (0, "")
    [message] = archive.stored
    assert message.data.transfer_syntax_uid == implicit


def ending(how: str, *, at: str, after: bool = False) -> Callable[[Any, Any], int | None]:
    """Success for every instance but this one, which ends the association; so do those after it, if they shall."""
    reached = threading.Event()

    def perform(message: Any, net: Any) -> int | None:
        if message.affected_sop_instance_uid == at:
            reached.set()
        elif not (after and reached.is_set()):
            return 0
        if how == "abort":
            net.send_abort()
        else:
            net.close(force=True)
        return None

    return perform


def test_the_rest_is_looked_at_while_the_first_are_sent(
    command: Command, peer: MakePeer, instance: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of many files the first suffice to begin with; what comes later is counted, skipped and told as if it were known."""
    monkeypatch.setattr(send, "LOOK_AHEAD", 3)
    monkeypatch.setattr(send, "AT_A_TIME", 2)
    paths = [instance(f"{n}.dcm", number=n) for n in range(1, 9)]
    looked_at: list[int] = []
    really_open = InstanceFile.open

    def note(path: Path, **options: Any) -> InstanceFile:
        looked_at.append(int(path.stem))
        return really_open(path, **options)

    monkeypatch.setattr(InstanceFile, "open", note)
    known_at_first: list[int] = []

    def store(message: Any, net: Any) -> int:
        known_at_first.extend([] if known_at_first else looked_at)
        return Status.SUCCESS

    paths[6].write_text("not an image" * 50)
    archive = peer(store=store)
    outcome = command("send", archive.address, *paths)
    assert outcome.code == 0
    assert outcome.out.startswith("7 stored, 1 skipped, ")
    assert outcome.err.startswith("skipped 1 file: not an instance: ")
    assert known_at_first == [1, 2, 3]
    assert archive.instances == [f"1.2.3.{n}" for n in (1, 2, 3, 4, 5, 6, 8)]


def test_what_nobody_has_looked_at_is_not_sent_either(
    command: Command, peer: MakePeer, instance: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without an association the summary counts all of it all the same."""
    monkeypatch.setattr(send, "LOOK_AHEAD", 2)
    paths = [instance(f"{n}.dcm", number=n) for n in range(1, 6)]
    outcome = command("send", peer(answer=lambda associate: None).address, *paths)
    assert outcome.code == 1
    assert outcome.out.startswith("0 stored, 5 not sent, ")


def test_kinds_that_are_refused_do_not_take_the_rest_with_them(
    command: Command, peer: MakePeer, instance: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first files tell what is proposed; if the peer wants none of it, others may still be welcome."""
    monkeypatch.setattr(send, "LOOK_AHEAD", 2)
    paths = [instance(f"{n}.dcm", number=n, sop_class=MR if n > 2 else CT) for n in range(1, 5)]

    def take_mr(associate: Any) -> Any:
        answer = associate.accept_all()
        for proposed, context in zip(associate.contexts, answer.contexts, strict=True):
            if proposed.abstract_syntax != MR:
                context.result = 3
        return answer

    outcome = command("send", peer(answer=take_mr).address, *paths)
    assert outcome.out.startswith("2 stored, 2 failed (not accepted), ")


def test_after_an_interrupt_nothing_more_is_looked_at(instance: Write) -> None:
    """Who is impatient does not wait for a count: the summary says that there is more."""
    files = iter([InstanceFile.open(instance(f"{n}.dcm", number=n)) for n in range(1, 4)])
    report = Report()
    report.leave(files, look=False)
    assert "0 stored, 1 not sent and others not looked at, " in report.line(0.1)
    assert len(list(files)) == 2
