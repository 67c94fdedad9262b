"""Where the library's log goes while a command runs: to stderr, plain or, on a terminal, with colours."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from dicomnet.logs import PatientFormatter


@contextmanager
def log_to_stderr(level: int, *, patients: bool = False) -> Iterator[None]:
    """Shows what the library logs from this level on, until the block ends.

    Warnings about the user's own files and folders are always shown.

    Args:
        patients: whether it may name patients.
    """
    logger, storage = logging.getLogger("dicomnet"), logging.getLogger("dicomnet.storage")
    handler = _handler(PatientFormatter if patients else logging.Formatter)
    before = logger.level, logger.propagate, storage.level
    logger.setLevel(level)
    storage.setLevel(min(level, logging.WARNING))
    logger.propagate = False
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before[0])
        logger.propagate = before[1]
        storage.setLevel(before[2])
        handler.close()


def _handler(formatter: type[logging.Formatter]) -> logging.Handler:
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.logging import RichHandler

        rich = RichHandler(console=Console(stderr=True), show_path=False, log_time_format="%X")
        rich.setFormatter(formatter("%(message)s"))
        return rich
    handler = logging.StreamHandler()
    handler.setFormatter(formatter("%(asctime)s %(levelname)s %(message)s"))
    return handler
