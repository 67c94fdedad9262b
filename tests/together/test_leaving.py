"""Operations that are left in the middle: the peer hears of it, its handler ends, and the association goes on."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from both_shells.faces import OnLoop
from dicomnet import Server, aio
from dicomnet.uids import CTImageStorage
from together.serving import PATIENCE, address_of, attributes, eventually

Serve = Callable[..., Server]
Call = Callable[..., Any]
Study = Callable[..., Path]

MATCH = {"StudyInstanceUID": "1.2.9", "PatientID": "47"}


class Endless:
    """A handler that gives without end what it has, and tells when it was stopped."""

    def __init__(self, *what: Any, plain: bool) -> None:
        self.stopped = threading.Event()
        self.given = 0
        self.handler = self._give if plain else self._give_async
        self._what = what

    def _give(self, request: Any) -> Any:
        try:
            while True:
                self.given += 1
                yield from self._what
        finally:
            self.stopped.set()

    async def _give_async(self, request: Any) -> Any:
        try:
            while True:
                self.given += 1
                for one in self._what:
                    yield one
                if (
                    self.given % 64 == 0
                ):  # both sides are in this process: a loop that never rests keeps the other from running
                    await asyncio.sleep(0.001)
        finally:
            self.stopped.set()


@pytest.fixture(params=[True, False], ids=["def", "async"])
def plain(request: pytest.FixtureRequest) -> bool:
    """Whether handlers run in threads."""
    chosen: bool = request.param
    return chosen


def test_a_loop_over_matches_is_left_early(serve: Serve, call: Call, window: int, plain: bool) -> None:
    """By break, several times; what is asked next on the same association is answered."""
    server = serve()
    endless = Endless(MATCH, plain=plain)
    server.on_find(endless.handler)
    with call(server, "verification", "study-root-find", window=window) as association:
        for _ in range(3):
            endless.stopped.clear()
            for number, match in enumerate(association.find(PatientID="")):
                assert match.PatientID == "47"
                if number == 2:
                    break
            assert association.echo() == 0
        with association.find(PatientID="") as matches:
            next(iter(matches))
        assert association.echo() == 0
    assert endless.stopped.wait(PATIENCE)


def test_a_loop_is_left_with_more_matches_on_their_way_than_are_kept(
    serve: Serve, call: Call, plain: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are thrown away, and what is asked next need not wait until its time is up."""
    monkeypatch.setattr("dicomnet.exchanges.session._FAR_TOO_MANY_UNREAD", 300)
    server = serve()
    endless = Endless(MATCH, plain=plain)
    server.on_find(endless.handler)
    with call(server, "verification", "study-root-find") as association:
        for _ in range(3):
            before = endless.given
            next(iter(association.find(PatientID="")))
            eventually(lambda before=before: endless.given > before + 1000, "nothing is on its way")
            assert association.echo() == 0


def test_a_loop_on_the_event_loop_is_left_early(serve: Serve, plain: bool, nothing_left: None) -> None:
    """By break out of an ``async for``."""
    server = serve()
    endless = Endless(MATCH, plain=plain)
    server.on_find(endless.handler)

    async def main() -> None:
        contexts = ["verification", "study-root-find"]
        async with aio.associate(address_of(server), contexts=contexts) as association:
            async for match in association.find(PatientID=""):
                assert match.PatientID == "47"
                break
            assert await association.echo() == 0
        async with aio.Peer(address_of(server)) as peer:
            async for _ in peer.find(PatientID=""):
                break
            assert await peer.echo() == 0

    loop = OnLoop("asyncio")
    try:
        loop.run(main())
    finally:
        loop.close()
    assert endless.stopped.wait(PATIENCE)


def test_a_get_is_stopped_in_the_middle(serve: Serve, call: Call, window: int, study: Study, tmp_path: Path) -> None:
    """Some have come, the others never will, and the peer says so (PS3.4 C.4.3.1.4)."""
    server, files = serve(), study(200, size=20_000)
    server.on_get(lambda request: files)
    arrived: list[Any] = []
    with call(server, "verification", "study-root-get", CTImageStorage, window=window) as association:
        report = association.get(
            tmp_path / "out",
            StudyInstanceUID="1.2.9",
            on_instance=arrived.append,
            stop=lambda: len(arrived) >= 3,
            check=False,
        )
        assert report.status.is_cancel
        assert 3 <= len(report.received) < 200
        assert len(list((tmp_path / "out").iterdir())) == len(report.received)
        assert association.echo() == 0


def test_a_get_whose_instances_never_end_is_stopped(
    serve: Serve, call: Call, window: int, plain: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the first of them is sent: all are collected first, while the peer hears that we are at it."""
    monkeypatch.setattr("dicomnet.aio.suboperations.PENDING_TIME", 0.02)
    server, asked = serve(), threading.Event()
    endless = Endless(attributes(SOPClassUID=CTImageStorage, SOPInstanceUID="1.2.3"), plain=plain)

    def ask() -> bool:
        return asked.is_set() or asked.set() or False

    server.on_get(endless.handler)
    with call(server, "verification", "study-root-get", CTImageStorage, window=window) as association:
        report = association.get(None, StudyInstanceUID="1.2.9", stop=ask, check=False)
        assert report.status.is_cancel
        assert association.echo() == 0
    assert endless.stopped.wait(PATIENCE)


def test_a_move_is_stopped_in_the_middle(serve: Serve, call: Call, window: int, study: Study, tmp_path: Path) -> None:
    """What was sent is there and counted, and no more comes."""
    destination = serve("WS1")
    files, begun = study(200, size=20_000), threading.Event()

    @destination.on_store
    async def keep(request: Any) -> None:
        await request.save(tmp_path / "out")
        begun.set()

    mover = serve(peers={"WS1": ("127.0.0.1", destination.port)})
    mover.on_move(lambda request: files)
    with call(mover, "verification", "study-root-move", window=window) as association:
        report = association.move("WS1", StudyInstanceUID="1.2.9", stop=begun.is_set, check=False)
        assert report.status.is_cancel
        assert association.echo() == 0
    assert report.completed == len(list((tmp_path / "out").glob("*.dcm")))
    assert 0 < report.completed < 200
