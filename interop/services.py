"""What both sides of a test talk about: identifiers, attributes and instances, and an SCP of ours for every service."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pydicom
from pydicom.dataset import Dataset

import peers
from dicomnet import Associate, Message, Status
from net.applications import Archive, associated

VERIFICATION = "1.2.840.10008.1.1"
CT_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.2"
STUDY_ROOT_FIND = "1.2.840.10008.5.1.4.1.2.2.1"
STUDY_ROOT_MOVE = "1.2.840.10008.5.1.4.1.2.2.2"
STUDY_ROOT_GET = "1.2.840.10008.5.1.4.1.2.2.3"
STORAGE_COMMITMENT = "1.2.840.10008.1.20.1"
STORAGE_COMMITMENT_INSTANCE = "1.2.840.10008.1.20.1.1"
PERFORMED_STEP = "1.2.840.10008.3.1.2.3.3"
FILM_SESSION = "1.2.840.10008.5.1.1.1"
PRINTER = "1.2.840.10008.5.1.1.16"
PRINTER_INSTANCE = "1.2.840.10008.5.1.1.17"
MODALITY_WORKLIST_FIND = "1.2.840.10008.5.1.4.31"
PRINT_META = "1.2.840.10008.5.1.1.9"
FILM_BOX = "1.2.840.10008.5.1.1.2"
IMAGE_BOX = "1.2.840.10008.5.1.1.4"
UPS_PUSH, UPS_PULL = "1.2.840.10008.5.1.4.34.6.1", "1.2.840.10008.5.1.4.34.6.3"
MACHINE_VERIFICATION = "1.2.840.10008.5.1.4.34.8"
ROOTS = {"patient-root": "1.2.840.10008.5.1.4.1.2.1.", "study-root": "1.2.840.10008.5.1.4.1.2.2."}
"""What the SOP classes of a model begin with; 1 is its C-FIND, 2 its C-MOVE, 3 its C-GET."""

EXPLICIT_LE = "1.2.840.10008.1.2.1"

INSTANCE = "1.2.826.0.1.3680043.8.498.7"


def dataset(**elements: Any) -> Dataset:
    """A data set of these elements."""
    made = Dataset()
    for keyword, value in elements.items():
        setattr(made, keyword, value)
    return made


QUERY = dataset(QueryRetrieveLevel="STUDY", PatientID="", PatientName="Citizen*", StudyInstanceUID="")
MATCHES = [
    dataset(QueryRetrieveLevel="STUDY", PatientID=str(i), PatientName=f"Citizen^{i}", StudyInstanceUID=f"1.2.3.{i}")
    for i in range(3)
]
RETRIEVE = dataset(QueryRetrieveLevel="STUDY", StudyInstanceUID="1.2.3.1")
GIVEN = dataset(PatientName="Citizen^Jan", PatientID="7", SpecificCharacterSet="ISO_IR 192", PatientComments="Zoë")
RETURNED = dataset(PatientID="7", PatientBirthDate="19700101")


def ct_instances() -> list[peers.Instance]:
    """Three instances of one class and syntax, to be retrieved."""
    found = [
        i for i in peers.distinct_instances() if i.sop_class == CT_IMAGE_STORAGE and i.transfer_syntax == EXPLICIT_LE
    ]
    return found[:3]


def data_of(instance: peers.Instance) -> bytes:
    """The data set as it lies in the file."""
    return instance.path.read_bytes()[instance.offset :]


def read(instance: peers.Instance) -> pydicom.FileDataset:
    """The file as pydicom reads it."""
    return pydicom.dcmread(instance.path)


FILM = {"ImageDisplayFormat": "STANDARD\\1,1", "FilmOrientation": "PORTRAIT", "FilmSizeID": "8INX10IN"}


def picture() -> Dataset:
    """A picture for an image box of grayscale film: eight rows of eight gray pixels."""
    made = dataset(
        SamplesPerPixel=1,
        PhotometricInterpretation="MONOCHROME2",
        Rows=8,
        Columns=8,
        PixelAspectRatio=["1", "1"],
        BitsAllocated=8,
        BitsStored=8,
        HighBit=7,
        PixelRepresentation=0,
    )
    made.add_new("PixelData", "OW", bytes(range(64)))
    return dataset(ImageBoxPosition=1, BasicGrayscaleImageSequence=[made])


class Scp(Archive):
    """Serves every DIMSE service there is; what came is in ``requests``."""

    destinations: dict[str, int] = {}  # noqa: RUF012
    """Ports by title, for C-MOVE."""

    def __init__(self, archive: Scp | None = None, **settings: Any) -> None:
        super().__init__(archive, **settings)
        self.requests: list[tuple[Any, Dataset | None]] = [] if archive is None else archive.requests
        self.aborts: list[tuple[int, int]] = [] if archive is None else archive.aborts
        self._retrieving: Message[Any] | None = None
        self._left: list[peers.Instance] = []

    def on_receive_abort(self, source: int, reason: int) -> None:
        self.aborts.append((source, reason))

    def on_receive_data(self, context_id: int, command: Any, data: Any) -> None:
        self.requests.append((command, None if data is None else data.dataset()))

    def on_receive_c_find_request(self, message: Message[Any]) -> None:
        matches: Sequence[Dataset] = MATCHES if message.dataset == QUERY else MATCHES * 1000
        for match in matches:
            if self.is_cancelled(message.message_id):
                self.send_c_find_response(message, Status.CANCEL)
                return
            self.send_c_find_response(message, Status.PENDING, match)
            self.flush(10)
        self.send_c_find_response(message, Status.SUCCESS)

    def on_receive_c_get_request(self, message: Message[Any]) -> None:
        self._retrieving, self._left = message, ct_instances()
        self._give_next()

    def on_receive_c_store_response(self, message: Message[Any]) -> None:
        assert message.status == Status.SUCCESS
        self._give_next()

    def on_receive_c_move_request(self, message: Message[Any]) -> None:
        port = self.destinations.get(message.move_destination)
        if port is None:
            self.send_c_move_response(message, Status.MOVE_DESTINATION_UNKNOWN)
            return
        moving = ct_instances()
        contexts = Associate.request(contexts=[CT_IMAGE_STORAGE]).contexts
        assert self.association is not None
        originator = {
            "move_originator_application_entity_title": self.association.calling_ae,
            "move_originator_message_id": message.message_id,
        }
        with associated(port, contexts, called_ae=message.move_destination) as modality:
            for done, instance in enumerate(moving):
                left = len(moving) - done
                self.send_c_move_response(message, Status.PENDING, remaining=left, completed=done, failed=0, warning=0)
                assert modality.store(instance.path, **originator) == Status.SUCCESS
        self.send_c_move_response(message, Status.SUCCESS, completed=len(moving), failed=0, warning=0)

    def on_receive_n_create_request(self, message: Message[Any]) -> None:
        uid = message.affected_sop_instance_uid or INSTANCE
        self.send_n_create_response(message, Status.SUCCESS, RETURNED, affected_sop_instance_uid=uid)

    def on_receive_n_set_request(self, message: Message[Any]) -> None:
        self.send_n_set_response(message, Status.SUCCESS, RETURNED)

    def on_receive_n_get_request(self, message: Message[Any]) -> None:
        self.send_n_get_response(message, Status.SUCCESS, RETURNED)

    def on_receive_n_action_request(self, message: Message[Any]) -> None:
        self.send_n_action_response(message, Status.SUCCESS, RETURNED)

    def on_receive_n_event_report_request(self, message: Message[Any]) -> None:
        self.send_n_event_report_response(message, Status.SUCCESS, RETURNED)

    def on_receive_n_delete_request(self, message: Message[Any]) -> None:
        self.send_n_delete_response(message, Status.SUCCESS)

    def _give_next(self) -> None:
        request, done = self._retrieving, len(ct_instances()) - len(self._left)
        if not self._left:
            self.send_c_get_response(request, Status.SUCCESS, completed=done, failed=0, warning=0)
            return
        left = len(self._left)
        self.send_c_get_response(request, Status.PENDING, remaining=left, completed=done, failed=0, warning=0)
        self.send_c_store_request(self._left.pop(0).path)
