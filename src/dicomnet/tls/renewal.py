"""Contexts that keep up with their files: a certificate that is renewed is in use from the next connection on.

A file is known by what the system says of it, and its content by a digest. What
was touched and says the same is no change. What has changed and makes no context
(half a file, a key that does not fit yet) leaves the one before it in use, is a
warning once, and is tried again when it has changed again.
"""

from __future__ import annotations

import hashlib
import logging
import os
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeAlias

from dicomnet.records import dataclass
from dicomnet.tls.checks import fingerprint
from dicomnet.tls.der import facts_of

log = logging.getLogger("dicomnet.tls")


@dataclass(frozen=True, slots=True)
class Made:
    """A context, and whose certificate it shows."""

    context: ssl.SSLContext
    own: bytes | None = None
    """In DER."""


class Renewable:
    """The context of one role, made when it is first asked for. For any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made: Made | None = None
        self._seen: _States = ()
        self._settled = False
        self._digest = self._failed = b""
        self._warned = 0.0

    def __reduce__(self) -> tuple[type[Renewable], tuple[()]]:
        return Renewable, ()  # a copy makes its own

    @property
    def made(self) -> bool:
        """Whether it has ever been asked for."""
        return self._made is not None

    def current(self, paths: Sequence[str], make: Callable[[], Made], *, anew: bool = False) -> ssl.SSLContext:
        """The context that fits the files as they are, or the last one that did.

        Args:
            paths: every file and folder that it is made of; what is in a folder counts if it is listed as well.
            make: reads them; asked only if one has changed.
            anew: ask it in any case.

        Raises:
            Exception: that of `make`, if there is none before it, or it was to be made anew.
        """
        with self._lock:
            states = _states(paths)
            if self._made is None or anew or not self._settled or states != self._seen:
                self._seen, self._settled = states, _settled(states)
                self._look(paths, make, anew=anew)
            assert self._made is not None
            self._watch_expiry(self._made)
            return self._made.context

    def _look(self, paths: Sequence[str], make: Callable[[], Made], *, anew: bool) -> None:
        digest = _digest(self._seen)
        if self._made is not None and not anew and digest in {self._digest, self._failed}:
            if digest == self._digest:
                self._failed = b""
            return
        made, failure = self._made, None
        try:
            made = make()
        except Exception as error:  # also of a function of the user's that is asked for a password
            if self._made is None or anew:
                raise
            failure = error
        steady = _digest(_states(paths)) == digest
        if not steady:  # somebody is at it: what was read is neither the one nor the other
            self._settled = False
        self._failed = digest if failure and steady else b""
        if failure is not None:
            if steady:
                log.warning("certificates cannot be read anew, those in use stay: %s", failure)
            return
        assert made is not None
        if self._made is not None:
            log.info("read anew for TLS: %s", _description(made.own))
        self._made, self._digest, self._warned = made, digest if steady else b"", 0.0

    def _watch_expiry(self, made: Made) -> None:
        """Warns in time, and then once a day."""
        now = time.time()
        if made.own is None or now - self._warned < _DAY:
            return
        self._warned = now
        facts = facts_of(made.own)
        if facts is None:
            return
        left = facts.not_after - datetime.fromtimestamp(now, UTC)
        if left < timedelta(0):
            log.warning("our certificate of %s has expired on %s", facts.subject, _day(facts.not_after))
        elif left < EXPIRES_SOON:
            log.warning(
                "our certificate of %s expires in %d days, on %s", facts.subject, left.days, _day(facts.not_after)
            )


def _description(own: bytes | None) -> str:
    facts = None if own is None else facts_of(own)
    if own is None or facts is None:
        return "whom we trust" if own is None else fingerprint(own)
    return f"our certificate of {facts.subject}, valid until {_day(facts.not_after)}, {fingerprint(own)}"


def _day(when: datetime) -> str:
    return f"{when:%Y-%m-%d %H:%M} UTC"


_States: TypeAlias = "tuple[tuple[str, tuple[int, ...] | None], ...]"
"""What the system says of each file; None of one that is not there."""


def _states(paths: Sequence[str]) -> _States:
    return tuple((path, _state(path)) for path in paths)


def _state(path: str) -> tuple[int, ...] | None:
    try:
        found = os.stat(path)  # noqa: PTH116 (a path of the user's, which may be no text)
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _settled(states: _States) -> bool:
    """Whether whoever changes a file from now on is seen: within one tick of the system's clock he would not be."""
    newest = max((state[-1] for _, state in states if state is not None), default=0)
    return newest < (time.time() - _TICK) * 1e9


def _digest(states: _States) -> bytes:
    """What the files hold; of a folder, when something in it was renamed, added or deleted."""
    digest = hashlib.sha256()
    for path, state in states:
        try:
            content = b"" if state is None else Path(path).read_bytes()
        except OSError:
            content = str(state).encode()
        digest.update(f"{path}\0{state is None}\0{len(content)}\0".encode(errors="surrogateescape"))
        digest.update(content)
    return digest.digest()


EXPIRES_SOON = timedelta(30)
"""Before its end, a certificate of ours is a warning: renewing one takes hospitals weeks."""

_DAY = 86_400.0
_TICK = 2.0
"""Seconds; the coarsest clock of a file system that is in use (FAT)."""
