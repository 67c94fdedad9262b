"""What every test is held to, whatever it tests: it leaves no thread behind.

Exceptions that nobody can catch (in a thread, in a finalizer) fail the test by
pytest's own hooks, because warnings are errors here; ``test_guards.py`` shows it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

GRACE = 3.0
"""Seconds that threads get to end after their test: what stops them has been called, the scheduler has not run them."""


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
