"""What the exchanges ask of their shell.

An exchange is a script: a generator that talks to its sessions directly, and
yields a step only where somebody has to wait or to touch the world. The shell
performs the step and sends its result in, or throws its error in:

    script                      shell, blocking              shell, asyncio
    yield Wait(session, ...)    moves bytes until it holds   awaits a change
    yield Work(function)        calls it                     calls it in a thread
    yield Connect(settings)     opens a socket               the same, awaited
    yield Pause(seconds)        sleeps                       the same, awaited
    yield Watch(signal, ...)    waits for another thread     awaits it
    yield Together(scripts)     a thread each                a task each

So each exchange is written once, for both shells and for tests without sockets.
A script that is left in the middle (a cancelled task, Ctrl-C) is closed, not
waited for; its session remembers what is unfinished, and whoever uses the
session next settles it first.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from dicomnet.records import dataclass

if TYPE_CHECKING:
    from dicomnet.exchanges.session import Provider, Session
    from dicomnet.exchanges.settings import Settings
    from dicomnet.exchanges.signal import Signal

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Wait:
    """Until `until` holds or the session is over; gives whether it holds, which it may not after `timeout` seconds."""

    session: Session
    until: Callable[[], bool]
    timeout: float | None = None
    to_the_end: bool = False
    """Not until the session is over, but until its transport is gone as well."""


@dataclass(frozen=True, slots=True)
class Work:
    """Something that takes its time, such as reading a file or encoding a data set; gives what it returns."""

    function: Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Connect:
    """Opens a transport connection; gives its session. Raises `ConnectFailed` or `TlsFailed`."""

    settings: Settings
    provider: Provider | None = None


@dataclass(frozen=True, slots=True)
class Pause:
    """Lets time pass."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Watch:
    """Until something that happens elsewhere, in another association or thread, makes `until` true; gives whether it is."""

    signal: Signal
    until: Callable[[], bool]
    timeout: float | None = None


@dataclass(frozen=True, slots=True)
class Together:
    """Runs scripts at the same time; gives their results in order, an exception for one that raised it."""

    scripts: Sequence[Script[Any]]
    interrupt: Callable[[], object] = lambda: None
    """Called if who runs them is interrupted, so that the others come to their end."""


Step: TypeAlias = "Wait | Work | Connect | Pause | Watch | Together"
Script: TypeAlias = Generator[Step, Any, T]
