"""What every test is held to, whatever it tests: it leaves no thread behind.

Exceptions that nobody can catch (in a thread, in a finalizer) fail the test by
pytest's own hooks, because warnings are errors here; ``test_guards.py`` shows it.
"""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Iterator

import pytest

GRACE = 3.0
"""Seconds that threads get to end after their test: what stops them has been called, the scheduler has not run them."""


@pytest.fixture(scope="module", autouse=True)
def little_to_collect() -> None:
    """Takes what is there before a module's tests out of the collector's sight.

    That is the package, its dependencies and ten thousand tests, none of which
    goes before the end. Many tests collect, to see that nothing of theirs is
    left; looking at all of it each time was half of what the suite took.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def no_thread_left() -> Iterator[None]:
    """Fails a test that ends with more threads than it began with."""
    before = set(threading.enumerate())
    yield
    deadline = time.monotonic() + GRACE
    left = set(threading.enumerate()) - before
    for thread in left:
        thread.join(max(0.0, deadline - time.monotonic()))
    names = sorted(thread.name for thread in left if thread.is_alive())
    if names:
        pytest.fail(f"threads left running: {', '.join(names)}", pytrace=False)
