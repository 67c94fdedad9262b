"""The measures beside the table of throughput: one module each, with a function `measure` that returns rows.

`MEASURES` has their names; ``python -m bench.measures`` runs them.
"""

from __future__ import annotations

MEASURES = {
    "startup": "what `dicomnet echo` takes beside an interpreter that does nothing",
    "memory": "how much sender and receiver need for 1 GiB, and a receiver for idle associations",
    "echoes": "requests and responses on one association",
    "associations": "how often one can connect, associate, echo and release",
    "finds": "matches of a query",
    "line": "a line with a round trip, and one with a rate",
    "floor": "the system calls of a transfer in a bare loop of Python",
}
"""In the order in which they are run: each is a module of this package."""
