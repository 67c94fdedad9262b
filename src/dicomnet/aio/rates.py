"""How often something may happen: a bucket of tokens for each address."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic


class Rates:
    """Lets each key come so many times a second, and a few more after a pause.

    A bucket is one number, the moment at which it will be full again, and a full
    one is forgotten, so who stays away costs nothing.

    Args:
        per_second: None is any number.
        burst: how many may come at once after a pause.
    """

    def __init__(self, per_second: float | None, burst: int = 1, *, clock: Callable[[], float] = monotonic) -> None:
        self._each = None if per_second is None else 1.0 / per_second
        self._depth = 0.0 if per_second is None else burst / per_second
        self._clock = clock
        self._full_at: dict[str, float] = {}
        """By key, who came last at the end."""

    def __len__(self) -> int:
        return len(self._full_at)

    def take(self, key: str) -> bool:
        """Counts one more of a key, unless it is one too many."""
        if self._each is None:
            return True
        now = self._clock()
        full_at = max(self._full_at.pop(key, now), now) + self._each
        if full_at - now > self._depth + _ROUNDING:
            self._full_at[key] = full_at - self._each
            return False
        self._full_at[key] = full_at
        self._forget(now)
        return True

    def _forget(self, now: float) -> None:
        """Who comes seldom is at the front: two at a time are looked at, so that nothing piles up and nobody waits."""
        for key in [key for key, _ in zip(self._full_at, range(2), strict=False)]:
            if self._full_at[key] <= now or len(self._full_at) > MOST_KEYS:
                del self._full_at[key]


MOST_KEYS = 16 * 1024
"""Addresses that are remembered, a few MiB; of more than this the one that came least recently is forgotten."""

_ROUNDING = 1e-9
