"""What a server was told about the files of instances."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest

from announcing import announce
from dicomnet.aio.requests import StoreRequest
from dicomnet.datasets import encode_dataset
from dicomnet.errors import InvalidValue, StorageError
from dicomnet.server.server import Server
from dicomnet.storage import folder, room
from dicomnet.storage.folder import Folder
from dicomnet.uids import CTImageStorage, ExplicitVRLittleEndian
from server.serving import instance, local

UID = "1.2.3.1"
FIRST, SECOND = (encode_dataset(instance(1, size=size), ExplicitVRLittleEndian) for size in (3000, 3002))
BOTH = [(FIRST, CTImageStorage, UID), (SECOND, CTImageStorage, UID), (FIRST, CTImageStorage, UID)]


async def responses(server: Server, *stores: tuple[bytes, str, str], called_ae: str = "ARCHIVE") -> list[Any]:
    async with server:
        return await asyncio.to_thread(announce, server.port, stores, called_ae)


def files(folder: Path) -> dict[str, int]:
    """The files below a folder, and which of the data sets is in them."""
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.name: 1 + path.read_bytes().endswith(SECOND) for path in found}


@pytest.mark.parametrize("layout", [None, "{PatientID}/{instance}.dcm"])
@pytest.mark.parametrize(
    ("policy", "statuses", "kept"),
    [
        ("keep-both", [0, 0, 0], {"1.2.3.1.dcm": 1, "1.2.3.1~2.dcm": 2}),
        ("replace", [0, 0, 0], {"1.2.3.1.dcm": 1}),
        ("refuse", [0, 0x0111, 0], {"1.2.3.1.dcm": 1}),
    ],
)
async def test_duplicates(
    tmp_path: Path, layout: str | None, policy: Any, statuses: list[int], kept: dict[str, int]
) -> None:
    """What becomes of another data set of the same instance; the same one is acknowledged in any case."""
    answers = await responses(local(folder=tmp_path, layout=layout, duplicates=policy), *BOTH)
    assert [answer.status for answer in answers] == statuses
    assert files(tmp_path) == kept
    if policy == "refuse":
        assert answers[1].error_comment == "another data set of this instance is kept already"


async def test_a_title_may_have_rules_of_its_own(tmp_path: Path) -> None:
    """Those of the server hold for the rest."""
    server = local(folder=tmp_path / "a", duplicates="refuse", strict_uids=True)
    server.ae("OTHER", folder=tmp_path / "b", duplicates="replace")
    answers = await responses(server, *BOTH[:2], (FIRST, CTImageStorage, "../1"), called_ae="OTHER")
    assert [answer.status for answer in answers] == [0, 0, 0x0117]
    assert files(tmp_path / "b") == {"1.2.3.1.dcm": 2}


@pytest.mark.parametrize("kind", [str, Folder, "function"])
async def test_a_handler_may_say_it_of_each(tmp_path: Path, kind: Any) -> None:
    """Its word comes before that of the server, and before that of a folder."""
    server = local(duplicates="refuse")
    place = (lambda _: tmp_path / "1.2.3.1.dcm") if kind == "function" else kind(tmp_path)

    @server.on_store
    async def keep(request: StoreRequest) -> None:
        await request.save(place, duplicates="replace")

    assert [answer.status for answer in await responses(server, *BOTH[:2])] == [0, 0]
    assert files(tmp_path) == {"1.2.3.1.dcm": 2}


@pytest.mark.parametrize("layout", [None, "{PatientID}.dcm"])
async def test_what_a_folder_was_told_holds_in_it(tmp_path: Path, layout: str | None) -> None:
    """A handler that keeps instances there need not say it again."""
    server = local()
    folder = Folder(tmp_path, duplicates="refuse")

    @server.on_store
    async def keep(request: StoreRequest) -> None:
        await request.save(folder, layout=layout)

    assert [answer.status for answer in await responses(server, *BOTH)] == [0, 0x0111, 0]


async def test_uids_that_are_none(tmp_path: Path) -> None:
    """They get a name that is safe, or are refused."""
    odd = (FIRST, CTImageStorage, "../../1.2")
    (answer,) = await responses(local(folder=tmp_path / "root", check="off"), odd)
    assert answer.status == 0
    assert [name[:7] for name in files(tmp_path)] == ["sha256-"]
    (answer,) = await responses(local(folder=tmp_path / "root", check="off", strict_uids=True), odd)
    assert (answer.status, answer.error_comment) == (0x0117, "the SOP instance UID is no UID")


@pytest.mark.parametrize("layout", [None, "{PatientID}/{instance}.dcm"])
async def test_a_disk_that_is_nearly_full(
    tmp_path: Path, layout: str | None, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The peer is told to try again later (A700); the server goes on, and the log speaks of it once."""
    monkeypatch.setattr(room, "_VOLUMES", type(room._VOLUMES)())
    with caplog.at_level(logging.WARNING):
        answers = await responses(local(folder=tmp_path, layout=layout, reserve="500000 TB"), *BOTH)
    assert [answer.status for answer in answers] == [0xA700] * 3
    assert {answer.error_comment for answer in answers} == {"the disk is full but for what is to stay free"}
    assert len([record for record in caplog.records if "no room" in record.getMessage()]) == 1
    assert files(tmp_path) == {}


async def test_a_symbolic_link_below_the_folder_is_not_followed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The peer hears that it failed, the log why."""
    (tmp_path / "trap").mkdir()
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "CT").symlink_to(tmp_path / "trap")
    (answer,) = await responses(local(folder=tmp_path / "root", layout="{Modality}/{instance}.dcm"), with_modality())
    assert answer.status == 0x0110
    assert answer.error_comment == "a folder is missing here"
    assert "symbolic links are not followed" in caplog.text
    assert files(tmp_path / "trap") == {}


async def test_leftovers_in_folders_below_go(tmp_path: Path) -> None:
    """When the first instance is laid out there."""
    import os

    left = tmp_path / "old" / ".1.2.3.dcm.0123456789abcdef-0.part"
    left.parent.mkdir()
    left.touch()
    os.utime(left, (0, 0))
    async with local(folder=tmp_path, layout="{PatientID}/{instance}.dcm") as server:
        await asyncio.to_thread(announce, server.port, BOTH[:1])
        async with asyncio.timeout(20):
            while left.exists():
                await asyncio.sleep(0)
    assert files(tmp_path) == {"1.2.3.1.dcm": 1}


@pytest.mark.parametrize(("option", "value"), [("duplicates", "keep"), ("reserve", "a lot")])
def test_what_is_no_rule(option: str, value: str) -> None:
    """It is told when the server is made."""
    with pytest.raises(InvalidValue, match=option):
        local(**{option: value})
    with pytest.raises(InvalidValue, match=option):
        local().ae("OTHER", **{option: value})


def with_modality() -> tuple[bytes, str, str]:
    one = instance(1)
    one.Modality = "CT"
    return encode_dataset(one, ExplicitVRLittleEndian), CTImageStorage, UID


async def test_a_handler_takes_the_place_of_the_folder(tmp_path: Path) -> None:
    """Wholly, or for some classes; there is still only one for all."""
    seen: list[str] = []
    server = local(folder=tmp_path / "a")

    @server.on_store("MRImageStorage")
    async def look(request: StoreRequest) -> None:
        seen.append("MR")
        await request.discard()

    stores = [(SECOND, "1.2.840.10008.5.1.4.1.1.4", UID), (FIRST, CTImageStorage, UID)]
    assert [answer.status for answer in await responses(server, *stores)] == [0, 0]
    assert (seen, files(tmp_path / "a")) == (["MR"], {"1.2.3.1.dcm": 1})

    @server.on_store
    async def take(request: StoreRequest) -> None:
        seen.append("any")
        await request.discard()

    with pytest.raises(InvalidValue, match="already"):
        server.on_store(print)
    assert [answer.status for answer in await responses(server, *BOTH[1:2])] == [0]
    assert (seen, files(tmp_path / "a")) == (["MR", "any"], {"1.2.3.1.dcm": 1})


@pytest.mark.parametrize("where", ["server", "title"])
async def test_a_folder_that_nothing_can_be_kept_in_is_told_at_the_start(
    where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rather than to each modality that sends something; nothing listens then. One that is used by nobody is not looked at."""
    (tmp_path / "file").write_text("in the way")
    server = local(folder=tmp_path / ("file" if where == "server" else "made"))
    if where == "title":
        server.ae("ROUTER", folder=tmp_path / "file")
    with pytest.raises(StorageError, match="file: File exists"), server:
        raise AssertionError
    with pytest.raises(StorageError, match="file: File exists"):
        async with server:
            raise AssertionError
    assert server.port == 0
    monkeypatch.setattr(folder, "is_writable", lambda _: False)
    with pytest.raises(StorageError, match="not writable"), local(folder=tmp_path / "made"):
        raise AssertionError
    server = local(folder=tmp_path / "file")
    server.on_store(print)
    with server:
        pass
