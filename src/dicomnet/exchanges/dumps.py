"""Identifiers and matches as text for the debug log: attributes and values, but for what says who the patient is."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING

from dicomnet.logs import MASK, Masked, loggable

if TYPE_CHECKING:
    from pydicom import DataElement, Dataset

log = logging.getLogger("dicomnet.association")


def tell_dataset(association: str, sign: str, what: str, dataset: Dataset) -> None:
    """Has the debug log show a data set of a query or a retrieve.

    Args:
        association: its id in the log.
        sign: ">" for what we send, "<" for what came.
    """
    if log.isEnabledFor(logging.DEBUG):
        log.debug("%s %s %s%s", association, sign, what, dump_dataset(dataset))


def dump_dataset(dataset: Dataset) -> Masked:
    """The elements, a line for each; no more than `MOST_LINES`. Values that name a patient are masked, empty ones are not."""
    masked, plain = [""], [""]
    for number, (line, value, private) in enumerate(_lines(dataset, "")):
        if number == MOST_LINES:
            masked.append("  ...")
            plain.append("  ...")
            break
        masked.append(loggable(f"  {line}: {MASK if private and value else value}"))
        plain.append(loggable(f"  {line}: {value}"))
    return Masked("\n".join(masked), "\n".join(plain))


def _lines(dataset: Dataset, indent: str) -> Iterator[tuple[str, str, bool]]:
    for tag in dataset.keys():  # noqa: SIM118 (a data set is no mapping)
        try:
            element = dataset[tag]
            label = f"{indent}({tag >> 16:04X},{tag & 0xFFFF:04X}) {element.VR} {element.keyword or 'unknown'}"
            if element.VR == "SQ":
                yield label, f"{len(element.value)} items", False
                for item in element.value:
                    yield from _lines(item, indent + "  ")
            else:
                yield label, _text(element), names_patient(tag, element.VR)
        except Exception as error:  # noqa: BLE001 (what a stranger wrote may be anything, and this is but the log)
            yield f"{indent}{tag}", f"cannot be read: {type(error).__name__}", False


def names_patient(tag: int, vr: str) -> bool:
    """Whether an attribute may say who a patient is: all of group 0010, names of persons, and what is private."""
    return tag >> 16 == _PATIENT or vr == "PN" or bool(tag >> 16 & 1)


def _text(element: DataElement) -> str:
    value = element.value
    if isinstance(value, bytes):
        return f"{len(value)} bytes" if value else ""
    return "" if value is None else str(value)


MOST_LINES = 200
"""Elements that are told of one data set: queries have a dozen."""

_PATIENT = 0x0010
