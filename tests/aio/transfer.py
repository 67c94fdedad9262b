"""One end of a transfer in a process of its own: `transfer.py receive FOLDER` or `transfer.py send PORT FILE`.

The receiver prints its port, and each end at last the most memory it ever had, in KiB.
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from dicomnet import Associate, DicomNet, Message, Status
from dicomnet.dimse.commands import CStoreRequest, CStoreResponse
from dicomnet.uids import CTImageStorage, ExplicitVRLittleEndian
from peak import most_memory

WAIT = 30.0


class Receiver(DicomNet):
    ended = threading.Event()

    def on_accept(self, error: Exception | None) -> None:
        self.accept(Receiver(destination=self.destination))

    def on_receive_associate_request(self, associate: Associate) -> None:
        self.send_associate_accept(associate.accept_all())

    def on_receive_c_store_request(self, message: Message[CStoreRequest]) -> None:
        self.send_c_store_response(message, Status.SUCCESS)

    def on_close(self, error: Exception | None, net: DicomNet) -> None:
        self.ended.set()


class Sender(DicomNet):
    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path
        self.status: Status | None = None
        self.released = threading.Event()

    def on_connect(self, error: Exception | None) -> None:
        associate = Associate()
        associate.called_ae, associate.calling_ae = "RECEIVER", "SENDER"
        associate.add(CTImageStorage, ExplicitVRLittleEndian)
        self.send_associate_request(associate)

    def on_receive_associate_accept(self, associate: Associate) -> None:
        self.send_c_store_request(Path(self.path))
        self.send_release_request()

    def on_receive_c_store_response(self, message: Message[CStoreResponse]) -> None:
        self.status = message.status

    def on_receive_release_response(self) -> None:
        self.released.set()


def receive(folder: str) -> None:
    with Receiver(destination=lambda command: Path(folder) / "kept.dcm") as receiver:
        print(receiver.listen("127.0.0.1")[1], flush=True)
        assert Receiver.ended.wait(WAIT)


def send(port: str, path: str) -> None:
    with Sender(path) as sender:
        sender.connect("127.0.0.1", int(port))
        assert sender.released.wait(WAIT)
        assert sender.status == Status.SUCCESS


if __name__ == "__main__":
    {"receive": receive, "send": send}[sys.argv[1]](*sys.argv[2:])
    print(most_memory(), flush=True)
