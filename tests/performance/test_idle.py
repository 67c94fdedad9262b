"""What a server holds of associations that do nothing."""

from __future__ import annotations

import gc
import socket
import threading
import tracemalloc
from contextlib import ExitStack

from dicomnet import Limits, Server
from dicomnet.limits import KIB
from dicomnet.pdu.items import ProposedContext, UserInformation
from dicomnet.pdu.types import AssociateRequest, PduType
from dicomnet.pdu.write import push_pdu
from dicomnet.uids import CTImageStorage, ExplicitVRLittleEndian, ImplicitVRLittleEndian, MRImageStorage, Verification

NUMBER = 100

HELD = 14 * KIB
"""Bytes of an idle association, which takes 13 KiB now. Whoever lowers that lowers this."""


def test_an_idle_association_holds_little_memory_and_no_thread() -> None:
    """A modality that stays connected all day costs no more than that; the sockets of the test's own side are in it."""
    limits = Limits(associations=3 * NUMBER, associations_per_address=3 * NUMBER)
    server = Server("ARCHIVE", host="127.0.0.1", port=0, limits=limits)
    server.on_store(lambda request: request.save(None))
    with server, ExitStack() as stack:
        for _ in range(NUMBER // 2):  # what is made once is made
            _associate(server.port, stack)
        threads = {*threading.enumerate()}
        gc.collect()
        tracemalloc.start()
        try:
            # What other tests have left behind in this process may grow meanwhile, but hardly twice.
            held = min(_held_by_each(server.port, stack) for _ in range(2))
            by_file = tracemalloc.take_snapshot().statistics("filename")[:20]
        finally:
            tracemalloc.stop()
        assert not {*threading.enumerate()} - threads
        assert 4 * KIB < held < HELD, [f"{each.size / 2 / NUMBER:.0f} {each.traceback}" for each in by_file]


def _held_by_each(port: int, stack: ExitStack) -> float:
    """Bytes that are held in addition for each of so many associations."""
    before, _ = tracemalloc.get_traced_memory()
    for _ in range(NUMBER):
        _associate(port, stack)
    gc.collect()
    after, _ = tracemalloc.get_traced_memory()
    return (after - before) / NUMBER


def _associate(port: int, stack: ExitStack) -> None:
    peer = stack.enter_context(socket.create_connection(("127.0.0.1", port), 15))
    peer.sendall(REQUEST)
    assert peer.recv(4 * KIB)[0] == PduType.ASSOCIATE_AC


_SYNTAXES = (ImplicitVRLittleEndian, ExplicitVRLittleEndian)
REQUEST = push_pdu(
    AssociateRequest(
        "ARCHIVE",
        "MODALITY",
        tuple(
            ProposedContext(number, sop_class, _SYNTAXES)
            for number, sop_class in ((1, Verification), (3, CTImageStorage), (5, MRImageStorage))
        ),
        UserInformation(max_pdu_length=16 * KIB, implementation_class_uid=Verification),
    )
)
