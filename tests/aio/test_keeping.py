"""A place that stands for a handler."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from aio.archive import Archive, instance
from dicomnet.aio import associate
from dicomnet.aio.keeping import Keep
from dicomnet.aio.observe import Observers, RequestAnswered
from dicomnet.dimse.status import Status
from dicomnet.storage.folder import Folder
from dicomnet.storage.received import ReceivedData
from faulty import names


async def store(archive: Archive, count: int = 3, *, window: int | None = None) -> list[Any]:
    """What became of so many instances."""
    async with associate(archive.address, contexts=["CTImageStorage"], window=window) as association:
        report = await association.store([instance(number) for number in range(1, count + 1)], check=False)
    return [result.status for result in report]


@pytest.fixture(params=[True, False], ids=["watched", "unwatched"])
def watched(request: pytest.FixtureRequest) -> bool:
    """Whether somebody observes, for whom each request is performed by a task."""
    chosen: bool = request.param
    return chosen


def archive_of(keep: Keep, watched: bool) -> Archive:
    archive = Archive({"store": keep})
    if not watched:
        archive.provider.observers = Observers()
    return archive


@pytest.mark.parametrize("window", [None, 16])
async def test_what_is_stored_is_in_its_place(tmp_path: Path, watched: bool, window: int | None) -> None:
    """Each is told of before it is answered."""
    told: list[ReceivedData] = []
    async with archive_of(Keep(Folder(tmp_path), told=told.append), watched) as archive:
        assert await store(archive, 20, window=window) == [Status.SUCCESS] * 20
        assert [len(archive.of(RequestAnswered))] == [20 if watched else 0]
    assert len(told) == len(names(tmp_path)) == 20
    assert {data.path for data in told} == set(tmp_path.iterdir())


async def test_a_place_may_be_a_path_that_is_not_there_yet(tmp_path: Path, watched: bool) -> None:
    """As for a handler that saves."""
    async with archive_of(Keep(tmp_path / "in" / "coming"), watched) as archive:
        assert await store(archive) == [Status.SUCCESS] * 3
    assert len(names(tmp_path / "in" / "coming")) == 3


async def test_what_cannot_be_kept_is_answered_with_its_status(tmp_path: Path, watched: bool) -> None:
    """And the association goes on."""
    (tmp_path / "taken").touch()
    async with archive_of(Keep(tmp_path / "taken"), watched) as archive:
        statuses = await store(archive)
    assert len(statuses) == 3
    assert all(status.is_failure for status in statuses)


async def test_no_place_at_all_is_a_failure_of_ours(watched: bool) -> None:
    """The peer hears 0110."""
    async with archive_of(Keep(object()), watched) as archive:
        assert await store(archive) == [Status.PROCESSING_FAILURE] * 3
