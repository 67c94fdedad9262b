from __future__ import annotations

from guards import no_thread_left

__all__ = ["no_thread_left"]
