"""Many associations at once, and many operations on one."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from dicomnet import AssociationRejected, Limits, Server
from dicomnet.uids import CTImageStorage
from raw import RawPeer, echo
from together.serving import PATIENCE, Meeting, eventually, instance

Serve = Callable[..., Server]
Call = Callable[..., Any]
Study = Callable[..., Path]

CROWD = 200


def test_two_hundred_associations_at_once_are_all_served(serve: Serve, call: Call, tmp_path: Path) -> None:
    """All are open before the first is used; one more is rejected, for the time being (PS3.8 9.3.4)."""
    limits = Limits(associations=CROWD, associations_per_address=CROWD)
    server = serve(folder=tmp_path / "kept", durable=False, limits=limits)
    server.on_find(lambda request: [{"StudyInstanceUID": "1.2.9", "PatientID": request.identifier.PatientID}])
    all_open, rejected = threading.Barrier(CROWD + 1), threading.Event()

    def work(number: int) -> tuple[int, bool, list[str]]:
        with call(server, "verification", CTImageStorage, "study-root-find") as association:
            all_open.wait(PATIENCE * 2)
            rejected.wait(PATIENCE * 2)
            status = association.echo()
            report = association.store(instance(number, size=10_000))
            return status, report.ok, [match.PatientID for match in association.find(PatientID=str(number))]

    with ThreadPoolExecutor(CROWD) as pool:
        working = [pool.submit(work, number) for number in range(CROWD)]
        all_open.wait(PATIENCE * 2)
        try:
            with pytest.raises(AssociationRejected) as refusal:
                call(server)
        finally:
            rejected.set()
        results = [one.result() for one in working]
    assert results == [(0, True, [str(number)]) for number in range(CROWD)]
    assert (refusal.value.result, refusal.value.source, refusal.value.reason) == (2, 3, 2)
    assert len(list((tmp_path / "kept").iterdir())) == CROWD


def test_one_address_does_not_lock_out_the_others(serve: Serve, call: Call) -> None:
    """It has its own limit, and room again when one of its associations is over."""
    server = serve(limits=Limits(associations_per_address=2))
    with call(server), call(server) as second:
        with pytest.raises(AssociationRejected):
            call(server)
        with call(server, local=("127.0.0.2", 0)) as other:
            assert other.echo() == 0
        second.release()
        eventually(lambda: len(server._site.running._connections) == 1, "the place is not free")
        with call(server) as third:
            assert third.echo() == 0


@pytest.mark.parametrize("size", [1, 4, 16])
@pytest.mark.parametrize("plain", [True, False], ids=["def", "async"])
def test_handlers_of_an_association_run_together_up_to_the_window(
    serve: Serve, call: Call, study: Study, size: int, plain: bool
) -> None:
    """Each waits for the others of its window, so that it only ends well if they are there; threads are four at most."""
    server, files = serve(), study(3 * size)
    expected = min(size, 4) if plain else size
    meeting, met = Meeting(expected), asyncio.Event()

    def keep(request: Any) -> None:
        with meeting:
            assert meeting.complete.wait(PATIENCE)
            request.discard()

    async def keep_async(request: Any) -> None:
        with meeting:
            if meeting.complete.is_set():
                met.set()
            await asyncio.wait_for(met.wait(), PATIENCE)
            await request.discard()

    server.on_store(keep if plain else keep_async)
    with call(server, CTImageStorage, window=size) as association:
        assert association.store(files).ok
    assert meeting.most == expected


def test_a_peer_that_sends_ahead_is_performed_within_its_window(serve: Serve) -> None:
    """Five requests at once where one was negotiated: one after the other (PS3.7 D.3.3.3)."""
    server, meeting = serve(), Meeting(2)

    @server.on_echo
    async def answer(request: Any) -> None:
        with meeting:
            for _ in range(10):
                await asyncio.sleep(0)

    with RawPeer(server.port) as peer:
        peer.associate()
        peer.send(b"".join(echo(number) for number in range(1, 6)))
        for _ in range(5):
            assert peer.take_pdu()[:1] == b"\4"
    assert meeting.most == 1
