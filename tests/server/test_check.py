"""What a server does with data sets that are not what was announced, or not whole."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest

from announcing import announce
from dicomnet.aio.requests import StoreRequest
from dicomnet.datasets import encode_dataset
from dicomnet.errors import InvalidValue
from dicomnet.server.server import Server
from dicomnet.storage.destination import MEMORY
from dicomnet.storage.folder import Folder
from dicomnet.uids import CTImageStorage, ExplicitVRLittleEndian, MRImageStorage
from server.serving import instance, local

UID = "1.2.3.1"
WHOLE = encode_dataset(instance(1, size=3000), ExplicitVRLittleEndian)
CUT = WHOLE[:-100]

GOOD = (WHOLE, CTImageStorage, UID)
OTHER_INSTANCE = (WHOLE, CTImageStorage, "1.2.3.2")
OTHER_CLASS = (WHOLE, MRImageStorage, UID)
CUT_OFF = (CUT, CTImageStorage, UID)
ALL = (GOOD, OTHER_INSTANCE, OTHER_CLASS, CUT_OFF)


async def statuses(server: Server, *stores: tuple[bytes, str, str]) -> list[int]:
    return [response.status for response in await responses(server, *stores)]


async def responses(server: Server, *stores: tuple[bytes, str, str]) -> list[Any]:
    async with server:
        return await asyncio.to_thread(announce, server.port, stores)


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("layout", [None, "{PatientID}/{instance}.dcm"])
async def test_what_nobody_could_use_is_refused(tmp_path: Path, layout: str | None) -> None:
    """The peer hears why, and nothing is left of it; what is good is kept."""
    good, other, mr, cut = await responses(local(folder=tmp_path, layout=layout), *ALL)
    assert [each.status for each in (good, other, mr, cut)] == [0, 0xA900, 0xA900, 0xC000]
    assert other.error_comment == "SOP instance UID (0008,0018) is not that of the command: 1.2...."
    assert mr.error_comment.startswith("SOP class UID (0008,0016) is not that of the command: ")
    assert cut.error_comment.startswith(f"the data set ends at byte {len(CUT)} in (0009,1010), ")
    assert files(tmp_path) == ["1.2.3.1.dcm"]


async def test_or_kept_with_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """B007 with the same comment, the element that differs, and a line in the log; the bytes are as they came."""
    with caplog.at_level(logging.WARNING):
        good, other, _, cut = await responses(local(folder=tmp_path, check="warn"), *ALL)
    assert [each.status for each in (good, other, cut)] == [0, 0xB007, 0xB007]
    assert (other.offending_element, cut.offending_element) == ((0x0008_0018,), ())
    assert cut.error_comment.startswith("the data set ends at byte")
    assert (
        "kept, though SOP instance UID (0008,0018) is not that of the command: 1.2.3.1 instead of 1.2.3.2"
        in caplog.text
    )
    assert files(tmp_path) == ["1.2.3.1.dcm", "1.2.3.1~2.dcm", "1.2.3.2.dcm"]
    assert (tmp_path / "1.2.3.1~2.dcm").read_bytes().endswith(CUT)


async def test_or_not_looked_at(tmp_path: Path) -> None:
    """Then everything is a success."""
    assert await statuses(local(folder=tmp_path, check="off"), *ALL) == [0, 0, 0, 0]


@pytest.mark.parametrize("check", ["refuse", "warn", "off"])
@pytest.mark.parametrize("where", ["path", "folder", "function", "function of a folder"])
async def test_a_handler_saves_as_its_server_was_told(tmp_path: Path, where: str, check: Any) -> None:
    """Whatever the destination, as long as it is a file."""
    destinations: dict[str, Any] = {
        "path": tmp_path,
        "folder": Folder(tmp_path),
        "function": lambda incoming: tmp_path / "a.dcm",
        "function of a folder": lambda incoming: tmp_path,
    }
    server = local(check=check)

    @server.on_store
    async def keep(request: StoreRequest) -> None:
        await request.save(destinations[where])

    assert await statuses(server, OTHER_INSTANCE) == [{"refuse": 0xA900, "warn": 0xB007, "off": 0}[check]]
    assert len(files(tmp_path)) == (check != "refuse")


@pytest.mark.parametrize("server_check", ["refuse", "off"])
async def test_or_as_it_says_itself(tmp_path: Path, server_check: Any) -> None:
    """For one instance; what was warned of is in its hand."""
    server, found = local(check=server_check), []

    @server.on_store
    async def keep(request: StoreRequest) -> None:
        data = await request.save(tmp_path, check="warn")
        found.append(data.problem)

    assert await statuses(server, GOOD, CUT_OFF) == [0, 0xB007]
    assert found[0] is None
    assert found[1] is not None
    assert found[1].status == 0xC000


async def test_a_handler_has_the_last_word(tmp_path: Path) -> None:
    """A status of its own that is no success stays, and what it holds in memory is its own to judge."""
    server, statuses_given = local(check="warn"), iter([0xB000, None])

    @server.on_store
    async def keep(request: StoreRequest) -> int | None:
        status = next(statuses_given)
        await request.save(tmp_path if status else MEMORY)
        return status

    assert await statuses(server, CUT_OFF, CUT_OFF) == [0xB000, 0]


async def test_what_was_read_first_is_checked_when_it_is_saved(tmp_path: Path) -> None:
    """The handler may look at it before."""
    server = local()

    @server.on_store
    async def keep(request: StoreRequest) -> None:
        assert await request.bytes()
        await request.save(tmp_path)

    assert await statuses(server, GOOD, CUT_OFF) == [0, 0xC000]
    assert files(tmp_path) == ["1.2.3.1.dcm"]


async def test_titles_have_checks_of_their_own(tmp_path: Path) -> None:
    """Those of the server, unless given."""
    server = local(folder=tmp_path, check="warn")
    server.ae("STRICT", folder=tmp_path, check="refuse")
    server.ae("SAME", folder=tmp_path)
    async with server:
        for title, status in (("STRICT", 0xA900), ("SAME", 0xB007)):
            (response,) = await asyncio.to_thread(announce, server.port, [OTHER_INSTANCE], title)
            assert response.status == status


async def test_a_check_that_is_none_is_refused(tmp_path: Path) -> None:
    """By the server at once, by `save` before anything is taken."""
    with pytest.raises(InvalidValue, match="check is"):
        local(check="strict")
    server = local()

    @server.on_store
    async def keep(request: StoreRequest) -> None:
        with pytest.raises(InvalidValue, match="check is"):
            await request.save(tmp_path, check="no")  # type: ignore[arg-type]
        await request.discard()

    assert await statuses(server, GOOD) == [0]


async def test_what_nobody_watches_and_what_somebody_watches(tmp_path: Path) -> None:
    """A folder without a handler takes another way while there are observers; what is answered is the same."""
    for check, expected in (("refuse", [0, 0xA900, 0xA900, 0xC000]), ("warn", [0, 0xB007, 0xB007, 0xB007])):
        server = local(folder=tmp_path / check, check=check)
        server.observe(lambda event: None)
        assert await statuses(server, *ALL) == expected
