"""Calls of storage to its disk, seen and meddled with one by one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from dicomnet.storage.disk import Disk


class Call(NamedTuple):
    """One call of the seam, which is made when somebody makes it."""

    name: str
    arguments: tuple[Any, ...]
    make: Callable[..., Any]
    """Makes it, with these arguments or others."""


Hook = Callable[[Call], Any]
"""Stands in the place of a call: makes it and returns what it returns, or does something else."""


class HookedDisk(Disk):
    """The file system of this machine, with somebody in front of it.

    Args:
        hook: asked for each call; None lets all of them pass.
    """

    def __init__(self, hook: Hook | None = None) -> None:
        self.hook = hook

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if name in CALLS and self.hook is not None:
            return lambda *arguments: self._call(Call(name, arguments, found))
        return found

    def _call(self, call: Call) -> Any:
        assert self.hook is not None
        try:
            return self.hook(call)
        except OSError:
            if call.name.startswith("fsync"):
                self._lose(call)
            raise

    def _lose(self, call: Call) -> None:
        """A sync has failed."""


def unhindered(call: Call) -> Any:
    """A hook that lets everything pass."""
    return call.make(*call.arguments)


CALLS = frozenset(name for name in vars(Disk) if not name.startswith("_"))
"""The names of all calls that there are."""

CHANGING = frozenset(
    "make_folder make_folder_in remove_folder_in create create_unnamed writev set_mode fsync fsync_folder "
    "link link_unnamed replace unlink close".split()
)
"""Those after which a disk may be another one than before."""
