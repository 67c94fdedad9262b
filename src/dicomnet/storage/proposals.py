"""What may stand in ``contexts=``: services, SOP classes, and files to be stored."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from dicomnet.errors import InvalidValue
from dicomnet.exchanges.contexts import Wanted, for_instances, merge, wanted
from dicomnet.storage.disk import path_status
from dicomnet.types import UID


def proposals(contexts: Iterable[Any] | Any) -> tuple[list[Wanted], bool]:
    """The presentation contexts behind a list of things, and whether an instance may bring further ones.

    Files and folders are looked at, so this may wait for a disk.

    Args:
        contexts: each the name of a service, the keyword or UID of a SOP class, a `Wanted` context, or whatever
            `Instances` takes: a path, a data set.

    Raises:
        InvalidValue: one of them is none of these, or there is none.
        StorageError: a path cannot be read.
    """
    if isinstance(contexts, str | os.PathLike | Wanted):
        contexts = [contexts]
    found: list[list[Wanted]] = []
    flexible = False
    for one in contexts:
        if isinstance(one, Wanted):
            found.append([one])
        elif isinstance(one, str) and not _is_path(one):
            found.append(wanted([one]))
            flexible = flexible or one == "storage"
        else:
            found.append(for_instances(_pairs(one)))
    merged = merge(*found)
    if not merged:
        raise InvalidValue("no presentation context is asked for, or no instance was found to ask for one")
    return merged, flexible


def _pairs(what: Any) -> Iterable[tuple[UID, UID]]:
    from dicomnet.storage.instances import Instance, Instances

    for item in Instances(what):
        if isinstance(item, Instance):
            yield item.sop_class_uid, item.transfer_syntax_uid


def _is_path(text: str) -> bool:
    """Whether a text can only be meant as a path; what is no name either raises there, where names are known."""
    try:
        wanted([text])
    except InvalidValue:
        return os.sep in text or _exists(text)
    return False


def _exists(path: str) -> bool:
    try:
        path_status(path)
    except (OSError, ValueError):  # there is a NUL in it
        return False
    return True
