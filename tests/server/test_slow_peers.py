"""Peers that are slower than the handlers which work for them, and those who come after them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import dicomnet
from dicomnet.dimse.status import Status
from dicomnet.limits import Timeouts
from dicomnet.sockets import SocketOptions
from raw import CT_IMAGE_STORAGE, STORE_CONTEXT, RawPeer, data_set, p_data, pdv, store_command
from server.serving import WAIT, instance, local, place

SMALL = SocketOptions(send_buffer_size=4096, receive_buffer_size=4096)
"""So that the system holds little of what nobody reads."""


def test_queries_of_peers_that_do_not_read_leave_places_for_others() -> None:
    """A plain handler keeps its thread for each of them, and the cursor that it may have opened there."""
    server = local(handler_threads=2, socket_options=SMALL)

    @server.on_find
    def find(request: Any) -> Iterator[dict[str, str]]:
        whole = request.calling_ae == "SLOW"
        for number in range(1_000_000 if whole else 3):
            yield {"StudyInstanceUID": f"1.2.{number}", "StudyDescription": "x" * 60}

    with server, ExitStack() as stack:

        def finding(title: str, **options: Any) -> dicomnet.Association:
            patience = Timeouts(response=WAIT)
            opened = dicomnet.associate(
                place(server), aet=title, contexts=["study-root-find"], timeouts=patience, **options
            )
            return stack.enter_context(opened)

        slow = [finding("SLOW", socket_options=SMALL) for _ in range(2)]
        for one in slow:
            assert next(iter(one.find("STUDY")))
        assert len(finding("QUICK").find("STUDY").all()) == 3
        for one in slow:
            one.abort()


def test_stores_of_peers_that_do_not_go_on_leave_places_for_others() -> None:
    """A plain handler waits for their data in its thread."""
    server = local(handler_threads=2)
    kept: list[int] = []

    @server.on_store
    def keep(request: Any) -> int:
        kept.append(sum(len(piece) for piece in request.stream()))
        return 0

    with server, ExitStack() as stack:
        for number in range(2):
            slow = stack.enter_context(RawPeer(server.port))
            slow.associate()
            uid = b"1.2.3.%d" % (100 + number)
            slow.send(p_data(pdv(store_command(uid), STORE_CONTEXT, 3)))
            slow.send(p_data(pdv(data_set(uid)[:1000], STORE_CONTEXT, 0)))
        patience = Timeouts(store_response=WAIT)
        contexts = [CT_IMAGE_STORAGE.decode()]
        with dicomnet.associate(place(server), aet="QUICK", contexts=contexts, timeouts=patience) as quick:
            assert quick.store(instance(1)).results[0].status == Status.SUCCESS
        assert len(kept) == 1
