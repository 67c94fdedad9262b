"""A gateway: sends on each instance that it is sent, and acknowledges it when the next archive has.

python gateway.py PORT AET@host:port
"""

import signal
import sys
import threading

from dicomnet import Address, Associate, DicomNet, DicomNetError, Message, RejectReason, RejectResult


class Inbound(DicomNet):
    """Who calls us; has an association of its own with the archive, so contexts and answers are the archive's."""

    def __init__(self, archive: Address) -> None:
        super().__init__()
        self.archive = archive
        self.outbound = Outbound(self)

    def on_accept(self, error: Exception | None) -> None:
        self.accept(Inbound(self.archive))  # one object per connection

    def on_receive_associate_request(self, associate: Associate) -> None:
        self.asked = associate
        self.outbound.connect(self.archive.host, self.archive.port)  # answered when the archive has answered

    def on_receive_c_echo_request(self, message: Message) -> None:
        self.send_c_echo_response(message)

    def on_receive_c_store_request(self, message: Message) -> None:
        self.outbound.forward(message)  # returns at once, so the next instance may come

    def on_receive_release_request(self) -> None:
        self.outbound.send_release_request()

    def on_close(self, error: Exception | None, net: DicomNet) -> None:
        self.outbound.close()


class Outbound(DicomNet):
    """Our side of the association with the archive."""

    def __init__(self, inbound: Inbound) -> None:
        super().__init__()
        self.inbound = inbound
        self.waiting: dict[int, Message] = {}

    def on_connect(self, error: Exception | None) -> None:
        if error is not None:
            reason = RejectReason.TEMPORARY_CONGESTION
            self.inbound.send_associate_reject(RejectResult.TRANSIENT, reason.source, reason.reason)
            return
        asked = self.inbound.asked
        associate = Associate.request(called_ae=self.inbound.archive.aet or "ANY-SCP", calling_ae=asked.calling_ae)
        for context in asked.contexts:
            associate.add(context.abstract_syntax, context.transfer_syntaxes, context_id=context.context_id)
        self.send_associate_request(associate)

    def on_receive_associate_accept(self, associate: Associate) -> None:
        answer = self.inbound.asked.accept()
        for context, theirs in zip(answer.contexts, associate.contexts, strict=True):
            context.result = theirs.result
            if theirs.is_accepted:
                context.transfer_syntaxes = theirs.transfer_syntaxes
        self.inbound.send_associate_accept(answer)

    def on_receive_associate_reject(self, result: int, source: int, reason: int) -> None:
        self.inbound.send_associate_reject(result, source, reason)

    def forward(self, message: Message) -> None:
        self.waiting[self.send_c_store_request(message, context_id=message.context_id)] = message

    def on_receive_c_store_response(self, message: Message) -> None:
        asked = self.waiting.pop(message.message_id_being_responded_to)
        self.inbound.send_c_store_response(asked, message.status)

    def on_receive_release_response(self) -> None:
        self.inbound.send_release_response()

    def on_close(self, error: Exception | None, net: DicomNet) -> None:
        self.inbound.send_abort()  # whoever waits for an answer shall not


def main(port: str, address: str) -> None:
    end = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: end.set())
    with Inbound(Address.parse(address)) as listener:
        _, bound = listener.listen("127.0.0.1", int(port))
        print(f"listening on port {bound}", flush=True)
        end.wait()


if __name__ == "__main__":
    if len(sys.argv) != 3:
        print(f"usage: {__doc__.splitlines()[-1]}", file=sys.stderr)
        sys.exit(2)
    try:
        sys.exit(main(*sys.argv[1:]))
    except (DicomNetError, ValueError) as error:
        sys.exit(str(error))
