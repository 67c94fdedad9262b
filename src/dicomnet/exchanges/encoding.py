"""Data sets of exchanges to bytes and back, where that stops nobody: small ones at once, as a thread costs more than they do."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from dicomnet.datasets import encode_dataset
from dicomnet.exchanges.steps import Script, Work
from dicomnet.limits import KIB

if TYPE_CHECKING:
    from pydicom import Dataset

T = TypeVar("T")


def encoded(dataset: Dataset, transfer_syntax_uid: str) -> Script[bytes]:
    """The bytes of a data set; as work of its own if it is large. Raises `InvalidValue` as `encode_dataset` does."""
    encode = partial(encode_dataset, dataset, transfer_syntax_uid)
    if _weight(dataset) < _HEAVY:
        return encode()
    data: bytes = yield Work(encode)
    return data


def decoded(length: int, decode: Callable[[], T]) -> Script[T]:
    """What is made of so many bytes; as work of its own if they are many, or pydicom is still to be imported."""
    if length < _LONG and "pydicom" in sys.modules:
        return decode()
    made: T = yield Work(decode)
    return made


def _weight(dataset: Dataset) -> int:
    """About how many elements it has, items and what is still bytes included; no more than matter are counted."""
    weight = 0
    for element in dataset.values():
        weight += 1
        if isinstance(element.value, bytes):
            weight += len(element.value) // _BYTES_OF_AN_ELEMENT
        elif element.VR == "SQ":
            for item in element.value or ():
                weight += _weight(item)
                if weight >= _HEAVY:
                    return weight
    return weight


_HEAVY = 200
# Elements; pydicom takes some 15 microseconds for each, and a loop should not stand still for more than a few milliseconds.
_BYTES_OF_AN_ELEMENT = KIB
_LONG = 16 * KIB
# Bytes, which are about as many elements as above.
