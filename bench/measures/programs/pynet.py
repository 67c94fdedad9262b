"""pynetdicom's side of the same measures.

python pynet.py echoes PORT COUNT
python pynet.py associations PORT COUNT
python pynet.py find PORT COUNT
python pynet.py serve PORT COUNT            answers each query with so many matches
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from matches import KEYS, study
from pydicom import Dataset
from pynetdicom import AE, evt
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind, Verification

SUCCESS, PENDING = 0x0000, 0xFF00

PATIENCE = 5.0
"""Seconds for a response: one that is lost shall not hold up the rest."""


def associated(port: int, sop_class: str) -> Any:
    entity = AE()
    entity.dimse_timeout = PATIENCE
    entity.add_requested_context(sop_class)
    association = entity.associate("127.0.0.1", port)
    if not association.is_established:
        sys.exit("no association")
    return association


def echoes(port: int, count: int) -> None:
    association = associated(port, Verification)
    for number in range(count):
        status = association.send_c_echo()
        if status.get("Status") != SUCCESS:
            sys.exit(f"echo {number} of {count} got no success, but status {status.get('Status')}")
    association.release()


def associations(port: int, count: int) -> None:
    for _ in range(count):
        echoes(port, 1)


def find(port: int, count: int) -> None:
    keys = Dataset()
    keys.QueryRetrieveLevel = "STUDY"
    for keyword, value in KEYS.items():
        setattr(keys, keyword, value)
    association = associated(port, StudyRootQueryRetrieveInformationModelFind)
    answers = association.send_c_find(keys, StudyRootQueryRetrieveInformationModelFind)
    found = sum(1 for status, match in answers if status.Status == PENDING and match.StudyInstanceUID)
    association.release()
    if found != count:
        sys.exit(f"{found} matches of {count}")


def serve(port: int, count: int) -> None:
    studies = [study(number) for number in range(count)]

    def answer(_: evt.Event) -> Iterator[tuple[int, Dataset]]:
        for match in studies:
            yield PENDING, match

    entity = AE("ANY-SCP")
    entity.add_supported_context(Verification)
    entity.add_supported_context(StudyRootQueryRetrieveInformationModelFind)
    entity.start_server(("127.0.0.1", port), evt_handlers=[(evt.EVT_C_FIND, answer)])


if __name__ == "__main__":
    what, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    {"echoes": echoes, "associations": associations, "find": find, "serve": serve}[what](port, count)
