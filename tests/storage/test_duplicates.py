"""What becomes of another data set of an instance that is kept already."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from dicomnet.errors import InvalidValue, StorageError
from dicomnet.storage import platform, temporary
from dicomnet.storage.disk import Disk
from dicomnet.storage.files import FileSink
from dicomnet.storage.folder import Folder
from dicomnet.storage.received import ReceivedData
from dicomnet.storage.sinks import Incoming
from dicomnet.storage.twins import Duplicates
from dicomnet.types import UID
from dicomnet.uids import CTImageStorage, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from faulty import FAULTS, FaultyDisk, names, no_descriptor_left, parts

DATA = b"\10\0\x60\0CS\2\0CT" * 20
OTHER = DATA[:-2] + b"MR"
POLICIES: list[Duplicates] = ["keep-both", "replace", "refuse"]


@pytest.fixture(params=["unnamed", "named", "no links"])
def folder(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    """Keeps files in each of the ways that there are."""
    if request.param != "unnamed":
        monkeypatch.setattr(platform, "HAS_UNNAMED_FILES", False)
    if request.param == "no links":
        monkeypatch.setattr(platform, "HAS_LINK", False)
        monkeypatch.setattr(temporary, "_WITHOUT_LINKS", set())
    return Folder(tmp_path / "root")


class TestPolicies:
    @pytest.mark.parametrize("policy", POLICIES)
    def test_the_same_data_set_is_success(self, folder: Folder, policy: Duplicates) -> None:
        """Under every policy: the sender has lost the answer, or does not know that we have it."""
        first = store(folder, DATA, policy)
        before = (folder.root / "1.2.3.dcm").stat()
        again = store(folder, DATA, policy)
        assert (first.duplicate, again.duplicate) == (False, True)
        assert again.path == folder.root / "1.2.3.dcm"
        assert os.path.samestat((folder.root / "1.2.3.dcm").stat(), before)
        assert visible(folder) == ["1.2.3.dcm"]

    def test_both_are_kept_by_default(self, folder: Folder, caplog: pytest.LogCaptureFixture) -> None:
        """The other one beside the first, which the log says."""
        store(folder, DATA)
        assert store(folder, OTHER).path == folder.root / "1.2.3~2.dcm"
        assert "kept beside it as 1.2.3~2.dcm" in caplog.text
        assert contents(folder) == {"1.2.3.dcm": DATA, "1.2.3~2.dcm": OTHER}

    def test_the_new_one_replaces_the_old_one(self, folder: Folder) -> None:
        """The name stays the same, and what has it already open goes on reading the old one."""
        store(folder, DATA, "replace")
        with (folder.root / "1.2.3.dcm").open("rb") as file:
            received = store(folder, OTHER, "replace")
            assert file.read().endswith(DATA)
        assert (received.path, received.duplicate) == (folder.root / "1.2.3.dcm", False)
        assert received.bytes() == OTHER
        assert contents(folder) == {"1.2.3.dcm": OTHER}
        assert mode(folder.root / "1.2.3.dcm") == 0o640 & ~platform.umask()

    def test_another_transfer_syntax_is_another_data_set(self, folder: Folder) -> None:
        """Though the bytes are the same."""
        store(folder, DATA, "replace")
        assert not store(folder, DATA, "replace", syntax=ImplicitVRLittleEndian).duplicate
        with pytest.raises(StorageError):
            store(folder, DATA, "refuse")

    def test_the_new_one_is_refused(self, folder: Folder) -> None:
        """With a status of its own, and a comment that fits into the response."""
        store(folder, DATA, "refuse")
        with pytest.raises(StorageError, match="exists with other content") as caught:
            store(folder, OTHER, "refuse")
        assert caught.value.status == 0x0111
        assert len(caught.value.comment) <= 64
        assert contents(folder) == {"1.2.3.dcm": DATA}
        assert store(folder, DATA, "refuse").duplicate

    def test_what_was_kept_beside_is_known_when_others_are_refused(self, folder: Folder) -> None:
        """The policy may have been another one before."""
        store(folder, DATA)
        store(folder, OTHER)
        assert store(folder, OTHER, "refuse").path == folder.root / "1.2.3~2.dcm"
        with pytest.raises(StorageError):
            store(folder, DATA + b"ab", "refuse")

    @pytest.mark.parametrize("policy", POLICIES)
    def test_what_is_another_instance_stays(self, folder: Folder, policy: Duplicates) -> None:
        """Names may be chosen so that instances share them; none is lost by that, and none taken for the other."""
        path = folder.root / "a.dcm"
        for uid, data in (("1.2.3", DATA), ("1.2.4", DATA), ("1.2.4", OTHER if policy == "replace" else DATA)):
            sink = FileSink(path, duplicates=policy)
            put(sink, data, incoming(uid))
        kept = OTHER if policy == "replace" else DATA
        assert contents(folder) == {"a.dcm": DATA, "a~2.dcm": kept}

    @pytest.mark.parametrize("policy", POLICIES)
    def test_what_is_no_instance_stays(self, folder: Folder, policy: Duplicates) -> None:
        """A link, a folder, somebody's notes, what is left of an instance: none of it is ours to replace, or in the way."""
        (folder.root / "1.2.3.dcm").symlink_to("elsewhere")
        (folder.root / "1.2.3~2.dcm").mkdir()
        (folder.root / "1.2.3~3.dcm").write_bytes(b"notes")
        (folder.root / "1.2.3~4.dcm").write_bytes(bytes(128) + b"DICM\2\0\0\0UL")
        assert store(folder, DATA, policy).path == folder.root / "1.2.3~5.dcm"
        assert store(folder, DATA, policy).duplicate
        assert (folder.root / "1.2.3.dcm").is_symlink()
        assert not (folder.root / "elsewhere").exists()
        assert (folder.root / "1.2.3~3.dcm").read_bytes() == b"notes"

    def test_there_are_three(self, tmp_path: Path) -> None:
        """Any other word is a mistake."""
        with pytest.raises(InvalidValue, match='or "refuse"'):
            FileSink(tmp_path / "a", duplicates="keep")  # type: ignore[arg-type]


class TestFaults:
    def test_torture(self, tmp_path: Path, folder: Folder) -> None:
        """With any call failing the old one or the new one is there, whole, and the next attempt succeeds."""
        disk = FaultyDisk()
        prepare(folder)
        counting = Folder(folder.root, disk=disk)
        opened = len(disk.calls)
        store(counting, OTHER, "replace")
        for fail_at in range(opened, len(disk.calls)):
            for fault in FAULTS:
                prepare(folder)
                with no_descriptor_left():
                    try:
                        received = store(Folder(folder.root, disk=FaultyDisk(fail_at, fault)), OTHER, "replace")
                        assert received.bytes() == OTHER
                    except StorageError:
                        pass
                    assert set(contents(folder).values()) <= {DATA, OTHER}
                    assert contents(folder)["1.2.3.dcm"] in (DATA, OTHER)
                assert store(Folder(folder.root, durable=False), OTHER, "replace").bytes() == OTHER
                assert parts(folder.root) == []

    def test_what_has_replaced_stays_though_the_folder_cannot_be_synced(self, tmp_path: Path) -> None:
        """The old one is gone, so there would be none; but it does not count as kept, and is written anew."""
        store(Folder(tmp_path), DATA)
        with pytest.raises(StorageError, match="cannot keep"):
            store(Folder(tmp_path, disk=FaultyDisk(1, "EIO", only="fsync_folder")), OTHER, "replace")
        assert contents(Folder(tmp_path)) == {"1.2.3.dcm": OTHER}
        assert not store(Folder(tmp_path), OTHER, "replace").duplicate
        assert store(Folder(tmp_path), OTHER, "replace").duplicate

    def test_what_is_in_doubt_is_written_anew_and_not_refused(self, tmp_path: Path) -> None:
        """Otherwise a failed sync would have the instance refused for good."""
        store(Folder(tmp_path), DATA)
        with pytest.raises(StorageError, match="cannot keep"):  # of the duplicate
            store(Folder(tmp_path, disk=FaultyDisk(1, "EIO", only="fsync")), DATA, "refuse")
        assert not store(Folder(tmp_path), DATA, "refuse").duplicate
        assert store(Folder(tmp_path), DATA, "refuse").duplicate
        assert contents(Folder(tmp_path)) == {"1.2.3.dcm": DATA}

    @pytest.mark.parametrize("named", [False, True])
    def test_what_replaces_is_synced_in_any_case(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, named: bool
    ) -> None:
        """Not to wait for the disk is said of new instances, not of the one that is on it already."""
        monkeypatch.setattr(platform, "HAS_UNNAMED_FILES", not named)
        disk = FaultyDisk()
        folder = Folder(tmp_path, durable=False, disk=disk)
        store(folder, DATA, "replace")
        assert "fsync" not in disk.calls
        store(folder, OTHER, "replace")
        assert disk.calls.index("fsync") < len(disk.calls) - disk.calls[::-1].index("replace")

    def test_what_replaces_is_not_taken_for_what_a_crash_has_left(self, folder: Folder) -> None:
        """Somebody else may open the folder, and tidy up, in the moment in which it has a hidden name."""
        root = folder.root
        store(folder, DATA)

        class Meanwhile(Disk):
            def replace(self, folder: platform.OpenFolder, old: str, new: str) -> None:
                os.utime(root / old, (0, 0))
                Folder(root)
                super().replace(folder, old, new)

        assert store(Folder(root, disk=Meanwhile()), OTHER, "replace").bytes() == OTHER
        assert contents(folder) == {"1.2.3.dcm": OTHER}

    def test_what_could_not_replace_leaves_nothing(self, folder: Folder) -> None:
        """Until the next start it would be there for nobody."""
        store(folder, DATA)
        for only in ("replace", "lock"):
            disk = FaultyDisk(0, "EIO", only=only)
            with pytest.raises(StorageError):
                store(Folder(folder.root, disk=disk), OTHER, "replace")
            assert contents(folder) == {"1.2.3.dcm": DATA}
            assert parts(folder.root) == []

    def test_a_name_that_goes_meanwhile_is_free(self, tmp_path: Path) -> None:
        """Between the attempt to take it and the look at who has it."""
        store(Folder(tmp_path), DATA)

        class Gone(Disk):
            def open_read(self, folder, name):
                (tmp_path / "1.2.3.dcm").unlink(missing_ok=True)
                return super().open_read(folder, name)

        assert store(Folder(tmp_path, disk=Gone()), OTHER, "refuse").path == tmp_path / "1.2.3.dcm"

    def test_a_file_that_cannot_be_read_is_an_error(self, tmp_path: Path) -> None:
        """Nobody knows what is in it."""
        store(Folder(tmp_path), DATA)

        class Broken(Disk):
            def open_read(self, folder, name):
                raise OSError(errno.EIO, "no")

        with pytest.raises(StorageError, match="cannot keep"):
            store(Folder(tmp_path, disk=Broken()), OTHER, "replace")
        assert contents(Folder(tmp_path)) == {"1.2.3.dcm": DATA}


class TestAtTheSameTime:
    @pytest.mark.parametrize("patient", [True, False])
    def test_where_names_are_given_one_at_a_time_who_comes_second_waits(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, patient: bool
    ) -> None:
        """For as long as it may take to give one, and not longer."""
        monkeypatch.setattr(platform, "HAS_UNNAMED_FILES", False)
        monkeypatch.setattr(platform, "HAS_LINK", False)
        monkeypatch.setattr(temporary, "_WITHOUT_LINKS", set())
        monkeypatch.setattr(temporary, "_LONGEST_NAMING", 60.0 if patient else 0.0)
        mark = tmp_path / temporary.MARK
        first = os.open(mark, os.O_RDWR | os.O_CREAT)
        assert platform.lock(first)
        refused: list[int] = []

        class Waiting(Disk):
            def lock(self, descriptor: int) -> bool | None:
                locked = super().lock(descriptor)
                if locked is False:
                    refused.append(descriptor)
                    if patient and len(refused) == 3:
                        os.close(first)
                return locked

        folder = Folder(tmp_path, disk=Waiting())
        if patient:
            assert store(folder, DATA).path == tmp_path / "1.2.3.dcm"
            assert len(refused) == 3
        else:
            with pytest.raises(StorageError, match="locked by somebody else"):
                store(folder, DATA)
            os.close(first)
        assert parts(tmp_path) == []

    @pytest.mark.parametrize("policy", POLICIES)
    def test_threads(self, folder: Folder, policy: Duplicates) -> None:
        """Of several senders with different data sets one gets the name, and the others what the policy says."""
        barrier = threading.Barrier(4)
        outcomes: list[ReceivedData | StorageError] = []

        def one(number: int) -> None:
            sink = folder.sink_for(incoming(), duplicates=policy)
            sink.open(incoming())
            sink.write([memoryview(variant(number))])
            barrier.wait(10)
            try:
                outcomes.append(sink.finish())
            except StorageError as error:
                outcomes.append(error)

        threads = [threading.Thread(target=one, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        check(folder, policy, [outcome for outcome in outcomes if isinstance(outcome, ReceivedData)], len(outcomes))

    @pytest.mark.parametrize("policy", POLICIES)
    def test_processes(self, folder: Folder, policy: Duplicates, request: pytest.FixtureRequest) -> None:
        """The same without a lock in common but those of the file system."""
        way = request.node.callspec.params["folder"]
        senders = [
            subprocess.Popen(
                [sys.executable, "-c", _SENDER, way, str(folder.root), policy, str(number)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            )
            for number in range(2)
        ]
        for sender in senders:
            assert sender.stdout is not None
            assert sender.stdout.readline() == "ready\n"
        kept = 0
        for sender in senders:
            assert sender.stdin is not None
            sender.stdin.write("go\n")
            sender.stdin.flush()
        for sender in senders:
            output, _ = sender.communicate(timeout=30)
            kept += output.count("kept")
            assert sender.returncode == 0
        held = contents(folder)
        assert set(held.values()) <= {variant(0), variant(1)}
        assert kept == (1 if policy == "refuse" else 2)
        assert len(held) == (2 if policy == "keep-both" else 1)
        assert parts(folder.root) == []


def check(folder: Folder, policy: Duplicates, kept: list[ReceivedData], senders: int) -> None:
    held = contents(folder)
    plain = folder.root / "1.2.3.dcm"
    if policy == "keep-both":
        assert [data.path for data in kept].count(plain) == 1
        assert sorted(held.values()) == sorted(map(variant, range(senders)))
    elif policy == "replace":
        assert {data.path for data in kept} == {plain}
        assert len(kept) == senders
        assert list(held) == ["1.2.3.dcm"]
    else:
        assert [data.path for data in kept] == [plain]
        assert list(held.values()) == [kept[0].bytes()]
    assert parts(folder.root) == []


def variant(number: int) -> bytes:
    return DATA + f"\10\0\x60\0CS\2\0{number:02}".encode()


def prepare(folder: Folder) -> None:
    for path in folder.root.iterdir():
        path.unlink()
    store(Folder(folder.root, durable=False), DATA)


def visible(folder: Folder) -> list[str]:
    return [name for name in names(folder.root) if not name.startswith(".")]


def contents(folder: Folder) -> dict[str, bytes]:
    """What is visible, without the headers."""
    return {name: data_of(folder.root / name) for name in visible(folder)}


def data_of(path: Path) -> bytes:
    whole = path.read_bytes()
    return whole[whole.index(DATA[:10]) :]


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def incoming(uid: str = "1.2.3", syntax: UID = ExplicitVRLittleEndian) -> Incoming:
    return Incoming(CTImageStorage, UID(uid), syntax, "MOD", "ARCH", "C-STORE-RQ")


def store(
    folder: Folder, data: bytes, policy: Duplicates = "keep-both", *, syntax: UID = ExplicitVRLittleEndian
) -> ReceivedData:
    what = incoming(syntax=syntax)
    return put(folder.sink_for(what, duplicates=policy), data, what)


def put(sink: FileSink, data: bytes, what: Incoming) -> ReceivedData:
    try:
        sink.open(what)
        sink.write([memoryview(data)])
        return sink.finish()
    except StorageError:
        sink.discard()
        raise


_SENDER = """
import sys
sys.path.insert(0, "tests/storage"); sys.path.insert(0, "tests")
from dicomnet.errors import StorageError
from dicomnet.storage import platform
from dicomnet.storage.folder import Folder
from test_duplicates import incoming, variant

way, root, policy, number = sys.argv[1:]
platform.HAS_UNNAMED_FILES &= way == "unnamed"
platform.HAS_LINK &= way != "no links"
sink = Folder(root).sink_for(incoming(), duplicates=policy)
sink.open(incoming())
sink.write([memoryview(variant(int(number)))])
print("ready", flush=True)
sys.stdin.readline()
try:
    sink.finish()
    print("kept")
except StorageError as error:
    print(f"{error.status:04X}")
"""
