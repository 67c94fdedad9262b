"""Every call of a store to its disk fails in turn, with each error: no false success, nothing half, and on it goes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import NamedTuple

import pytest

from dicomnet.errors import StorageError
from dicomnet.server.layout import Layout
from reliability import figures, scale
from reliability.disk import SimDisk
from reliability.faults import FAULTS, NO_ROOM, Fault
from reliability.ledger import Ledger
from reliability.seam import Call, unhindered
from reliability.stores import LAYOUT, Place, Store, store_all
from reliability.turns import Turns

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
