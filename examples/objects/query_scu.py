"""A query SCU made of registered functions instead of a subclass.

python query_scu.py AET@host:port PATTERN
"""

import sys
import threading

from pydicom import Dataset

from dicomnet import Address, Associate, AssociationRejected, DicomNet, DicomNetError, Message
from dicomnet.uids import StudyRootQueryRetrieveInformationModelFind


def main(address: str, pattern: str) -> str | None:
    """Returns what went wrong, if anything did."""
    peer = Address.parse(address)
    over = threading.Event()
    failures: list[str] = []
    scu = DicomNet()

    @scu.on("receive_associate_accept")
    def ask(associate: Associate) -> None:
        if not associate.contexts[0].is_accepted:
            failures.append("the peer does not take queries")
            scu.send_release_request()
            return
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
            if not message.status.is_success:
                failures.append("the query failed")
            scu.send_release_request()

    @scu.on("connect")
    @scu.on("close")
    def lost(error: Exception | None, net: DicomNet | None = None) -> None:
        if error is not None or net is not None:
            failures.append(str(error or "the peer closed the connection"))
            over.set()

    scu.on("receive_release_response", over.set)

    @scu.on("receive_associate_reject")
    def rejected(*numbers: int) -> None:
        failures.append(str(AssociationRejected(*numbers)))
        over.set()

    with scu:
        scu.connect(peer.host, peer.port)
        scu.send_associate_request(
            Associate.request(called_ae=peer.aet or "ANY-SCP", contexts=[StudyRootQueryRetrieveInformationModelFind])
        )
        over.wait()
    return failures[0] if failures else None


if __name__ == "__main__":
    if len(sys.argv) != 3:
        print(f"usage: {__doc__.splitlines()[-1]}", file=sys.stderr)
        sys.exit(2)
    try:
        sys.exit(main(*sys.argv[1:]))
    except (DicomNetError, ValueError) as error:
        sys.exit(str(error))
