"""How many associations each calling title has, for `Limits.associations_per_ae`."""

from __future__ import annotations

from collections import Counter

from dicomnet.exchanges.session import Session


class Callers:
    """Those of one server, in one process.

    Args:
        most: associations of one title; None counts nothing.
    """

    def __init__(self, most: int | None) -> None:
        self._most = most
        self._titles: dict[Session, str] = {}
        self._count: Counter[str] = Counter()

    def enter(self, session: Session, title: str) -> bool:
        """Counts an association that may begin; False if it would be one too many, and it is not counted."""
        if self._most is None or session.over:
            return True
        if self._count[title] >= self._most:
            return False
        self._titles[session] = title
        self._count[title] += 1
        return True

    def leave(self, session: Session) -> None:
        """It is over, whether it was counted or not."""
        title = self._titles.pop(session, None)
        if title is not None:
            self._count[title] -= 1
            if not self._count[title]:
                del self._count[title]
