"""What stands in front of a data set that becomes a file, made from what its command and its association say of it."""

from __future__ import annotations

import functools

from dicomnet.errors import InvalidValue, StorageError
from dicomnet.part10 import file_header
from dicomnet.storage.sinks import Incoming
from dicomnet.types import ae_title


def header_of(incoming: Incoming) -> bytes:
    """The preamble, ``DICM`` and group 0002 (PS3.10 7.1).

    Raises:
        StorageError: the data set is no instance, or a UID cannot stand there (C000).
    """
    if not incoming.sop_instance_uid:
        problem = f"the data set of a {incoming.command_name} is no instance and cannot become a file"
        raise StorageError(problem, status=_CANNOT_UNDERSTAND)
    try:
        return file_header(
            sop_class_uid=incoming.sop_class_uid,
            sop_instance_uid=incoming.sop_instance_uid,
            transfer_syntax_uid=incoming.transfer_syntax_uid,
            sending_ae=_title(incoming.sending_ae),
            receiving_ae=_title(incoming.receiving_ae),
        )
    except InvalidValue as error:
        raise StorageError(str(error), status=_CANNOT_UNDERSTAND) from error


@functools.lru_cache(maxsize=256)
def _title(ae: str | None) -> str | None:
    """A peer may call itself anything; a title that no file may hold is left out, as it may be (PS3.10 7.1, type 3)."""
    try:
        return None if ae is None else ae_title(ae)
    except ValueError:
        return None


_CANNOT_UNDERSTAND = 0xC000
