"""Our server as tests run it: an archive in a folder, and a department that keeps what N-services make."""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset

import dicomnet
import holdings
from dicomnet import Status
from dicomnet.uids import BasicFilmBox, BasicGrayscaleImageBox


class Archive(dicomnet.Server):
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
        lost = [(ref, Status.NO_SUCH_SOP_INSTANCE) for ref in refs if ref.sop_instance_uid not in have]
        return [ref for ref in refs if ref.sop_instance_uid in have], lost


class Department(dicomnet.Server):
    """Makes, changes, reads and deletes instances of any class with N-services, and notes what it was asked."""

    def __init__(self) -> None:
        super().__init__("OURS", port=0, host="127.0.0.1")
        self.instances: dict[str, Dataset] = {}
        self.asked: list[tuple[str, str, str, Dataset | None]] = []
        """Operation, SOP class, SOP instance and data set of each request."""
        self.handle("find", lambda _: list(self.instances.values()), "ups")

    async def on_n_create(self, request: Any) -> Dataset:
        self._note("n-create", request)
        uid = request.sop_instance_uid
        made = self.instances[uid] = deepcopy(request.dataset or Dataset())
        if request.sop_class_uid == BasicFilmBox:  # comes with the boxes for its images (PS3.4 H.4.2.2.1)
            box = Dataset()
            box.ReferencedSOPClassUID, box.ReferencedSOPInstanceUID = BasicGrayscaleImageBox, f"{uid}.1"
            made.ReferencedImageBoxSequence = [box]
            self.instances[f"{uid}.1"] = Dataset()
        return made

    async def on_n_set(self, request: Any) -> None:
        self._note("n-set", request).update(request.dataset)

    async def on_n_get(self, request: Any) -> Dataset:
        instance, found = self._note("n-get", request), Dataset()
        for tag in request.attributes:
            found[tag] = instance[tag]
        return found

    async def on_n_action(self, request: Any) -> None:
        self._note("n-action", request)

    async def on_n_event_report(self, request: Any) -> None:
        self._note("n-event-report", request)

    async def on_n_delete(self, request: Any) -> int:
        self._note("n-delete", request)
        known = self.instances.pop(request.sop_instance_uid, None)
        return Status.SUCCESS if known is not None else Status.NO_SUCH_SOP_INSTANCE

    def _note(self, verb: str, request: Any) -> Dataset:
        uid = request.sop_instance_uid
        self.asked.append((verb, request.sop_class_uid, uid, request.dataset))
        return self.instances.get(uid, Dataset())
