from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bench.data import SR, generate
from bench.kept import NotKept, compare


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """What was sent, and a true copy of it under other names."""
    sent, kept = tmp_path / "sent", tmp_path / "kept"
    generate(SR, 4, sent)
    (kept / "deeper").mkdir(parents=True)
    for path in sent.iterdir():
        shutil.copy(path, kept / "deeper" / path.stem)
    return sent, kept


def a_file(folder: Path) -> Path:
    return min((folder / "deeper").iterdir())


def test_a_copy_is_what_was_sent(folders: tuple[Path, Path]) -> None:
    """Names and folders are the receiver's business."""
    assert compare(*folders, copies=True) == 4


def test_a_missing_instance_is_noticed(folders: tuple[Path, Path]) -> None:
    """Fewer files than were sent are no result."""
    a_file(folders[1]).unlink()
    with pytest.raises(NotKept, match="1 of 4 instances are missing"):
        compare(*folders, copies=False)


def test_a_short_data_set_is_noticed(folders: tuple[Path, Path]) -> None:
    """Each file is measured."""
    with a_file(folders[1]).open("r+b") as file:
        file.truncate(3000)
    with pytest.raises(NotKept, match="bytes, not"):
        compare(*folders, copies=True)


def test_other_bytes_are_noticed(folders: tuple[Path, Path]) -> None:
    """Samples are compared byte by byte."""
    with a_file(folders[1]).open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"\xff")
    with pytest.raises(NotKept, match="other bytes"):
        compare(*folders, copies=True)


def test_what_is_left_over_is_noticed(folders: tuple[Path, Path]) -> None:
    """Of a receiver that keeps what it receives there must be nothing else."""
    (folders[1] / "half.tmp").write_bytes(b"half")
    with pytest.raises(NotKept, match="no instance"):
        compare(*folders, copies=True)


def test_an_archive_may_have_files_of_its_own(folders: tuple[Path, Path]) -> None:
    """One with an index is only asked for the instances."""
    (folders[1] / "index.db").write_bytes(b"SQLite")
    assert compare(*folders, copies=False) == 4


def test_an_instance_nobody_sent_is_noticed(folders: tuple[Path, Path]) -> None:
    """What was left from another run must not count."""
    sent, kept = folders
    min(sent.iterdir()).unlink()
    with pytest.raises(NotKept, match="nobody sent"):
        compare(sent, kept, copies=True)
