"""The folders that handlers name."""

from __future__ import annotations

import gc
import os
import threading
from pathlib import Path

import pytest

from dicomnet.aio import places as module
from dicomnet.aio.places import Places
from dicomnet.storage.folder import Folder
from dicomnet.storage.rules import FileRules


def test_a_folder_is_opened_once_as_long_as_its_path_leads_there(tmp_path: Path) -> None:
    """And anew when another one has its name."""
    places, rules = Places(), FileRules()
    first = places.folder(str(tmp_path / "a"), rules)
    assert places.folder(tmp_path / "b" / ".." / "a", rules) is first
    (tmp_path / "a").rename(tmp_path / "c")
    assert places.folder(str(tmp_path / "a"), rules) is not first


def test_a_folder_for_every_study_leaves_descriptors_for_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the last ones stay open."""
    monkeypatch.setattr(module, "OPEN_FOLDERS", 3)
    gc.collect()
    places, rules, before = Places(), FileRules(), descriptors()
    for number in range(20):
        places.folder(str(tmp_path / str(number)), rules)
    assert descriptors() <= before + 3
    assert places.folder(str(tmp_path / "19"), rules) is places.folder(str(tmp_path / "19"), rules)


def test_a_disk_that_stands_still_holds_up_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who keeps instances in another folder goes on, and gets there in time."""
    asked, moves = threading.Event(), threading.Event()

    class Slow(Folder):
        def __init__(self, root: str, **options: object) -> None:
            if root.endswith("slow"):
                asked.set()
                moves.wait(60)
            super().__init__(root, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "Folder", Slow)
    places, rules = Places(), FileRules()
    hung = threading.Thread(target=places.folder, args=(str(tmp_path / "slow"), rules))
    hung.start()
    assert asked.wait(10)
    other = threading.Thread(target=places.folder, args=(str(tmp_path / "quick"), rules), daemon=True)
    other.start()
    other.join(10)
    alive = other.is_alive()
    moves.set()
    hung.join(10)
    assert not alive
    assert (tmp_path / "slow").is_dir()


def descriptors() -> int:
    return len(os.listdir("/dev/fd"))  # noqa: PTH208
