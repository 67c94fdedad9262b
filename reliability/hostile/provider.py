"""A server that has every service, as a program: ``python provider.py FOLDER WORKERS SECONDS ASSOCIATIONS``.

Its handlers look at all that they are given, as handlers do: they print it,
search by it, and send it back.
"""

from __future__ import annotations

import copy
import logging
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydicom import Dataset

from dicomnet import Limits, Server, Status, Timeouts

PATIENTS = [
    {"PatientID": str(number), "PatientName": "A" * number, "StudyInstanceUID": f"1.2.{number}"}
    for number in range(1, 60)
]


def find(request: Any) -> Iterator[Dataset]:
    copy.deepcopy(request.identifier)
    yield from request.match(PATIENTS)


def retrieve(request: Any) -> Iterator[Any]:
    return request.match([])  # type: ignore[no-any-return]


def attributes(request: Any) -> Any:
    given = request.dataset
    if given is None:
        return Status.SUCCESS
    str(given)
    given.to_json()
    return request.reply(0, copy.deepcopy(given))


def commit(instances: list[Any]) -> tuple[list[Any], list[Any]]:
    return [], instances


def main() -> int:
    """Serves until a signal."""
    folder, workers, waits, associations = Path(sys.argv[1]), *map(int, sys.argv[2:5])
    warnings.simplefilter("ignore")  # pydicom says what it thinks of values as they are
    logging.getLogger("pydicom").setLevel(logging.ERROR)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    limits = Limits(associations=associations, associations_per_address=associations)
    timeouts = Timeouts(artim=waits, stall=waits, idle=15 * 60)
    server = Server(port=0, host="127.0.0.1", folder=folder, limits=limits, timeouts=timeouts)
    server.on_find(find)
    server.on_get(retrieve)
    server.on_move(retrieve)
    server.on_n_create(attributes)
    server.on_n_set(attributes)
    server.on_n_get(attributes)
    server.on_n_action(attributes)
    server.on_n_delete(attributes)
    server.on_n_event_report(attributes)
    server.on_commit(commit)
    return server.run(workers=workers, ready=lambda: print(f"listening on 127.0.0.1:{server.port}", flush=True))


if __name__ == "__main__":
    sys.exit(main())
