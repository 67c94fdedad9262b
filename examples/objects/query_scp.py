"""A query SCP: answers C-FIND at the study level from a list, and stops when it is cancelled.

python query_scp.py PORT
"""

import signal
import sys
import threading
from fnmatch import fnmatchcase

from pydicom import Dataset

from dicomnet import Associate, DicomNet, DicomNetError, Message, Status

STUDIES = [
    {"PatientName": "Doe^Jane", "PatientID": "1001", "StudyInstanceUID": "1.2.3.1"},
    {"PatientName": "Doe^John", "PatientID": "1002", "StudyInstanceUID": "1.2.3.2"},
    {"PatientName": "Roe^Rita", "PatientID": "1003", "StudyInstanceUID": "1.2.3.3"},
]


class QueryScp(DicomNet):
    def on_accept(self, error: Exception | None) -> None:
        self.accept(QueryScp())

    def on_receive_associate_request(self, associate: Associate) -> None:
        self.send_associate_accept(associate.accept_all())

    def on_receive_c_find_request(self, message: Message) -> None:
        identifier = message.dataset
        for study in STUDIES:
            if self.is_cancelled(message.message_id):
                self.send_c_find_response(message, Status.CANCEL)
                return
            if all(fnmatchcase(study[key], str(identifier.get(key) or "*")) for key in study):
                self.send_c_find_response(message, Status.PENDING, answer(identifier, study))
        self.send_c_find_response(message, Status.SUCCESS)


def answer(identifier: Dataset, study: dict[str, str]) -> Dataset:
    """What was asked for, and nothing else (PS3.4 C.4.1.1.3.2)."""
    found = Dataset()
    found.QueryRetrieveLevel = "STUDY"
    for element in identifier:
        if element.keyword in study:
            setattr(found, element.keyword, study[element.keyword])
    return found


def main(port: str) -> None:
    end = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: end.set())
    with QueryScp() as listener:
        _, bound = listener.listen("127.0.0.1", int(port))
        print(f"listening on port {bound}", flush=True)
        end.wait()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        print(f"usage: {__doc__.splitlines()[-1]}", file=sys.stderr)
        sys.exit(2)
    try:
        sys.exit(main(*sys.argv[1:]))
    except (DicomNetError, ValueError) as error:
        sys.exit(str(error))
