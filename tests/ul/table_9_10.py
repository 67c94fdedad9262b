"""PS3.8 Table 9-10, typed from the standard a second time so that the machine has something to be held against.

The rows are the events, as the standard orders them:

    Evt1   A-ASSOCIATE request primitive
    Evt2   transport connect confirmed
    Evt3   A-ASSOCIATE-AC PDU received
    Evt4   A-ASSOCIATE-RJ PDU received
    Evt5   transport connection indication (incoming TCP)
    Evt6   A-ASSOCIATE-RQ PDU received
    Evt7   A-ASSOCIATE response primitive, accept
    Evt8   A-ASSOCIATE response primitive, reject
    Evt9   P-DATA request primitive
    Evt10  P-DATA-TF PDU received
    Evt11  A-RELEASE request primitive
    Evt12  A-RELEASE-RQ PDU received
    Evt13  A-RELEASE-RP PDU received
    Evt14  A-RELEASE response primitive
    Evt15  A-ABORT request primitive
    Evt16  A-ABORT PDU received
    Evt17  transport connection closed indication
    Evt18  ARTIM timer expired
    Evt19  unrecognized or invalid PDU received

The columns are the states. A cell is the action and the number of the state
that follows; two numbers stand where the action chooses. AE-6 goes to 3 if the
provider can take the request, else to 13; AR-8 goes to 9 for the
association-requestor and to 10 for the association-acceptor. A blank cell is
blank in the standard.
"""

from __future__ import annotations

from typing import NamedTuple


class Cell(NamedTuple):
    """What the standard says to one event in one state."""

    action: str
    states: tuple[int, ...]


PRINTED = """
      | Sta1   | Sta2     | Sta3   | Sta4   | Sta5   | Sta6   | Sta7     | Sta8   | Sta9   | Sta10   | Sta11  | Sta12  | Sta13
Evt1  | AE-1 4 |          |        |        |        |        |          |        |        |         |        |        |
Evt2  |        |          |        | AE-2 5 |        |        |          |        |        |         |        |        |
Evt3  |        | AA-1 13  | AA-8 13|        | AE-3 6 | AA-8 13| AA-8 13  | AA-8 13| AA-8 13| AA-8 13 | AA-8 13| AA-8 13| AA-6 13
Evt4  |        | AA-1 13  | AA-8 13|        | AE-4 1 | AA-8 13| AA-8 13  | AA-8 13| AA-8 13| AA-8 13 | AA-8 13| AA-8 13| AA-6 13
Evt5  | AE-5 2 |          |        |        |        |        |          |        |        |         |        |        |
Evt6  |        | AE-6 3/13| AA-8 13|        | AA-8 13| AA-8 13| AA-8 13  | AA-8 13| AA-8 13| AA-8 13 | AA-8 13| AA-8 13| AA-7 13
Evt7  |        |          | AE-7 6 |        |        |        |          |        |        |         |        |        |
Evt8  |        |          | AE-8 13|        |        |        |          |        |        |         |        |        |
Evt9  |        |          |        |        |        | DT-1 6 |          | AR-7 8 |        |         |        |        |
Evt10 |        | AA-1 13  | AA-8 13|        | AA-8 13| DT-2 6 | AR-6 7   | AA-8 13| AA-8 13| AA-8 13 | AA-8 13| AA-8 13| AA-6 13
Evt11 |        |          |        |        |        | AR-1 7 |          |        |        |         |        |        |
Evt12 |        | AA-1 13  | AA-8 13|        | AA-8 13| AR-2 8 | AR-8 9/10| AA-8 13| AA-8 13| AA-8 13 | AA-8 13| AA-8 13| AA-6 13
Evt13 |        | AA-1 13  | AA-8 13|        | AA-8 13| AA-8 13| AR-3 1   | AA-8 13| AA-8 13| AR-10 12| AR-3 1 | AA-8 13| AA-6 13
Evt14 |        |          |        |        |        |        |          | AR-4 13| AR-9 11|         |        | AR-4 13|
Evt15 |        |          | AA-1 13| AA-2 1 | AA-1 13| AA-1 13| AA-1 13  | AA-1 13| AA-1 13| AA-1 13 | AA-1 13| AA-1 13|
Evt16 |        | AA-2 1   | AA-3 1 |        | AA-3 1 | AA-3 1 | AA-3 1   | AA-3 1 | AA-3 1 | AA-3 1  | AA-3 1 | AA-3 1 | AA-2 1
Evt17 |        | AA-5 1   | AA-4 1 | AA-4 1 | AA-4 1 | AA-4 1 | AA-4 1   | AA-4 1 | AA-4 1 | AA-4 1  | AA-4 1 | AA-4 1 | AR-5 1
Evt18 |        | AA-2 1   |        |        |        |        |          |        |        |         |        |        | AA-2 1
Evt19 |        | AA-1 13  | AA-8 13|        | AA-8 13| AA-8 13| AA-8 13  | AA-8 13| AA-8 13| AA-8 13 | AA-8 13| AA-8 13| AA-7 13
"""


def _read(printed: str) -> dict[tuple[int, int], Cell | None]:
    table: dict[tuple[int, int], Cell | None] = {}
    for line in printed.strip().splitlines()[1:]:
        event, *cells = (text.strip() for text in line.split("|"))
        for state, text in enumerate(cells, 1):
            action, _, states = text.partition(" ")
            cell = Cell(action, tuple(int(number) for number in states.split("/"))) if text else None
            table[int(event.removeprefix("Evt")), state] = cell
    return table


TABLE_9_10 = _read(PRINTED)
"""The cell of each event and state, by their numbers."""
