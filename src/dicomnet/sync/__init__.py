"""The blocking shell: associations and peers for programs without an event loop, and what carries them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dicomnet.sync.association import Association as Association, Matches as Matches, associate as associate
    from dicomnet.sync.peer import Peer as Peer, PeerMatches as PeerMatches
    from dicomnet.sync.provider import Request as Request

__all__ = ["Association", "Matches", "Peer", "PeerMatches", "Request", "associate"]


if not TYPE_CHECKING:  # or checkers would take every name for one of ours

    def __getattr__(name: str) -> object:
        """Loads what is asked for, and nothing before (PEP 562)."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        if name.startswith("Peer"):
            from dicomnet.sync import peer as home
        elif name == "Request":
            from dicomnet.sync import provider as home
        else:
            from dicomnet.sync import association as home
        value: object = getattr(home, name)
        globals()[name] = value
        return value
