"""Data sets with group length elements (gggg,0000), which the standard has retired and old receivers still ask for."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from dicomnet.errors import InvalidValue
from dicomnet.storage.dataset import encode_dataset
from dicomnet.uids import TRANSFER_SYNTAXES

if TYPE_CHECKING:
    from pydicom import Dataset


def encode_with_group_lengths(dataset: Dataset, transfer_syntax_uid: str) -> bytes:
    """As `encode_dataset`, each group with its length in front (PS3.5 7.2).

    Raises:
        InvalidValue: the data set cannot be encoded, or not in that transfer syntax.
    """
    from pydicom.filewriter import correct_ambiguous_vr

    facts = TRANSFER_SYNTAXES.get(transfer_syntax_uid)
    if facts is None or facts.deflated:
        raise InvalidValue("group lengths cannot be had in a deflated or unknown transfer syntax")
    # The whole is encoded once for its checks: a group alone does not know what the others say of its pixel data.
    encode_dataset(dataset, transfer_syntax_uid)
    dataset = correct_ambiguous_vr(dataset, facts.little_endian)
    order = "<" if facts.little_endian else ">"
    pieces = []
    for group in sorted({tag.group for tag in dataset.keys()} - {0, 2}):  # noqa: SIM118 (values stay undecoded)
        encoded = encode_dataset(dataset.group_dataset(group), transfer_syntax_uid)
        kind = struct.pack(f"{order}I", 4) if facts.implicit_vr else b"UL" + struct.pack(f"{order}H", 4)
        pieces += [struct.pack(f"{order}HH", group, 0), kind, struct.pack(f"{order}I", len(encoded)), encoded]
    return b"".join(pieces)
