"""Whether two files hold the same data set."""

from __future__ import annotations

import hashlib

from dicomnet.limits import MIB
from dicomnet.storage.source import InstanceFile


def data_set_digest(file: InstanceFile) -> bytes:
    """Of the data set in a file, padded as it has to be on the wire; raises `OSError` if it cannot be read."""
    digest = hashlib.sha256()
    with file.path.open("rb") as stream:
        stream.seek(file.data_offset)
        while piece := stream.read(MIB):
            digest.update(piece)
    if file.data_length % 2:  # PS3.5 A.5: a deflated data set of odd length gets one byte of 00H
        digest.update(b"\0")
    return digest.digest()
