"""A query SCU made of registered functions instead of a subclass.

python query_scu.py AET@host:port PATTERN
"""

import sys
import threading

from pydicom import Dataset

from dicomnet import Address, Associate, DicomNet, Message
from dicomnet.uids import StudyRootQueryRetrieveInformationModelFind


def main(address: str, pattern: str) -> None:
    peer = Address.parse(address)
    over = threading.Event()
    scu = DicomNet()

    @scu.on("receive_associate_accept")
    def ask(associate: Associate) -> None:
        keys = Dataset()
        keys.QueryRetrieveLevel = "STUDY"
        keys.PatientName = pattern
        keys.PatientID = ""
        keys.StudyInstanceUID = ""
        scu.send_c_find_request(StudyRootQueryRetrieveInformationModelFind, keys)

    @scu.on("receive_c_find_response")
    def take(message: Message) -> None:
        if message.status.is_pending:
            study = message.dataset
            print(f"{study.PatientID} {study.PatientName} {study.StudyInstanceUID}")
        else:
            print(message.status)
            scu.send_release_request()

    @scu.on("connect")
    @scu.on("close")
    def lost(error: Exception | None, net: DicomNet | None = None) -> None:
        if error is not None or net is not None:
            print(error or "the peer closed the connection")
            over.set()

    scu.on("receive_release_response", over.set)
    scu.on("receive_associate_reject", lambda *numbers: (print("rejected", *numbers), over.set()))

    with scu:
        scu.connect(peer.host, peer.port)
        scu.send_associate_request(
            Associate.request(called_ae=peer.aet or "ANY-SCP", contexts=[StudyRootQueryRetrieveInformationModelFind])
        )
        over.wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
