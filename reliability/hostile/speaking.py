"""Says a case to a port, and tells in words what was seen."""

from __future__ import annotations

from reliability.hostile.case import FINISH, RESET, TAKE, Case, bounds, words_of
from tests.raw import RawPeer


def seen(port: int, case: Case) -> list[str]:
    """Does what the case says, waits for as many answers as it may see, then for the other side to close.

    Raises:
        TimeoutError: an answer or the end does not come.
    """
    heard = b""
    with RawPeer(port) as peer:
        for step in case.steps:
            if isinstance(step, bytes):
                peer.send(step)
            elif step is TAKE:
                heard += _pdu(peer)
            elif step is FINISH:
                peer.finish()
            elif step is RESET:
                peer.reset()
                return words_of(heard)
        least, most = bounds(case.sees)
        while (count := len(words_of(heard))) < least or (count < most and peer.readable(MAYBE)):
            pdu = _pdu(peer)
            if not pdu:
                break
            heard += pdu
        peer.finish()
        heard += peer.take_rest()
    return words_of(heard)


def _pdu(peer: RawPeer) -> bytes:
    """The next PDU, or nothing if there is none any more."""
    try:
        return peer.take_pdu()
    except (AssertionError, ConnectionResetError):
        return b""


MAYBE = 0.2
"""Seconds for what may come and need not."""
