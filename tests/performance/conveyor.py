"""Two cores of one association and one buffer between them: messages pass, and nothing is kept or copied on the way.

`pair.Pair` notes all that ever happened, which is what most tests want; here it would be most of what is measured.
"""

from __future__ import annotations

from dicomnet.dimse.commands import CEchoRequest, CEchoResponse, CStoreRequest, CStoreResponse
from dicomnet.dimse.endpoint import Endpoint
from dicomnet.dimse.events import DataReceived, MessageBegun
from dicomnet.dimse.fragments import Body, OutgoingMessage
from dicomnet.dimse.status import Status
from dicomnet.limits import KIB, MIB
from dicomnet.pdu import AssociateAccept
from dicomnet.ul.negotiation import Policy, negotiate
from pair import CT, CT_IMAGE_STORAGE, ECHO, VERIFICATION, proposal

NOW = 2000.0


class Conveyor:
    """Performs whole operations, request and response."""

    def __init__(self) -> None:
        self.requestor, self.acceptor = Endpoint(requestor=True), Endpoint(requestor=False)
        self.received = 0
        """Bytes of data sets that came out at the other end."""
        self._buffer = memoryview(bytearray(MIB))
        self._message_id = 0
        self.acceptor.connected(NOW)
        self.requestor.connected(NOW)
        request = proposal(max_pdu_length=128 * KIB)
        self.requestor.associate(request, NOW)
        self._move(self.requestor, self.acceptor)
        answer = negotiate(request, Policy(max_pdu_length=128 * KIB))
        assert isinstance(answer, AssociateAccept)
        self.acceptor.accept(answer, NOW)
        self._move(self.acceptor, self.requestor)
        assert self.requestor.is_associated

    def echo(self) -> None:
        """One C-ECHO."""
        self._message_id = self._message_id % 0xFFFF + 1
        request = CEchoRequest(message_id=self._message_id, affected_sop_class_uid=VERIFICATION)
        self.requestor.send(ECHO, request, NOW)
        response = CEchoResponse(
            message_id_being_responded_to=self._message_id,
            affected_sop_class_uid=VERIFICATION,
            status=Status(0),
        )
        assert self._move(self.requestor, self.acceptor) == 1
        self.acceptor.send(ECHO, response, NOW)
        assert self._move(self.acceptor, self.requestor) == 1

    def store(self, body: Body) -> None:
        """One C-STORE, whose data pass through the buffer."""
        self._message_id = self._message_id % 0xFFFF + 1
        request = CStoreRequest(
            message_id=self._message_id,
            affected_sop_class_uid=CT_IMAGE_STORAGE,
            affected_sop_instance_uid="1.2.3.4",
            priority=0,
        )
        self.requestor.send(CT, request, NOW, body)
        response = CStoreResponse(
            message_id_being_responded_to=self._message_id,
            affected_sop_class_uid=CT_IMAGE_STORAGE,
            affected_sop_instance_uid="1.2.3.4",
            status=Status(0),
        )
        assert self._move(self.requestor, self.acceptor) == 1
        self.acceptor.send(CT, response, NOW)
        assert self._move(self.acceptor, self.requestor) == 1

    def _move(self, source: Endpoint, target: Endpoint) -> int:
        """What a shell does; how many messages have begun."""
        begun = 0
        for item in source.data_to_send():
            if isinstance(item, bytes):
                begun += self._feed(target, item)
                source.sent(len(item), NOW)
                continue
            assert isinstance(item, OutgoingMessage)
            while item.remaining:
                used, gaps = item.lay_out(self._buffer)
                item.body.read_into(gaps)
                begun += self._feed(target, self._buffer[:used])
                source.sent(used, NOW)
            item.body.close()
        return begun

    def _feed(self, target: Endpoint, data: bytes | memoryview) -> int:
        begun = 0
        for event in target.receive(data, NOW):
            if isinstance(event, DataReceived):
                self.received += len(event.data)
            else:
                begun += isinstance(event, MessageBegun)
        return begun


class Zeros:
    """A body that is made as it is read."""

    blocking = False

    def __init__(self, length: int) -> None:
        self.length = length

    def read_into(self, views: list[memoryview]) -> None:
        """The buffer may keep what it has: what the bytes are is of no interest."""

    def close(self) -> None:
        pass
