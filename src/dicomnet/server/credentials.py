"""What makes the links to a server secure, kept up with its files while it runs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from dicomnet.errors import InvalidValue
from dicomnet.server.site import Entrance, Site

if TYPE_CHECKING:
    import ssl

log = logging.getLogger("dicomnet.server")

Contexts: TypeAlias = "dict[Entrance, ssl.SSLContext | None]"
"""What makes the links of each address secure, if anything does."""


class Credentials:
    """Those of a server, on its loop.

    A connection that comes has the files looked at, at most once a second and off
    the loop. It waits for that, so that a certificate that has been revoked does
    not get in once more, but not for a disk that stands still.

    Args:
        site: what is served.
        off_loop: calls a function in a thread.
        contexts: what `contexts_of` has made, if it was done before; else `prepare` does it.
    """

    def __init__(
        self, site: Site, off_loop: Callable[[Callable[[], Any]], Awaitable[Any]], contexts: Contexts | None = None
    ) -> None:
        self._site = site
        self._off_loop = off_loop
        self._contexts: Contexts = contexts or {}
        self._loop = asyncio.get_running_loop()
        self._looking: asyncio.Task[None] | None = None
        self._looked_at = self._loop.time() - LOOK_EVERY

    async def prepare(self) -> None:
        """Makes the contexts.

        Raises:
            InvalidValue, TlsFailed: see `contexts_of`.
        """
        self._contexts = await self._off_loop(partial(contexts_of, self._site))  # all of them, or none

    async def context_of(self, entrance: Entrance) -> ssl.SSLContext | None:
        """The context for a handshake that begins now; None where links are plain."""
        if not _is_renewable(entrance.tls):
            return self._contexts[entrance]
        now = self._loop.time()
        if (self._looking is None or self._looking.done()) and now - self._looked_at >= LOOK_EVERY:
            self._looked_at = now
            self._looking = self._loop.create_task(self._look(), name="looks at certificates")
        if self._looking is not None and not self._looking.done() and now - self._looked_at < LOOK_TIME:
            await asyncio.wait({self._looking}, timeout=self._looked_at + LOOK_TIME - now)
        return self._contexts[entrance]

    def renew(self) -> None:
        """Reads all files anew, changed or not; for any thread.

        Raises:
            TlsFailed: see `TlsConfig.renew`.
        """
        renew(self._site)
        self._contexts = contexts_of(self._site)
        self._looked_at -= LOOK_EVERY  # a look that is under way may have begun before

    async def _look(self) -> None:
        try:
            await self.prepare()
        except Exception:
            log.exception("certificates could not be looked at, those in use stay")


def contexts_of(site: Site) -> Contexts:
    """Makes the TLS contexts of a site, which reads files.

    Raises:
        InvalidValue, TlsFailed: TLS settings are not for an acceptor, or a file is not what it should be; once they were,
            the last good ones stay. Titles have to come with certificates, and no address asks for one.
    """
    made = {
        entrance: entrance.tls.acceptor_context() if _is_renewable(entrance.tls) else entrance.tls
        for entrance in site.entrances
    }
    demanding = next((one for one in site.entities if one.rules.certificates), None)
    if demanding is not None and not any(context is not None and context.verify_mode for context in made.values()):
        raise InvalidValue(
            f"{demanding.aet or 'this server'} has certificates for titles, and no address asks for one:"
            " give it TlsConfig(..., verify=VerifyMode.PEER)"
        )
    return made


def renew(site: Site) -> None:
    """Has the files of a site read anew; raises what `TlsConfig.renew` does."""
    for entrance in site.entrances:
        if _is_renewable(entrance.tls):
            entrance.tls.renew()


def _is_renewable(tls: Any) -> bool:
    """Whether it is a `TlsConfig`: told without `ssl`, which a plain server does not load."""
    return hasattr(tls, "acceptor_context")


LOOK_EVERY = 1.0
"""Seconds between two looks at the files."""

LOOK_TIME = 1.0
"""Seconds that a connection waits for a look; then it gets what was read before."""
