"""A storage SCU: sends files one after the other and tells what became of each.

python storage_scu.py AET@host:port FILE...
"""

import sys
import threading

from dicomnet import Address, Associate, AssociationRejected, DicomNet, DicomNetError, InstanceFile, Message


class StorageScu(DicomNet):
    def __init__(self, called_ae: str, files: list[InstanceFile]) -> None:
        super().__init__()
        self.called_ae = called_ae
        self.files = files
        self.sent: dict[int, InstanceFile] = {}
        self.over = threading.Event()
        self.failure: str | None = None

    def on_connect(self, error: Exception | None) -> None:
        if error is not None:
            self.on_close(error, self)
            return
        associate = Associate.request(called_ae=self.called_ae)
        # A context of its own for each syntax, so that the acceptor cannot choose one that the file is not in.
        for abstract, transfer in dict.fromkeys((f.sop_class_uid, f.transfer_syntax_uid) for f in self.files):
            associate.add(abstract, transfer)
        self.send_associate_request(associate)

    def on_receive_associate_accept(self, associate: Associate) -> None:
        for file in self.files:
            try:
                self.sent[self.send_c_store_request(file.path)] = file  # queued; the bytes are read as they leave
            except DicomNetError as error:  # such as a context that was not accepted
                self.failure = f"{file.path}: {error}"
        self.send_release_request()  # leaves once all are answered

    def on_receive_c_store_response(self, message: Message) -> None:
        print(f"{self.sent[message.message_id_being_responded_to].path}: {message.status}")
        if not (message.status.is_success or message.status.is_warning):
            self.failure = "not everything was stored"

    def on_receive_release_response(self) -> None:
        self.over.set()

    def on_receive_associate_reject(self, result: int, source: int, reason: int) -> None:
        self.failure = str(AssociationRejected(result, source, reason))
        self.over.set()

    def on_close(self, error: Exception | None, net: DicomNet) -> None:
        self.failure = self.failure or f"the connection ended: {error or 'the peer closed it'}"
        self.over.set()


def main(address: str, *paths: str) -> str | None:
    """Returns what went wrong, if anything did."""
    peer = Address.parse(address)
    with StorageScu(peer.aet or "ANY-SCP", [InstanceFile.open(path) for path in paths]) as scu:
        scu.connect(peer.host, peer.port)
        scu.over.wait()
    return scu.failure


if __name__ == "__main__":
    if len(sys.argv) < 3:
        print(f"usage: {__doc__.splitlines()[-1]}", file=sys.stderr)
        sys.exit(2)
    try:
        sys.exit(main(*sys.argv[1:]))
    except (DicomNetError, ValueError) as error:
        sys.exit(str(error))
