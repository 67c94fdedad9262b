"""The asyncio shell: associations and peers on an event loop, and what carries them."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dicomnet.aio.association import Association as Association, Matches as Matches, associate as associate
    from dicomnet.aio.peer import Peer as Peer, PeerMatches as PeerMatches

# The same once more for the running program, which loads only what it uses.
_HOMES = {
    "Association": "association",
    "Matches": "association",
    "Peer": "peer",
    "PeerMatches": "peer",
    "associate": "association",
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
