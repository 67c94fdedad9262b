"""The asyncio shell: associations and peers on an event loop, and what carries them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dicomnet.aio.association import Association as Association, Matches as Matches, associate as associate
    from dicomnet.aio.peer import Peer as Peer, PeerMatches as PeerMatches
    from dicomnet.aio.requests import Request as Request

__all__ = ["Association", "Matches", "Peer", "PeerMatches", "Request", "associate"]


if not TYPE_CHECKING:  # or checkers would take every name for one of ours

    def __getattr__(name: str) -> object:
        """Loads what is asked for, and nothing before (PEP 562)."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        if name.startswith("Peer"):
            from dicomnet.aio import peer as home
        elif name == "Request":
            from dicomnet.aio import requests as home
        else:
            from dicomnet.aio import association as home
        value: object = getattr(home, name)
        globals()[name] = value
        return value
