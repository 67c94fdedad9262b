"""Four peers that store at the same time, with a ledger of what was acknowledged; they never die themselves."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from random import Random
from threading import Event, Lock
from typing import Any

from dicomnet import sync
from dicomnet.errors import DicomNetError
from dicomnet.uids import CTImageStorage
from reliability.ledger import Ledger
from reliability.stores import Store, file_of

MIB = 1 << 20
PEERS = 4


class Study:
    """Instances in a folder, some of 3 MB and many small ones.

    Args:
        folder: an empty place.
        rng: shuffles them.
        large, small: how many.
    """

    def __init__(self, folder: Path, rng: Random, *, large: int = 12, small: int = 60) -> None:
        folder.mkdir()
        self.paths: list[Path] = []
        self.data: dict[str, bytes] = {}
        for number in range(large + small):
            store = Store(
                number + 1, content=number, size=3 * MIB + 2 * number if number < large else 4000 + 2 * number
            )
            path = folder / f"{store.instance}.dcm"
            path.write_bytes(file_of(store))
            self.data[store.instance] = store.data
            self.paths.append(path)
        rng.shuffle(self.paths)


class Senders:
    """Stores a study over several associations, until all is stored or the receiver is gone.

    Args:
        address: the receiver.
        study: what to store.
        ledger: for what is acknowledged.
        window: operations at a time.
        notice: how many acknowledgements set `noticed`.
        options: of the associations, such as ``tls``.
    """

    def __init__(
        self,
        address: str,
        study: Study,
        ledger: Ledger,
        *,
        window: int = 1,
        notice: int = 1,
        **options: Any,
    ) -> None:
        self.statuses: list[int] = []
        """Of all answers."""
        self._address = address
        self._study = study
        self._ledger = ledger
        self._window = window
        self._to_come = notice
        self.noticed = Event()
        """So many are acknowledged, or no more will be."""
        self._options = options
        self._lock = Lock()

    def run(self) -> None:
        """Returns when no peer has any more to do."""
        for instance, data in self._study.data.items():
            self._ledger.send(instance, data)
        with ThreadPoolExecutor(PEERS) as pool:
            list(pool.map(self._store, [self._study.paths[number::PEERS] for number in range(PEERS)]))
        self.noticed.set()

    def _store(self, paths: Sequence[Path]) -> None:
        window = self._window if self._window > 1 else None
        with suppress(DicomNetError):  # the receiver dies, and may do so at any moment
            association = sync.associate(self._address, contexts=[CTImageStorage], window=window, **self._options)
            association.store(paths, on_result=self._note, check=False)
            association.release()

    def _note(self, result: Any) -> None:
        with self._lock:
            if result.status is not None:
                self.statuses.append(int(result.status))
            if result.ok:
                instance = result.sop_instance_uid
                self._ledger.acknowledge(instance, self._study.data[instance])
                self._to_come -= 1
                if self._to_come <= 0:
                    self.noticed.set()
