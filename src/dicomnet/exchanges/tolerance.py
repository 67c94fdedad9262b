"""What we let one odd peer do against the standard, because it is there and will not change."""

from __future__ import annotations

from dicomnet.records import dataclass


@dataclass(frozen=True, slots=True)
class Tolerance:
    """Leniency towards one peer or the peers of one server; each use of it is one line in the log.

    Everything is off by default. What any peer may do unasked (padding, odd
    lengths, unknown items) needs no tolerance.
    """

    assume_roles: bool = False
    """Both roles on every accepted context, whatever role selection said: for archives that answer a C-GET without one
    (PS3.4 C.5.3), and for nodes that report without proposing their role."""
    event_report_without_role: bool = False
    """N-EVENT-REPORT from a peer that opened the association and did not offer the SCP role (PS3.4 J.2.1)."""
    store_on_retrieve_context: bool = False
    """C-STORE of a C-GET on the context of the C-GET itself; its data set is in that context's transfer syntax (PS3.4 C.4.3)."""
    relational_queries: bool = False
    """Queries and retrieves without the keys of the levels above, which were not negotiated: for archives that answer them
    (PS3.4 C.4.1.2.1, C.4.2.2.1). They are asked for as if they had been."""
    ignore_title_case: bool = False
    """AE titles of another case are the same."""
    fallback_charset: str | None = None
    """For answers with characters outside ASCII that declare no character set (PS3.4 C.4.1.1.3.2), as (0008,0005) would
    name it. None takes them for UTF-8 where they are that, and for Latin-1 otherwise."""
