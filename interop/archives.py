"""Our server as tests run it: an archive in a folder, and a department that keeps what N-services make."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset

import holdings
from dicomnet.server.server import Server


class Archive(Server):
    """Keeps instances in a folder, and gives them out again.

    Args:
        folder: where they are kept.
        given: files that it has besides.
        worklist: what it answers to queries of the worklist.
    """

    def __init__(
        self, folder: Path, *, given: Iterable[Path] = (), worklist: Iterable[Dataset] = (), **options: Any
    ) -> None:
        options = {"port": 0, "host": "127.0.0.1", "durable": False, **options}
        super().__init__("OURS", **options)
        self.store_folder = folder
        self.given = list(given)
        self.asked: list[Dataset] = []
        """The identifiers of queries and retrieves."""
        self.handle("find", lambda _: list(worklist), "worklist")

    def paths(self) -> list[Path]:
        """The files it has."""
        kept = self.store_folder.iterdir() if self.store_folder.exists() else ()
        return sorted([*self.given, *kept])

    async def on_store(self, request: Any) -> None:
        await request.save(self.store_folder, durable=False)

    def on_find(self, request: Any) -> Iterable[Dataset]:
        self.asked.append(request.identifier)
        return holdings.find(self.paths(), request.identifier)

    def on_get(self, request: Any) -> Iterable[Path]:
        self.asked.append(request.identifier)
        return holdings.held(self.paths(), request.identifier)

    def on_move(self, request: Any) -> Iterable[Path]:
        return self.on_get(request)

    def on_commit(self, refs: Any) -> tuple[list[Any], list[Any]]:
        """Promises what is in the folder."""
        have = {instance.sop_instance for instance in holdings.known(self.paths())}
        return [r for r in refs if r.sop_instance_uid in have], [r for r in refs if r.sop_instance_uid not in have]
