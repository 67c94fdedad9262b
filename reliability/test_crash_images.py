"""The power is cut at every call of a store, and every disk that may be left is started from: nothing acknowledged is lost."""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple

import pytest

from dicomnet.server.layout import Layout
from dicomnet.storage.twins import Duplicates
from reliability import figures, scale
from reliability.disk import SimDisk
from reliability.ledger import Ledger
from reliability.seam import CHANGING, Call, Hook, unhindered
from reliability.stores import LAYOUT, Place, Store, store_all
from reliability.turns import Turns, lock_held


class Plan(NamedTuple):
    """What is stored, after what was there before."""

    before: tuple[Store, ...]
    jobs: tuple[tuple[Store, ...], ...]
    """A thread each."""
    together: bool = False
    layout: Layout | None = None
    duplicates: Duplicates = "keep-both"


ONE, SAME, OTHER = Store(1), Store(1), Store(1, content=1)
PLANS = {
    "one": Plan((), ((ONE,),)),
    "the same again": Plan((ONE,), ((SAME,),)),
    "another content": Plan((ONE,), ((OTHER,),)),
    "one after the other": Plan((), ((ONE, Store(2), SAME),)),
    "three in one go": Plan((), ((ONE, Store(2), Store(3)),), together=True),
    "the same twice in one go": Plan((), ((ONE, SAME, OTHER),), together=True),
    "two at a time": Plan((), ((ONE,), (Store(2),))),
    "the same at a time": Plan((), ((ONE,), (SAME,))),
    "two contents at a time": Plan((), ((ONE,), (OTHER,))),
    "three at a time": Plan((ONE,), ((SAME, Store(2)), (OTHER,), (Store(2),))),
    "a layout": Plan((), ((ONE, Store(2)),), layout=LAYOUT),
    "a layout, two at a time": Plan((), ((ONE,), (Store(2),)), layout=LAYOUT),
    "another content, replaced": Plan((ONE,), ((OTHER,),), duplicates="replace"),
    "two contents at a time, replaced": Plan((ONE,), ((OTHER,), (Store(1, content=2),)), duplicates="replace"),
    "another content, refused": Plan((ONE,), ((SAME,), (SAME,)), duplicates="refuse"),
}
KINDS = {
    "without names": {"links": True, "unnamed": True},
    "with hidden names": {"links": True, "unnamed": False},
    "without links": {"links": False, "unnamed": False},
}


class Cutter:
    """Lets a plan run on a disk in memory, and judges at each call what the power could leave."""

    def __init__(self, disk: SimDisk, rng: Random, *, most: int, sabotage: Hook = unhindered) -> None:
        self.images = 0
        self.problems: set[str] = set()
        """Kinds of what was wrong, or each with its name and its cut where nothing should be."""
        self._disk = disk
        self._rng = rng
        self._most = most
        self._sabotage = sabotage
        self._ledger = Ledger()
        self._turns = Turns(rng)
        self._plan = Plan((), ())
        disk.hook = self._hook

    def run(self, plan: Plan) -> None:
        self._plan = plan
        place = self._place(self._disk)
        for store in plan.before:
            assert store_all(place, [store], self._ledger) == [0]
        self._ledger.one_of_them = plan.duplicates == "replace"

        def job(stores: tuple[Store, ...]) -> Callable[[], None]:
            def work() -> None:
                statuses = store_all(place, list(stores), self._ledger, together=plan.together)
                assert statuses == [0] * len(stores)

            return work

        self._turns.run([job(stores) for stores in plan.jobs])
        self._judge("the end")
        self.problems |= set(self._ledger.problems(self._disk.files()))

    def _hook(self, call: Call) -> Any:
        self._turns.switch()
        if call.name == "writev":
            descriptor, views = call.arguments
            whole = b"".join(views)
            written = call.make(descriptor, [whole[: max(256, len(whole) // 2)]])
            self._judge("half a write")
            return written
        result = self._sabotage(call)
        if call.name in CHANGING:
            self._judge(call.name)
        return result

    def _judge(self, cut: str) -> None:
        for image in self._disk.images(self._rng, self._most):
            self.images += 1
            for problem in self._problems(image):
                self.problems.add(f"{problem} (cut at {cut})")
        if not self._rng.randrange(6) and not lock_held():
            self.problems |= {f"{problem} (killed at {cut})" for problem in self._kill()}

    def _problems(self, image: SimDisk) -> list[str]:
        before = self._ledger.problems(image.files(), settled=False)
        cut_again = [] if self._rng.randrange(8) else self._cut_recovery(image)
        self._place(image)
        after = image.files()
        problems = before + cut_again + self._ledger.problems(after)
        self._place(image)
        if image.files() != after:
            problems.append("UNSETTLED")
        if image.descriptors:
            problems.append("OPEN")
        return problems

    def _kill(self) -> list[str]:
        """The process dies alone; the next one stores some more, and then the power is cut."""
        after, ledger = self._disk.killed(), self._ledger.copy()
        place = self._place(after)
        problems = ledger.problems(after.files())
        assert store_all(place, [Store(1), Store(9)], ledger) == [0, 0]
        for image in after.images(self._rng, self._most):
            self.images += 1
            problems += ledger.problems(image.files(), settled=False)
        return problems

    def _cut_recovery(self, image: SimDisk) -> list[str]:
        """The same for a power cut during the start after the power cut."""
        problems: list[str] = []

        def look(call: Call) -> Any:
            result = unhindered(call)
            if call.name in CHANGING:
                again = recovered.crash(self._rng.randrange)
                self._place(again)
                self.images += 1
                problems.extend(self._ledger.problems(again.files()))
            return result

        recovered = image.killed()
        recovered.hook = look
        self._place(recovered)
        return problems

    def _place(self, disk: SimDisk) -> Place:
        return Place(disk, f"{disk.root}/kept", self._plan.layout, self._plan.duplicates)


@pytest.mark.parametrize("kind", KINDS)
def test_no_power_cut_takes_what_was_acknowledged(kind: str) -> None:
    """Nor is half a file seen, nor anything left after a start; several orders of what happens at a time."""
    images = cuts = 0
    for name, plan in PLANS.items():
        for seed in range(scale.of(2, 60) if len(plan.jobs) > 1 else 1):
            cutter = Cutter(SimDisk(**KINDS[kind]), Random(scale.SEED + seed), most=scale.of(16, 400))
            cutter.run(plan)
            assert cutter.problems == set(), f"{name}, seed {scale.SEED + seed}"
            images += cutter.images
            cuts += 1
    figures.tell(f"power cuts in memory at every call, {kind}: {images} disks after {cuts} runs", "0 lost, 0 torn")


def leave_out(name: str) -> Hook:
    """A protocol without one of its steps."""
    return lambda call: None if call.name == name else unhindered(call)


def under_its_name_at_once(call: Call) -> Any:
    """A protocol that has no temporary file."""
    if call.name in ("create", "state_in"):
        folder, name = call.arguments
        return call.make(folder, re.sub(r"^\.(.*\.dcm)\..*\.part$", r"\1", name))
    return None if call.name in ("link", "unlink") else unhindered(call)


@pytest.mark.parametrize(
    ("sabotage", "kind", "found"),
    [
        (leave_out("fsync"), "without names", {"TORN", "LOST"}),
        (leave_out("fsync_folder"), "without names", {"LOST"}),
        (leave_out("fsync"), "with hidden names", {"TORN", "LOST"}),
        (leave_out("unlink"), "with hidden names", {"LEFT"}),
        (under_its_name_at_once, "with hidden names", {"TORN"}),
    ],
)
def test_a_protocol_without_a_step_is_caught(sabotage: Hook, kind: str, found: set[str]) -> None:
    """The proof can fail: each step that is left out shows, and as what it should."""
    cutter = Cutter(SimDisk(**KINDS[kind]), Random(scale.SEED), most=64, sabotage=sabotage)
    cutter.run(PLANS["one"])
    assert {problem.split()[0] for problem in cutter.problems} == found
