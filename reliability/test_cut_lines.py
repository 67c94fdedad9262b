"""A conversation that is cut at each of its bytes: nothing half is kept, nothing false is said, and the next one is served."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from dicomnet import Timeouts, sync
from dicomnet.aio.keeping import Keep
from dicomnet.errors import DicomNetError
from dicomnet.storage.folder import Folder
from dicomnet.uids import CTImageStorage
from raw import descriptors
from reliability import figures, scale
from reliability.ledger import Ledger
from reliability.proxy import BACK, THERE, How, Proxy
from reliability.sending import Study
from reliability.stores import Store, file_of
from together.serving import Served, eventually

HASTY = Timeouts(associate=0.5, artim=0.5, release=0.5, response=0.5, store_response=0.5, stall=0.5, idle=0.5)
"""For those who wait for somebody who says nothing."""


class Line:
    """A server that keeps, a proxy before it, and a ledger."""

    def __init__(self, place: Path, proxy: Proxy, served: Served) -> None:
        self.kept = place / "kept"
        self.proxy = proxy
        self.ledger = Ledger()
        self.served = served
        self._source = place / "instance.dcm"
        self._number = 10_000

    def talk(self) -> bool:
        """Associates, stores one instance that is new, and releases; whether the store was acknowledged."""
        self._number += 1
        store = Store(self._number, content=self._number, size=2048)
        self._source.write_bytes(file_of(store))
        self.ledger.send(store.instance, store.data)
        acknowledged = False
        try:
            address = f"ARCHIVE@127.0.0.1:{self.proxy.port}"
            with sync.associate(address, contexts=[CTImageStorage], timeouts=HASTY) as association:
                (result,) = association.store([self._source], check=False)
                if result.ok:
                    acknowledged = True
                    self.ledger.acknowledge(store.instance, store.data)
        except DicomNetError:
            pass
        self.proxy.wait()
        return acknowledged

    def judge(self) -> list[str]:
        """What is wrong, once the server has noticed the end of whatever there was."""
        eventually(lambda: not self.served.running._connections, "associations are still open")
        eventually(lambda: list(self.kept.glob(".*")) == [], "half a file is left")
        return self.ledger.problems_in(self.kept)


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    served = Served("ARCHIVE", timeouts=HASTY)
    served.server.handle("store", Keep(Folder(tmp_path / "kept", durable=False)))
    try:
        with Proxy(served.server.port) as proxy:
            made = Line(tmp_path, proxy, served)
            assert made.talk()
            assert made.judge() == []
            before = descriptors()
            yield made
            served.check()
            eventually(lambda: descriptors() <= before, "descriptors are left open")
    finally:
        served.end()


@pytest.mark.parametrize("how", ["end", "reset"])
@pytest.mark.parametrize("direction", [THERE, BACK], ids=["what is sent", "what is answered"])
def test_cut_at_every_byte(line: Line, direction: int, how: How) -> None:
    """On the way there or back; only who has heard of success counts on it, and then it is so."""
    assert line.talk()
    total, told, cuts = line.proxy.passed[direction], 0, 0
    for at in range(0, total, scale.of(10, 1)):
        line.proxy.cut = direction, at, how
        told += line.talk()
        cuts += 1
        if cuts % 16 == 0:
            assert line.judge() == [], f"cut at {at}"
    line.proxy.cut = None
    assert line.talk()
    assert line.judge() == []
    which = "what is answered" if direction == BACK else "what is sent"
    figures.tell(
        f"a conversation cut in {which}, {how}: at {cuts} of {total} bytes", f"{told} acknowledged, 0 lost, 0 torn"
    )


@pytest.mark.parametrize("direction", [THERE, BACK], ids=["what is sent", "what is answered"])
def test_silence_from_a_byte_on(line: Line, direction: int) -> None:
    """Both sides give up in time, each by its own clock; a sample, since it takes its time."""
    total, rng = line.proxy.passed[direction], Random(f"{scale.SEED} {direction}")
    places = sorted(rng.sample(range(total), scale.of(2, 60)))
    for at in places:
        line.proxy.cut = direction, at, "silence"
        line.talk()
    line.proxy.cut = None
    assert line.talk()
    assert line.judge() == []
    figures.tell(f"silence from a byte on: {len(places)} of {total} bytes", "0 hung, 0 lost, 0 torn")


def test_a_peer_that_tries_again_until_all_is_stored(line: Line, tmp_path: Path) -> None:
    """Through a line that is reset after some bytes each time: there is one file for each instance, and it is whole."""
    rng = Random(scale.SEED)
    study = Study(tmp_path / "study", rng, large=0, small=scale.of(30, 100))
    left, attempts = dict.fromkeys(study.paths), 0
    while left:
        line.proxy.cut = THERE, rng.randrange(200, 20_000), "reset"
        attempts += 1
        try:
            address = f"ARCHIVE@127.0.0.1:{line.proxy.port}"
            with sync.associate(address, contexts=[CTImageStorage], timeouts=HASTY, window=4) as association:
                for result in association.store(list(left), check=False):
                    if result.ok:
                        del left[Path(result.name)]
        except DicomNetError:
            pass
        line.proxy.wait()
    for instance, data in study.data.items():
        line.ledger.send(instance, data)
        line.ledger.acknowledge(instance, data)
    assert line.judge() == []
    assert {path.stem for path in line.kept.iterdir()} >= set(study.data)
    assert [path for path in line.kept.iterdir() if "~" in path.name] == []
    figures.tell(
        f"{len(study.paths)} instances over a line that breaks, tried again: {attempts} attempts",
        f"{len(study.paths)} files, all digests equal",
    )
