"""Coroutine tests run on both loops, as those of `aio` do, and end as clean."""

from __future__ import annotations

from aio.conftest import pytest_generate_tests, pytest_pyfunc_call, site

__all__ = ["pytest_generate_tests", "pytest_pyfunc_call", "site"]
