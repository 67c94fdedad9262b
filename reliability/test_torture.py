"""Every call of a store to its disk fails in turn, with each error: no false success, nothing half, and on it goes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest

from dicomnet import sync
from dicomnet.aio.keeping import Keep
from dicomnet.errors import StorageError
from dicomnet.server.layout import Layout
from dicomnet.storage import platform
from dicomnet.storage.folder import Folder
from dicomnet.uids import CTImageStorage
from raw import descriptors
from reliability import figures, scale
from reliability.disk import SimDisk
from reliability.faults import FAULTS, NO_ROOM, Fault
from reliability.ledger import Ledger
from reliability.node import PATIENCE
from reliability.seam import Call, HookedDisk, unhindered
from reliability.stores import LAYOUT, Place, Store, file_of, store_all
from reliability.turns import Turns
from together.serving import Served, eventually

KINDS = {
    "without names": {"links": True, "unnamed": True},
    "with hidden names": {"links": True, "unnamed": False},
    "without links": {"links": False, "unnamed": False},
}
MOST_IMAGES = 24


class Scenario(NamedTuple):
    """What is stored while something fails, after what was there before."""

    before: tuple[Store, ...]
    jobs: tuple[tuple[Store, ...], ...]
    """A thread each."""
    layout: Layout | None = None
    together: bool = False


ONE, SAME, OTHER, TWO = Store(1), Store(1), Store(1, content=1), Store(2)
SCENARIOS = {
    "one store": Scenario((), ((ONE,),)),
    "the same again": Scenario((ONE,), ((SAME,),)),
    "another content": Scenario((ONE,), ((OTHER,),)),
    "three in one go": Scenario((), ((ONE, TWO, Store(3)),), together=True),
    "four at a time": Scenario((), ((ONE,), (SAME,), (OTHER,), (TWO,))),
    "a layout with folders": Scenario((), ((ONE, TWO),), layout=LAYOUT),
}


class Round:
    """One scenario on one disk, of which one call fails."""

    def __init__(self, kind: str, scenario: Scenario, rng: Random) -> None:
        self.ledger = Ledger()
        self.disk = SimDisk(**KINDS[kind])
        self._scenario = scenario
        self._rng = rng
        self._place = Place(self.disk, f"{self.disk.root}/kept", scenario.layout)
        store_all(self._place, list(scenario.before), self.ledger)

    def suffer(self, fault: Fault) -> list[int]:
        """All stores, while the fault lasts: their statuses."""
        statuses: list[int] = []
        turns = Turns(self._rng)

        def hook(call: Call) -> object:
            turns.switch()
            return fault(call)

        def job(stores: tuple[Store, ...]) -> Callable[[], None]:
            return lambda: statuses.extend(
                store_all(self._place, list(stores), self.ledger, together=self._scenario.together)
            )

        self.disk.hook = hook
        turns.run([job(stores) for stores in self._scenario.jobs])
        self.disk.hook = unhindered
        return statuses

    def recover(self) -> list[int]:
        """The same stores again, with nothing wrong any more and without a start: their statuses."""
        stores = [store for job in self._scenario.jobs for store in job]
        return store_all(self._place, stores, self.ledger)

    def problems(self) -> list[str]:
        """What is wrong now, and what would be after a power cut."""
        found = self.ledger.problems(self.disk.files())
        for image in self.disk.images(self._rng, MOST_IMAGES):
            found += [
                f"{problem} (after a power cut)" for problem in self.ledger.problems(image.files(), settled=False)
            ]
        if self.disk.descriptors:
            found.append("OPEN")
        return found


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", SCENARIOS)
def test_every_call_fails_in_turn(name: str, kind: str) -> None:
    """With each error: what was acknowledged survives even a power cut, and the next stores work."""
    scenario, rng = SCENARIOS[name], Random(f"{scale.SEED} {name} {kind}")
    counted = Fault()
    Round(kind, scenario, Random(scale.SEED)).suffer(counted)
    rounds = refused = 0
    for number, call in enumerate(counted.calls):
        for what in FAULTS if scale.WHOLE else rng.sample(FAULTS, 3):
            one, fault = Round(kind, scenario, Random(scale.SEED)), Fault(number, what)
            statuses = one.suffer(fault)
            told = f"{what} at call {number}, {call}"
            assert fault.struck, told
            assert set(statuses) <= {0, 0x0110, 0xA700}, told
            if what in NO_ROOM:
                assert 0x0110 not in statuses, told
            assert one.problems() == [], told
            assert set(one.recover()) == {0}, told
            assert one.problems() == [], f"{told}, and then all is well again"
            refused += sum(status != 0 for status in statuses)
            rounds += 1
    figures.tell(
        f"each call of the disk fails, {name}, {kind}: {rounds} faults", f"{refused} refused, 0 false successes"
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("layout", [None, LAYOUT], ids=["flat", "folders"])
def test_a_start_with_leftovers_fails_in_turn(layout: Layout | None, kind: str) -> None:
    """It says so, or begins; the next one does, and cleans up."""
    for number in range(200):
        for what in FAULTS:
            ledger, disk, fault = Ledger(), SimDisk(**KINDS[kind]), Fault(number, what)
            place = Place(disk, f"{disk.root}/kept", layout)
            store_all(place, [ONE], ledger)
            TWO.begin(place.sink_for(TWO), ledger)
            after = disk.killed()
            after.hook = fault
            with suppress(StorageError):
                Place(after, f"{after.root}/kept", layout)
            after.hook = unhindered
            assert ledger.problems(after.files(), settled=False) == []
            Place(after, f"{after.root}/kept", layout)
            assert ledger.problems(after.files()) == []
            assert after.descriptors == 0
        if not fault.struck:
            return
    raise AssertionError("a start has no end")


def test_a_sync_that_succeeds_after_one_that_failed_is_no_success() -> None:
    """The next store of the same data set writes it again, beside what is in doubt; the power takes nothing that it promised."""
    for kind in KINDS:
        for which in ("fsync", "fsync_folder"):
            one = Round(kind, SCENARIOS["one store"], Random(scale.SEED))
            assert one.suffer(Fault(0, "EIO", only=which)) == [0x0110]
            assert one.ledger.acknowledged == []
            assert one.recover() == [0]
            assert one.problems() == []


@pytest.mark.parametrize("unnamed", [True, False], ids=["without names", "with hidden names"])
def test_every_call_fails_in_turn_over_an_association(
    memory: Path, monkeypatch: pytest.MonkeyPatch, unnamed: bool
) -> None:
    """On a file system of this machine, with the status on the wire: the association goes on, and so do its stores."""
    monkeypatch.setattr(platform, "HAS_UNNAMED_FILES", unnamed)
    disk, ledger, kept, rng = HookedDisk(), Ledger(), memory / "kept", Random(scale.SEED)
    rounds = refused = 0
    served = Served("ARCHIVE")
    served.server.handle("store", Keep(Folder(kept, reserve=0, disk=disk)))
    try:
        address = f"ARCHIVE@127.0.0.1:{served.server.port}"
        with sync.associate(address, contexts=["verification", CTImageStorage]) as association:

            def send(store: Store) -> int:
                source = memory / "instance.dcm"
                source.write_bytes(file_of(store))
                ledger.send(store.instance, store.data)
                (result,) = association.store([source], check=False)
                if result.ok:
                    ledger.acknowledge(store.instance, store.data)
                return int(result.status)

            assert send(Store(1, size=5000)) == 0
            disk.hook = counted = Fault()
            assert send(Store(2, size=5000)) == 0
            before = descriptors()
            for number, call in enumerate(counted.calls):
                for what in (*FAULTS, "slow") if scale.WHOLE else rng.sample(FAULTS, 4):
                    store = Store(10 + rounds, size=5000)
                    disk.hook = fault = Fault(number, what)
                    status = send(store)
                    disk.hook = None
                    told = f"{what} at call {number}, {call}"
                    assert fault.struck, told
                    assert status in (0, 0x0110, 0xA700), told
                    assert what not in NO_ROOM or status != 0x0110, told
                    assert ledger.problems_in(kept) == [], told
                    assert association.echo() == 0
                    assert send(store) == 0, told
                    refused += status != 0
                    rounds += 1
            assert ledger.problems_in(kept) == []
            eventually(lambda: descriptors() <= before, "descriptors are left open")
        served.check()
    finally:
        served.end()
    figures.tell(
        f"each call of the disk fails, over an association: {rounds} faults", f"{refused} refused, 0 false successes"
    )


def test_a_disk_that_does_not_answer_keeps_nobody_waiting_who_wants_nothing_of_it(memory: Path) -> None:
    """Twenty associations wait for a sync while others echo, at once."""
    released, waiting = threading.Event(), threading.Semaphore(0)

    def hook(call: Call) -> object:
        if call.name == "fsync":
            waiting.release()
            released.wait(PATIENCE)
        return unhindered(call)

    served = Served("ARCHIVE")
    served.server.handle("store", Keep(Folder(memory / "kept", reserve=0, disk=HookedDisk(hook))))
    address = f"ARCHIVE@127.0.0.1:{served.server.port}"
    ledger, longest = Ledger(), 0.0

    def send(number: int) -> None:
        store, source = Store(number), memory / f"{number}.dcm"
        ledger.send(store.instance, store.data)
        source.write_bytes(file_of(store))
        with sync.associate(address, contexts=[CTImageStorage]) as association:
            assert association.store([source]).ok
        ledger.acknowledge(store.instance, store.data)

    try:
        with ThreadPoolExecutor(20) as pool:
            try:
                storing = [pool.submit(send, number) for number in range(20)]
                assert all(waiting.acquire(timeout=PATIENCE) for _ in storing)
                for _ in range(20):
                    began = time.perf_counter()
                    with sync.associate(address) as association:
                        assert association.echo() == 0
                    longest = max(longest, time.perf_counter() - began)
                assert ledger.acknowledged == []
            finally:
                released.set()
            for one in storing:
                one.result()
        served.check()
    finally:
        served.end()
    assert ledger.problems_in(memory / "kept") == []
    assert longest < PATIENCE
    figures.tell("20 associations wait for a sync that does not return", f"longest echo of others {longest:.3f} s")
