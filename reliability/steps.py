"""Dies at every call of a store in turn: `python -m reliability.steps FOLDER KIND`, in a process of its own, for it forks.

With `once` behind it, it lives one whole life as soon as a line comes in, for somebody who kills it from outside.

A child begins as a program does and stores; at call number n, or in the middle
of it, it kills itself. What it has acknowledged by then it has told its parent,
who starts from what is left and judges. Then the same for n + 1, until a child
lives to the end. The last line says how many have died, and what was wrong.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

from dicomnet.server.layout import Layout
from dicomnet.storage import platform
from reliability.ledger import Ledger
from reliability.seam import Call, HookedDisk, unhindered
from reliability.stores import LAYOUT, Place, Store, store_all

KINDS = ("without names", "with hidden names", "without links")
LAYOUTS: tuple[Layout | None, ...] = (None, LAYOUT)
STORES = [Store(1), Store(1), Store(1, content=1), Store(2)]
"""A new one, the same again, another content, and one more."""


def main() -> None:
    folder, kind = Path(sys.argv[1]), sys.argv[2]
    platform.HAS_UNNAMED_FILES = kind == "without names"
    platform.HAS_LINK = kind != "without links"
    logging.disable()
    if sys.argv[3:] == ["once"]:
        os.write(1, READY)
        sys.stdin.readline()
        _live(folder, LAYOUTS[-1], HookedDisk(), lambda: os.write(1, b"."))
        return
    died, problems = 0, []
    for layout in LAYOUTS:
        for half in (False, True):
            for number in count(1):
                shutil.rmtree(folder, ignore_errors=True)
                survived, found = _run(folder, layout, number, half=half)
                problems += [f"{problem} (at call {number})" for problem in found]
                if survived:
                    break
                died += 1
    print(json.dumps([died, problems]))


def _run(folder: Path, layout: Layout | None, number: int, *, half: bool) -> tuple[bool, list[str]]:
    """One life and what it leaves: whether it reached its end, and what is wrong with that."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            _live(folder, layout, _dying_at(number, half=half), lambda: os.write(writing, b"."))
        finally:
            os._exit(0)
    os.close(writing)
    acknowledged = os.read(reading, len(STORES) + 1)
    while piece := os.read(reading, 16):
        acknowledged += piece
    os.close(reading)
    _, status = os.waitpid(child, 0)
    return not os.WIFSIGNALED(status), problems_of(folder, layout, len(acknowledged))


def problems_of(folder: Path, layout: Layout | None, acknowledged: int) -> list[str]:
    """What is wrong with what a life has left, which has acknowledged so many of its stores: before a start, and after."""
    ledger = Ledger()
    for store in STORES:
        ledger.send(store.instance, store.data)
    for store in STORES[:acknowledged]:
        ledger.acknowledge(store.instance, store.data)
    problems = ledger.problems_in(folder, settled=False)
    for path in folder.rglob(".*"):  # a start leaves alone what was written in the same moment
        os.utime(path, (0, 0))
    Place(HookedDisk(), str(folder), layout)
    return problems + ledger.problems_in(folder)


def _live(folder: Path, layout: Layout | None, disk: HookedDisk, acknowledge: Callable[[], object]) -> None:
    place, ledger = Place(disk, str(folder), layout), Ledger()
    for store in STORES:
        assert store_all(place, [store], ledger) == [0]
        acknowledge()


def _dying_at(number: int, *, half: bool) -> HookedDisk:
    numbers = count(1)

    def hook(call: Call) -> Any:
        if next(numbers) == number:
            if half and call.name == "writev":
                descriptor, views = call.arguments
                whole = b"".join(views)
                call.make(descriptor, [whole[: len(whole) // 2]])
            elif half:  # behind the call, which for the others is all that is between
                unhindered(call)
            os.kill(os.getpid(), signal.SIGKILL)
        return unhindered(call)

    return HookedDisk(hook)


READY = b"r"
"""What a life that waits for a line says first."""


if __name__ == "__main__":
    main()
