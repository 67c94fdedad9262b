"""PDUs as bytes, and connections brought to an association by them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from dicomnet.ul.connection import Connection
from dicomnet.ul.events import Event, Fragment
from dicomnet.ul.machine import State
from pdu.vectors import (
    APPLICATION_CONTEXT,
    ECHO_ACCEPTED,
    ECHO_PROPOSED,
    INFORMATION,
    USER_INFORMATION,
    accept,
    accepted,
    request,
    requested,
)

RQ = request(APPLICATION_CONTEXT + ECHO_PROPOSED + USER_INFORMATION)
AC = accept(APPLICATION_CONTEXT + ECHO_ACCEPTED + USER_INFORMATION)

# fmt: off
RJ = b"\3\0" b"\0\0\0\4" b"\0\1\1\1"
P_DATA = b"\4\0" b"\0\0\0\x08" b"\0\0\0\4\1\2" b"ab"
RELEASE_RQ = b"\5\0" b"\0\0\0\4" b"\0\0\0\0"
RELEASE_RP = b"\6\0" b"\0\0\0\4" b"\0\0\0\0"
ABORT_BY_USER = b"\7\0" b"\0\0\0\4" b"\0\0\0\0"
ABORT_UNRECOGNIZED_PDU = b"\7\0" b"\0\0\0\4" b"\0\0\2\1"
ABORT_UNEXPECTED_PDU = b"\7\0" b"\0\0\0\4" b"\0\0\2\2"
ABORT_UNEXPECTED_PARAMETER = b"\7\0" b"\0\0\0\4" b"\0\0\2\5"
ABORT_INVALID_VALUE = b"\7\0" b"\0\0\0\4" b"\0\0\2\6"
# fmt: on

NOW = 100.0


def pdv(data: bytes, context_id: int = 1, control: int = 0) -> bytes:
    """A presentation data value with its header."""
    return (len(data) + 2).to_bytes(4, "big") + bytes([context_id, control]) + data


def p_data(*pdvs: bytes) -> bytes:
    """A P-DATA-TF of presentation data values."""
    body = b"".join(pdvs)
    return b"\4\0" + len(body).to_bytes(4, "big") + body


def everything_to_send(connection: Connection) -> list[Any]:
    """What a shell takes that asks until there is no more."""
    output: list[Any] = []
    while items := connection.data_to_send():
        output += items
    return output


def connected(**options: Any) -> Connection:
    """An acceptor in Sta2."""
    connection = Connection(requestor=False, **options)
    connection.connected(NOW)
    return connection


def asked(**options: Any) -> Connection:
    """An acceptor in Sta3."""
    connection = connected(**options)
    connection.receive(RQ, NOW)
    assert connection.state is State.AWAITING_LOCAL_ANSWER
    return connection


def asking(**options: Any) -> Connection:
    """A requestor in Sta5."""
    connection = Connection(requestor=True, **options)
    connection.associate(requested(), NOW)
    connection.connected(NOW)
    return _settle(connection, State.AWAITING_ANSWER)


def acceptor(announced: int | None = 16384, **options: Any) -> Connection:
    """An acceptor in Sta6, with the maximum length that its acceptance announced."""
    connection = asked(**options)
    connection.accept(accepted(replace(INFORMATION, max_pdu_length=announced)), NOW)
    return _settle(connection, State.ASSOCIATED)


def requestor(**options: Any) -> Connection:
    """A requestor in Sta6."""
    connection = asking(**options)
    connection.receive(AC, NOW)
    return _settle(connection, State.ASSOCIATED)


def _settle(connection: Connection, state: State) -> Connection:
    """Everything that had to be sent for a state has been sent."""
    connection.sent(sum(len(item) for item in everything_to_send(connection)), NOW)
    assert connection.state is state
    return connection


def told(events: Iterable[Event]) -> list[Any]:
    """Events in a form that is equal if they say the same, however their data were cut."""
    said: list[Any] = []
    open_value = False
    for event in events:
        if not isinstance(event, Fragment):
            said.append(repr(event))
        elif open_value:
            context_id, control, data, _ = said[-1]
            assert (event.context_id, event.control) == (context_id, control)
            said[-1] = (context_id, control, data + bytes(event.data), event.ends_value)
        else:
            said.append((event.context_id, event.control, bytes(event.data), event.ends_value))
        open_value = isinstance(event, Fragment) and not event.ends_value
    return said
