"""As for all tests: no thread is left behind."""

from __future__ import annotations

from guards import little_to_collect, no_thread_left

__all__ = ["little_to_collect", "no_thread_left"]
