"""A storage SCU: sends files one after the other and tells what became of each.

python storage_scu.py AET@host:port FILE...
"""

import sys
import threading

from dicomnet import Address, Associate, AssociationRejected, DicomNet, Message
from dicomnet.storage.source import InstanceFile


class StorageScu(DicomNet):
    def __init__(self, called_ae: str, files: list[InstanceFile]) -> None:
        super().__init__()
        self.called_ae = called_ae
        self.files = files
        self.sent: dict[int, InstanceFile] = {}
        self.over = threading.Event()

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
            self.sent[self.send_c_store_request(file.path)] = file  # queued; the bytes are read as they leave
        self.send_release_request()  # leaves once all are answered

    def on_receive_c_store_response(self, message: Message) -> None:
        print(f"{self.sent[message.message_id_being_responded_to].path}: {message.status}")

    def on_receive_release_response(self) -> None:
        self.over.set()

    def on_receive_associate_reject(self, result: int, source: int, reason: int) -> None:
        print(AssociationRejected(result, source, reason), file=sys.stderr)
        self.over.set()

    def on_close(self, error: Exception | None, net: DicomNet) -> None:
        print(f"the connection ended: {error or 'the peer closed it'}", file=sys.stderr)
        self.over.set()


def main(address: str, *paths: str) -> None:
    peer = Address.parse(address)
    with StorageScu(peer.aet or "ANY-SCP", [InstanceFile.open(path) for path in paths]) as scu:
        scu.connect(peer.host, peer.port)
        scu.over.wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
