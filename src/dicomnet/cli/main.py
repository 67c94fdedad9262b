"""The `dicomnet` command as a process: how it begins and how it ends.

The script imports this module, which imports hardly anything until it runs, so
that Ctrl-C ends the command in silence as soon as anything of ours is running.
"""

from __future__ import annotations

import gc
import io
import os
import sys

from dicomnet.cli.codes import INTERRUPTED


def main() -> None:
    """The entry point."""
    gc.set_threshold(NEW_OBJECTS)
    _replace_closed_streams()
    _write_any_text()
    try:
        from dicomnet.cli.commands import run

        code = run()
    except KeyboardInterrupt:  # modules were still loading; a command that runs says that it was interrupted
        code = INTERRUPTED
    finally:
        gc.freeze()  # nothing is left to be found: without this the interpreter searches all of it, twice, as it ends
    sys.exit(code)


def _replace_closed_streams() -> None:
    """What goes to a closed stream (`>&-`) goes nowhere, and no file or connection of ours gets its descriptor."""
    for name, flags in _STREAMS:
        if getattr(sys, name) is None:
            nowhere = os.open(os.devnull, flags)
            setattr(sys, name, os.fdopen(nowhere, "r" if name == "stdin" else "w", encoding="utf-8", closefd=False))


def _write_any_text() -> None:
    """A character that the encoding of the output lacks is written as its number; what was found is not lost for it."""
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")


_STREAMS = (("stdin", os.O_RDONLY), ("stdout", os.O_WRONLY), ("stderr", os.O_WRONLY))
# By descriptor: 0, 1, 2.

NEW_OBJECTS = 10_000
"""That many lead to a search for garbage: with the usual 700 a tenth of the time to start is spent on finding none."""
