"""pynetdicom as SCP and as SCU against DicomNet objects: each DIMSE service, negotiation, and every way to end."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import Queue
from threading import Event
from time import monotonic
from typing import Any

import pytest

import dicomnet
import peers
from bundled import bundled
from dicomnet import MEMORY, Associate, DicomNet, Status
from dicomnet.net import PresentationContext
from dicomnet.pdu import CommonExtendedNegotiation, UserIdentity
from dicomnet.types import UID
from net.applications import PATIENCE, Modality, associated
from pynet import ALL_CLASSES, asking, serving
from services import (
    CT_IMAGE_STORAGE,
    EXPLICIT_LE,
    FILM_SESSION,
    GIVEN,
    INSTANCE,
    MATCHES,
    PERFORMED_STEP,
    PRINTER,
    PRINTER_INSTANCE,
    QUERY,
    RETRIEVE,
    RETURNED,
    STORAGE_COMMITMENT,
    STORAGE_COMMITMENT_INSTANCE,
    STUDY_ROOT_FIND,
    STUDY_ROOT_GET,
    STUDY_ROOT_MOVE,
    VERIFICATION,
    Scp,
    ct_instances,
    data_of,
    dataset,
    read,
)

pynetdicom = peers.require_module("pynetdicom")
build_role, evt = pynetdicom.build_role, pynetdicom.evt
primitives = pynetdicom.pdu_primitives


@pytest.fixture(autouse=True)
def network() -> Iterator[None]:
    """The network ends with the test."""
    with dicomnet.runtime():
        yield


def told(message: Any) -> tuple[int, Any]:
    """Status and data set of a response."""
    return message.status, message.dataset


# pynetdicom as SCP.


def test_pynetdicom_answers_our_echo() -> None:
    """The request arrives with its message ID, the answer with success."""
    came: list[int] = []

    def answer(event: Any) -> int:
        came.append(event.request.MessageID)
        return 0

    with serving([(evt.EVT_C_ECHO, answer)]) as port, associated(port) as modality:
        assert modality.echo() == Status.SUCCESS
        assert modality.echo() == Status.SUCCESS
    assert came == [1, 2]


@pytest.mark.parametrize("maximum_pdu_size", [0, 4096, 16382, 131072])
def test_pynetdicom_keeps_all_that_we_store(maximum_pdu_size: int) -> None:
    """Every file that pydicom brings arrives with its class, its instance, its syntax and its very bytes."""
    came: Counter[tuple[str, str, str, str]] = Counter()

    def keep(event: Any) -> int:
        request = event.request
        digest = hashlib.sha256(request.DataSet.getvalue()).hexdigest()
        syntax = event.context.transfer_syntax
        came[request.AffectedSOPClassUID, request.AffectedSOPInstanceUID, syntax, digest] += 1
        return 0

    pairs = dict.fromkeys((instance.sop_class, instance.transfer_syntax) for instance in bundled())
    associate = Associate.request()
    syntaxes: dict[str, list[str]] = {}
    for sop_class, syntax in pairs:
        associate.add(sop_class, syntax)
        syntaxes.setdefault(sop_class, []).append(syntax)
    supported = list(syntaxes.items())
    with (
        serving([(evt.EVT_C_STORE, keep)], supported, maximum_pdu_size=maximum_pdu_size) as port,
        associated(port, associate.contexts) as modality,
    ):
        for instance in bundled():
            assert modality.store(instance.path) == Status.SUCCESS
    assert came == Counter(instance.facts for instance in bundled())


def test_pynetdicom_finds_for_us() -> None:
    """The identifier arrives, and so do the matches in their order, pending but the last, which has none."""
    came: Queue[Any] = Queue()

    def find(event: Any) -> Iterator[Any]:
        came.put(event.identifier)
        for match in MATCHES:
            yield 0xFF00, match

    with serving([(evt.EVT_C_FIND, find)]) as port, associated(port, [STUDY_ROOT_FIND]) as modality:
        modality.send_c_find_request(STUDY_ROOT_FIND, QUERY)
        answers = [told(modality.expect("receive_c_find_response")) for _ in range(4)]
    assert came.get_nowait() == QUERY
    assert answers == [(0xFF00, match) for match in MATCHES] + [(0, None)]


def test_pynetdicom_stops_finding_when_we_cancel() -> None:
    """After the C-CANCEL the matches end with FE00, and the association goes on."""

    def find(event: Any) -> Iterator[Any]:
        yield 0xFF00, MATCHES[0]
        patience = monotonic() + PATIENCE
        while not (cancelled := event.is_cancelled) and monotonic() < patience:
            Event().wait(0.01)  # it tells of a cancel only when it is asked, and once
        yield (0xFE00 if cancelled else 0xC000), None

    with (
        serving([(evt.EVT_C_FIND, find)]) as port,
        associated(port, [STUDY_ROOT_FIND, VERIFICATION]) as modality,
    ):
        message_id = modality.send_c_find_request(STUDY_ROOT_FIND, QUERY)
        assert modality.expect("receive_c_find_response").status == Status.PENDING
        modality.send_c_cancel_request(message_id)
        assert modality.expect("receive_c_find_response").status == Status.CANCEL
        assert modality.echo() == Status.SUCCESS


def test_pynetdicom_gives_us_what_we_get() -> None:
    """The instances come as C-STORE requests on our association, in the role that we offered; then come the counts."""
    asked: Queue[Any] = Queue()
    given = ct_instances()

    def give(event: Any) -> Iterator[Any]:
        asked.put(event.identifier)
        yield len(given)
        for instance in given:
            yield 0xFF00, read(instance)

    supported = [STUDY_ROOT_GET, (CT_IMAGE_STORAGE, [EXPLICIT_LE], {"scu_role": False, "scp_role": True})]
    storage = PresentationContext(3, CT_IMAGE_STORAGE, [EXPLICIT_LE], scu_role=False, scp_role=True)
    get = PresentationContext(1, STUDY_ROOT_GET, [EXPLICIT_LE])
    with (
        serving([(evt.EVT_C_GET, give)], supported) as port,
        associated(port, [get, storage], destination=MEMORY) as modality,
    ):
        assert modality.association is not None
        role = modality.association.context(3)
        assert (role.is_accepted, role.scu_role, role.scp_role) == (True, False, True)
        modality.send_c_get_request(STUDY_ROOT_GET, RETRIEVE)
        for instance in given:
            request = modality.expect("receive_c_store_request")
            assert request.affected_sop_instance_uid == instance.sop_instance
            assert request.dataset == read(instance)
            modality.send_c_store_response(request, Status.SUCCESS)
            pending = modality.expect("receive_c_get_response")
            assert pending.status == Status.PENDING
        final = modality.expect("receive_c_get_response")
    assert asked.get_nowait() == RETRIEVE
    assert final.status == Status.SUCCESS
    assert (final.number_of_completed_suboperations, final.number_of_failed_suboperations) == (len(given), 0)


def test_pynetdicom_moves_to_us() -> None:
    """The instances come on another association to our archive, and say who asked; the counts come on the first."""
    given = ct_instances()

    def move(event: Any) -> Iterator[Any]:
        yield "127.0.0.1", destination, {"contexts": [pynetdicom.build_context(CT_IMAGE_STORAGE, EXPLICIT_LE)]}
        yield len(given)
        for instance in given:
            yield 0xFF00, read(instance)

    with Scp(destination=MEMORY) as archive, serving([(evt.EVT_C_MOVE, move)]) as port:
        _, destination = archive.listen("127.0.0.1", 0)
        with associated(port, [STUDY_ROOT_MOVE]) as modality:
            message_id = modality.send_c_move_request(STUDY_ROOT_MOVE, "ARCHIVE", RETRIEVE)
            statuses = []
            while (answer := modality.expect("receive_c_move_response")).status == Status.PENDING:
                statuses.append(answer.number_of_completed_suboperations)
            assert answer.status == Status.SUCCESS
            assert answer.number_of_completed_suboperations == len(given)
            assert statuses == [1, 2, 3]
        kept = archive.received
        assert [message.dataset for message in kept] == [read(instance) for instance in given]
        assert {message.move_originator_message_id for message in kept} == {message_id}
        # PS3.7 9.1.1.1.6 wants our title, who asked for the move; pynetdicom puts its own.
        assert {message.move_originator_application_entity_title for message in kept} == {"PYNETDICOM"}


def test_pynetdicom_does_all_n_services_for_us() -> None:
    """Each N-service takes our data set and our numbers, and its answer comes back with its data set."""
    came: Queue[Any] = Queue()

    def handler(name: str, *attributes: str, with_data: bool = True) -> Callable[[Any], Any]:
        def handle(event: Any) -> Any:
            given = getattr(event, name) if name else None
            came.put((given, *(getattr(event.request, attribute) for attribute in attributes)))
            return (0, RETURNED) if with_data else 0

        return handle

    handlers = [
        (evt.EVT_N_CREATE, handler("attribute_list", "AffectedSOPInstanceUID")),
        (evt.EVT_N_SET, handler("modification_list", "RequestedSOPInstanceUID")),
        (evt.EVT_N_GET, handler("", "RequestedSOPInstanceUID", "AttributeIdentifierList")),
        (evt.EVT_N_ACTION, handler("action_information", "RequestedSOPInstanceUID", "ActionTypeID")),
        (evt.EVT_N_EVENT_REPORT, handler("event_information", "AffectedSOPInstanceUID", "EventTypeID")),
        (evt.EVT_N_DELETE, handler("", "RequestedSOPInstanceUID", with_data=False)),
    ]
    with serving(handlers) as port, associated(port, ALL_CLASSES) as net:
        net.send_n_create_request(PERFORMED_STEP, INSTANCE, GIVEN)
        assert told(net.expect("receive_n_create_response")) == (0, RETURNED)
        assert came.get_nowait() == (GIVEN, INSTANCE)

        net.send_n_set_request(PERFORMED_STEP, INSTANCE, GIVEN)
        assert told(net.expect("receive_n_set_response")) == (0, RETURNED)
        assert came.get_nowait() == (GIVEN, INSTANCE)

        net.send_n_get_request(PRINTER, PRINTER_INSTANCE, [0x00100020, 0x00100030])
        assert told(net.expect("receive_n_get_response")) == (0, RETURNED)
        assert came.get_nowait() == (None, PRINTER_INSTANCE, [0x00100020, 0x00100030])

        net.send_n_action_request(STORAGE_COMMITMENT, STORAGE_COMMITMENT_INSTANCE, 1, GIVEN)
        assert told(net.expect("receive_n_action_response")) == (0, RETURNED)
        assert came.get_nowait() == (GIVEN, STORAGE_COMMITMENT_INSTANCE, 1)

        net.send_n_event_report_request(STORAGE_COMMITMENT, STORAGE_COMMITMENT_INSTANCE, 2, GIVEN)
        assert told(net.expect("receive_n_event_report_response")) == (0, RETURNED)
        assert came.get_nowait() == (GIVEN, STORAGE_COMMITMENT_INSTANCE, 2)

        net.send_n_delete_request(FILM_SESSION, INSTANCE)
        assert told(net.expect("receive_n_delete_response")) == (0, None)
        assert came.get_nowait() == (None, INSTANCE)


def test_pynetdicom_refuses_a_service() -> None:
    """A failure status comes back with the comment that explains it."""
    status = dataset(Status=0xA700, ErrorComment="no room")
    with serving([(evt.EVT_C_STORE, lambda _: status)]) as port, associated(port, [CT_IMAGE_STORAGE]) as modality:
        modality.send_c_store_request(ct_instances()[0].path)
        answer = modality.expect("receive_c_store_response")
    assert (answer.status, answer.error_comment) == (Status.OUT_OF_RESOURCES, "no room")


# pynetdicom as SCU.


@pytest.fixture
def scp() -> Iterator[Scp]:
    """Our SCP of everything, listening."""
    with Scp(destination=MEMORY) as listening:
        listening.listen("127.0.0.1", 0)
        yield listening


def test_we_answer_pynetdicoms_echo(scp: Scp) -> None:
    """Twice on one association, with message IDs of its choice."""
    with asking(scp.host_port) as assoc:
        assert assoc.send_c_echo(7).Status == 0
        assert assoc.send_c_echo(65535).Status == 0
    assert [command.message_id for command, _ in scp.requests] == [7, 65535]


@pytest.mark.parametrize("maximum_pdu_size", [0, 4096, 131072])
def test_we_keep_all_that_pynetdicom_stores(scp: Scp, maximum_pdu_size: int) -> None:
    """What it encodes arrives as it was encoded, with the priority and the message ID it came with."""
    given = ct_instances()
    with asking(scp.host_port, maximum_pdu_size=maximum_pdu_size) as assoc:
        for number, instance in enumerate(given):
            assert assoc.send_c_store(read(instance), msg_id=number + 1, priority=1).Status == 0
    assert [message.dataset for message in scp.received] == [read(instance) for instance in given]
    assert [message.affected_sop_instance_uid for message in scp.received] == [i.sop_instance for i in given]
    assert [(message.message_id, message.priority) for message in scp.received] == [(1, 1), (2, 1), (3, 1)]


def test_pynetdicom_finds_with_us(scp: Scp) -> None:
    """Its identifier arrives, and our matches arrive there in order."""
    with asking(scp.host_port) as assoc:
        answers = list(assoc.send_c_find(QUERY, STUDY_ROOT_FIND))
    assert [status.Status for status, _ in answers] == [0xFF00, 0xFF00, 0xFF00, 0]
    assert [match for _, match in answers] == [*MATCHES, None]
    assert [identifier for _, identifier in scp.requests] == [QUERY]


def test_pynetdicom_cancels_our_finding(scp: Scp) -> None:
    """`is_cancelled` tells while the callback runs; it ends with FE00, and the association goes on."""
    with asking(scp.host_port) as assoc:
        answers = assoc.send_c_find(RETRIEVE, STUDY_ROOT_FIND, msg_id=5)
        assert next(answers)[0].Status == 0xFF00
        assoc.send_c_cancel(5, query_model=STUDY_ROOT_FIND)
        statuses = [status.Status for status, _ in answers]
        assert statuses[-1] == 0xFE00
        assert len(statuses) < len(MATCHES) * 1000
        assert assoc.send_c_echo().Status == 0


def test_pynetdicom_gets_from_us(scp: Scp) -> None:
    """Our C-STORE requests go to it in the role that it offered, byte for byte from the files."""
    came: list[tuple[str, bytes]] = []

    def keep(event: Any) -> int:
        came.append((event.request.AffectedSOPInstanceUID, event.request.DataSet.getvalue()))
        return 0

    with asking(scp.host_port, ALL_CLASSES, [(evt.EVT_C_STORE, keep)], roles=[CT_IMAGE_STORAGE]) as assoc:
        answers = [status for status, _ in assoc.send_c_get(RETRIEVE, STUDY_ROOT_GET)]
    assert came == [(instance.sop_instance, data_of(instance)) for instance in ct_instances()]
    assert [answer.Status for answer in answers] == [0xFF00, 0xFF00, 0xFF00, 0]
    assert [answer.get("NumberOfRemainingSuboperations") for answer in answers] == [3, 2, 1, None]
    assert answers[-1].NumberOfCompletedSuboperations == 3


def test_pynetdicom_has_us_move(scp: Scp) -> None:
    """We open an association to the destination that it names and store there, naming it as the originator."""
    came: list[tuple[bytes, str, int]] = []

    def keep(event: Any) -> int:
        request = event.request
        originator = request.MoveOriginatorApplicationEntityTitle, request.MoveOriginatorMessageID
        came.append((request.DataSet.getvalue(), *originator))
        return 0

    with serving([(evt.EVT_C_STORE, keep)], [(CT_IMAGE_STORAGE, [EXPLICIT_LE])]) as destination:
        Scp.destinations = {"ELSEWHERE": destination}
        with asking(scp.host_port) as assoc:
            answers = [status for status, _ in assoc.send_c_move(RETRIEVE, "ELSEWHERE", STUDY_ROOT_MOVE, msg_id=9)]
            unknown = [status for status, _ in assoc.send_c_move(RETRIEVE, "NOWHERE", STUDY_ROOT_MOVE)]
    assert came == [(data_of(instance), "PYNETDICOM", 9) for instance in ct_instances()]
    assert [answer.Status for answer in answers] == [0xFF00, 0xFF00, 0xFF00, 0]
    assert answers[-1].NumberOfCompletedSuboperations == 3
    assert [answer.Status for answer in unknown] == [0xA801]


def test_pynetdicom_uses_all_our_n_services(scp: Scp) -> None:
    """Its data sets and numbers arrive, and our answers arrive there with their data sets."""
    named: list[str] = []

    def note(event: Any) -> None:
        if (uid := event.message.command_set.get("AffectedSOPInstanceUID")) is not None:
            named.append(uid)

    with asking(scp.host_port, handlers=[(evt.EVT_DIMSE_RECV, note)]) as assoc:
        answers = [
            assoc.send_n_create(GIVEN, PERFORMED_STEP, INSTANCE),
            assoc.send_n_create(GIVEN, FILM_SESSION),
            assoc.send_n_set(GIVEN, PERFORMED_STEP, INSTANCE),
            assoc.send_n_get([0x00100020, 0x00100030], PRINTER, PRINTER_INSTANCE),
            assoc.send_n_action(GIVEN, 1, STORAGE_COMMITMENT, STORAGE_COMMITMENT_INSTANCE),
            assoc.send_n_event_report(GIVEN, 2, STORAGE_COMMITMENT, STORAGE_COMMITMENT_INSTANCE),
        ]
        deleted = assoc.send_n_delete(FILM_SESSION, INSTANCE)
    assert [(status.Status, returned) for status, returned in answers] == [(0, RETURNED)] * 6
    assert deleted.Status == 0
    # What is created without a name is named by us; the others are told by the name that was asked for.
    others = [PRINTER_INSTANCE, STORAGE_COMMITMENT_INSTANCE, STORAGE_COMMITMENT_INSTANCE, INSTANCE]
    assert named == [INSTANCE, INSTANCE, INSTANCE, *others]
    create, create_unnamed, change, get, action, report, delete = (command for command, _ in scp.requests)
    assert [given for _, given in scp.requests] == [GIVEN, GIVEN, GIVEN, None, GIVEN, GIVEN, None]
    assert (create.affected_sop_instance_uid, create_unnamed.affected_sop_instance_uid) == (INSTANCE, None)
    assert change.requested_sop_instance_uid == INSTANCE
    assert get.attribute_identifier_list == (0x00100020, 0x00100030)
    assert (action.action_type_id, action.requested_sop_instance_uid) == (1, STORAGE_COMMITMENT_INSTANCE)
    assert (report.event_type_id, report.affected_sop_instance_uid) == (2, STORAGE_COMMITMENT_INSTANCE)
    assert delete.requested_sop_instance_uid == INSTANCE


def test_pynetdicom_is_told_what_we_do_not_serve() -> None:
    """A DicomNet object without callbacks of its own answers 0211, and C-FIND with 0122."""

    class Bare(DicomNet):
        def on_accept(self, error: Exception | None) -> None:
            self.accept(Bare())

        def on_receive_associate_request(self, associate: Associate) -> None:
            self.send_associate_accept(associate.accept_all())

    with Bare() as bare:
        _, port = bare.listen("127.0.0.1", 0)
        with asking(port) as assoc:
            assert assoc.send_c_echo().Status == 0x0211
            assert [status.Status for status, _ in assoc.send_c_find(QUERY, STUDY_ROOT_FIND)] == [0x0122]
            assert assoc.send_n_get([0x00100020], PRINTER, PRINTER_INSTANCE)[0].Status == 0x0211


# What is negotiated besides.


@pytest.mark.parametrize(
    ("offered", "supported", "agreed"),
    [
        ((True, True), {"scu_role": True, "scp_role": True}, (True, True)),
        ((True, True), {"scu_role": False, "scp_role": True}, (False, True)),
        ((False, True), {"scu_role": True, "scp_role": True}, (False, True)),
        ((True, False), {"scu_role": True, "scp_role": False}, (True, False)),
        ((True, True), {}, (None, None)),
    ],
)
def test_roles_that_we_offer(
    offered: tuple[bool, bool], supported: dict[str, bool], agreed: tuple[bool | None, bool | None]
) -> None:
    """pynetdicom agrees to what it supports of our offer, and its silence leaves the roles as they are by default."""
    context = PresentationContext(1, CT_IMAGE_STORAGE, [EXPLICIT_LE], scu_role=offered[0], scp_role=offered[1])
    with (
        serving(contexts=[(CT_IMAGE_STORAGE, [EXPLICIT_LE], supported)]) as port,
        associated(port, [context]) as modality,
    ):
        assert modality.association is not None
        answer = modality.association.context(1)
        assert (answer.scu_role, answer.scp_role) == agreed


@pytest.mark.parametrize("offered", [(True, True), (False, True), (True, False)])
def test_roles_that_pynetdicom_offers(scp: Scp, offered: tuple[bool, bool]) -> None:
    """We accept them all, and it sees that we did."""
    role = build_role(CT_IMAGE_STORAGE, scu_role=offered[0], scp_role=offered[1])
    with asking(scp.host_port, ext_neg=[role]) as assoc:
        [context] = [c for c in assoc.accepted_contexts if c.abstract_syntax == CT_IMAGE_STORAGE]
        assert (context.as_scu, context.as_scp) == offered


def test_extended_negotiation_that_we_offer() -> None:
    """Our application information arrives, with the service class and its relatives, and the answer comes back."""
    came: Queue[Any] = Queue()

    def extended(event: Any) -> dict[str, bytes]:
        came.put(event.app_info)
        return {STUDY_ROOT_FIND: b"\1\0\1"}

    def common(event: Any) -> dict[str, Any]:
        came.put(event.items)
        return {}

    associate = Associate.request(contexts=[VERIFICATION])
    associate.add(STUDY_ROOT_FIND, extended_negotiation=b"\1\1\1")
    related = CommonExtendedNegotiation(UID(CT_IMAGE_STORAGE), UID("1.2.840.10008.4.2"), (UID("1.2.3"),))
    associate.common_extended.append(related)
    with serving([(evt.EVT_SOP_EXTENDED, extended), (evt.EVT_SOP_COMMON, common)]) as port, Modality() as modality:
        answer = modality.open(port, associate)
        modality.release()
    found = answer.find(STUDY_ROOT_FIND)
    assert found is not None
    assert found.extended_negotiation == b"\1\0\1"
    items = [came.get_nowait(), came.get_nowait()]
    assert {STUDY_ROOT_FIND: b"\1\1\1"} in items
    [of_classes] = [item for item in items if CT_IMAGE_STORAGE in item]
    assert of_classes[CT_IMAGE_STORAGE].service_class_uid == "1.2.840.10008.4.2"
    assert list(of_classes[CT_IMAGE_STORAGE].related_general_sop_class_identification) == ["1.2.3"]


class Negotiating(Scp):
    """Answers what it is offered besides contexts, and keeps the request."""

    def on_receive_associate_request(self, associate: Associate) -> None:
        self.listener.ended.put((None, associate))
        identity = associate.user_identity
        if identity is not None and identity.primary == b"stranger":
            self.send_associate_reject(1, 2, 1)
            return
        answer = associate.accept_all()
        for offered, context in zip(associate.contexts, answer.contexts, strict=True):
            if offered.extended_negotiation is not None:
                context.extended_negotiation = b"\1\0\1"
        if identity is not None and identity.positive_response_requested:
            answer.user_identity_response = b"known as " + identity.primary
        self.send_associate_accept(answer)


def test_extended_negotiation_that_pynetdicom_offers() -> None:
    """Its application information and relatives arrive, and it sees our answer."""
    item = primitives.SOPClassExtendedNegotiation()
    item.sop_class_uid = STUDY_ROOT_FIND
    item.service_class_application_information = b"\1\1\1"
    relatives = primitives.SOPClassCommonExtendedNegotiation()
    relatives.sop_class_uid = CT_IMAGE_STORAGE
    relatives.service_class_uid = "1.2.840.10008.4.2"
    relatives.related_general_sop_class_identification = ["1.2.3"]
    with Negotiating() as listening:
        _, port = listening.listen("127.0.0.1", 0)
        with asking(port, ext_neg=[item, relatives]) as assoc:
            assert assoc.acceptor.sop_class_extended == {STUDY_ROOT_FIND: b"\1\0\1"}
        _, associate = listening.ended.get(timeout=PATIENCE)
    assert associate.find(STUDY_ROOT_FIND).extended_negotiation == b"\1\1\1"
    assert associate.common_extended == [
        CommonExtendedNegotiation(UID(CT_IMAGE_STORAGE), UID("1.2.840.10008.4.2"), (UID("1.2.3"),))
    ]


IDENTITIES = [(1, b"jan", b""), (2, b"jan", b"secret"), (3, b"ticket", b""), (4, b"<saml/>", b""), (5, b"a.b.c", b"")]


@pytest.mark.parametrize(("kind", "primary", "secondary"), IDENTITIES)
@pytest.mark.parametrize("positive", [True, False])
def test_identities_that_we_show(kind: int, primary: bytes, secondary: bytes, positive: bool) -> None:
    """pynetdicom reads each type, and its positive response comes back where we asked for one and types have one."""
    came: Queue[Any] = Queue()

    def identify(event: Any) -> tuple[bool, bytes]:
        came.put((event.user_id_type, event.primary_field, event.secondary_field or b""))
        return True, b"well known"

    associate = Associate.request(contexts=[VERIFICATION])
    associate.user_identity = UserIdentity(kind, primary, secondary, positive)
    with serving([(evt.EVT_USER_ID, identify)]) as port, Modality() as modality:
        answer = modality.open(port, associate)
        modality.release()
    assert came.get_nowait() == (kind, primary, secondary)
    assert (answer.user_identity_response == b"well known") == (positive and kind in (3, 4, 5))


def test_pynetdicom_does_not_know_us() -> None:
    """A failed identity is a rejection by the ACSE provider (PS3.7 D.3.3.7.3), which pynetdicom calls transient."""
    associate = Associate.request(contexts=[VERIFICATION])
    associate.user_identity = UserIdentity(1, b"stranger", positive_response_requested=True)
    with serving([(evt.EVT_USER_ID, lambda _: (False, None))]) as port, Modality() as modality:
        modality.connect("127.0.0.1", port)
        modality.expect("connect")
        modality.send_associate_request(associate)
        assert modality.expect("receive_associate_reject") == (2, 2, 1)


@pytest.mark.parametrize(("kind", "primary", "secondary"), IDENTITIES)
@pytest.mark.parametrize("positive", [True, False])
def test_identities_that_pynetdicom_shows(kind: int, primary: bytes, secondary: bytes, positive: bool) -> None:
    """We read each type, answer where it asks for an answer, and it reads that."""
    with Negotiating() as listening:
        _, port = listening.listen("127.0.0.1", 0)
        with asking(port, ext_neg=[user(kind, primary, secondary, positive)]) as assoc:
            assert assoc.is_established
            response = assoc.acceptor.user_identity
            assert (response.server_response if response else None) == (b"known as " + primary if positive else None)
        _, associate = listening.ended.get(timeout=PATIENCE)
    assert associate.user_identity == UserIdentity(kind, primary, secondary, positive)


def test_we_do_not_know_pynetdicom() -> None:
    """It reads our rejection as what it is."""
    with Negotiating() as listening:
        _, port = listening.listen("127.0.0.1", 0)
        with asking(port, ext_neg=[user(1, b"stranger", b"", True)]) as assoc:
            assert assoc.is_rejected
            answer = assoc.acceptor.primitive
            assert (answer.result, answer.result_source, answer.diagnostic) == (1, 2, 1)


def user(kind: int, primary: bytes, secondary: bytes, positive: bool) -> Any:
    """pynetdicom's item of a user identity."""
    item = primitives.UserIdentityNegotiation()
    item.user_identity_type = kind
    item.primary_field = primary
    if secondary:
        item.secondary_field = secondary
    item.positive_response_requested = positive
    return item


def test_an_asynchronous_window_that_we_offer() -> None:
    """pynetdicom reads it and answers that it knows none but 1, 1, and we keep to that."""
    came: Queue[Any] = Queue()

    def window(event: Any) -> tuple[int, int]:
        came.put((event.nr_invoked, event.nr_performed))
        return 8, 4

    associate = Associate.request(contexts=[VERIFICATION])
    associate.async_window = (8, 4)
    with serving([(evt.EVT_ASYNC_OPS, window)]) as port, Modality() as modality:
        answer = modality.open(port, associate)
        for _ in range(5):
            modality.send_c_echo_request()
        assert {modality.expect("receive_c_echo_response").status for _ in range(5)} == {0}
        modality.release()
    assert came.get_nowait() == (8, 4)
    assert answer.async_window in (None, (1, 1))


@pytest.mark.parametrize(("offer", "answer"), [((5, 7), (5, 7)), ((0, 0), (16, 16)), ((100, 1), (16, 1))])
def test_an_asynchronous_window_that_pynetdicom_offers(
    scp: Scp, offer: tuple[int, int], answer: tuple[int, int]
) -> None:
    """We agree up to our own limit, also where it has none (0)."""
    item = primitives.AsynchronousOperationsWindowNegotiation()
    item.maximum_number_operations_invoked, item.maximum_number_operations_performed = offer
    with asking(scp.host_port, ext_neg=[item]) as assoc:
        assert assoc.acceptor.asynchronous_operations == answer
        assert assoc.send_c_echo().Status == 0


# How it ends.


@contextmanager
def ends() -> Iterator[tuple[list[Any], Queue[str]]]:
    """Handlers that put into the queue how an association ended for pynetdicom."""
    how: Queue[str] = Queue()
    yield (
        [
            (evt.EVT_RELEASED, lambda _: how.put("released")),
            (evt.EVT_ABORTED, lambda _: how.put("aborted")),
        ],
        how,
    )


def test_we_release_an_association_with_pynetdicom() -> None:
    """Both sides know that it was released."""
    with ends() as (handlers, how), serving(handlers) as port:
        with associated(port) as modality:
            modality.echo()
        assert how.get(timeout=PATIENCE) == "released"


def test_we_abort_an_association_with_pynetdicom() -> None:
    """pynetdicom learns that it was aborted."""
    with ends() as (handlers, how), serving(handlers) as port, Modality() as modality:
        modality.open(port, Associate.request(contexts=[VERIFICATION]))
        modality.send_abort()
        assert how.get(timeout=PATIENCE) == "aborted"


def test_pynetdicom_aborts_instead_of_an_answer() -> None:
    """An abort of the SCP in the middle of an operation is told, and then the connection is over."""

    def abort(event: Any) -> int:
        event.assoc.abort()
        return 0

    with serving([(evt.EVT_C_ECHO, abort)]) as port, Modality() as modality:
        modality.open(port, Associate.request(contexts=[VERIFICATION]))
        modality.send_c_echo_request()
        assert modality.expect("receive_abort") == (0, 0)
        modality.expect("close")


def test_pynetdicom_rejects_us() -> None:
    """A title that it does not answer to is told with the three numbers."""
    with serving(require_called_aet=True) as port, Modality() as modality:
        modality.connect("127.0.0.1", port)
        modality.expect("connect")
        modality.send_associate_request(Associate.request(called_ae="ANOTHER", contexts=[VERIFICATION]))
        assert modality.expect("receive_associate_reject") == (1, 1, 7)


def test_pynetdicom_accepts_none_of_our_contexts() -> None:
    """The association stands all the same, with every context refused and its reason told; it is released."""
    with serving(contexts=[CT_IMAGE_STORAGE]) as port, Modality() as modality:
        modality.connect("127.0.0.1", port)
        modality.expect("connect")
        associate = Associate.request(contexts=[VERIFICATION, PresentationContext(3, CT_IMAGE_STORAGE, ["1.2.3"])])
        modality.send_associate_request(associate)
        answer = modality.expect("receive_associate_accept")
        assert [context.result for context in answer.contexts] == [3, 4]
        modality.release()


def test_pynetdicom_releases_and_aborts_associations_with_us(scp: Scp) -> None:
    """A release is answered and an abort told; each ends its connection without an error."""
    with asking(scp.host_port) as assoc:
        assoc.release()
        assert assoc.is_released
    assert scp.ended.get(timeout=PATIENCE)[0] is None
    assert scp.aborts == []
    with asking(scp.host_port) as assoc:
        assoc.abort()
        assert assoc.is_aborted
    assert scp.ended.get(timeout=PATIENCE)[0] is None
    assert scp.aborts == [(0, 0)]


class Ending(Scp):
    """Ends the association itself once it has been asked to echo."""

    way = ""

    def on_receive_c_echo_request(self, message: Any) -> None:
        self.send_c_echo_response(message)
        if self.way == "release":
            self.send_release_request()
        else:
            self.send_abort()

    def on_receive_release_response(self) -> None:
        self.listener.ended.put((None, "released"))


def test_we_release_as_acceptor() -> None:
    """pynetdicom answers a release that comes from the side that did not ask for the association."""
    Ending.way = "release"
    with Ending() as listening, ends() as (handlers, how):
        _, port = listening.listen("127.0.0.1", 0)
        with asking(port, handlers=handlers) as assoc:
            assert assoc.send_c_echo().Status == 0
            assert how.get(timeout=PATIENCE) == "released"
        assert listening.ended.get(timeout=PATIENCE) == (None, "released")


def test_we_abort_as_acceptor() -> None:
    """pynetdicom learns of an abort right behind a response."""
    Ending.way = "abort"
    with Ending() as listening, ends() as (handlers, how):
        _, port = listening.listen("127.0.0.1", 0)
        with asking(port, handlers=handlers) as assoc:
            assoc.send_c_echo()
            assert how.get(timeout=PATIENCE) == "aborted"
        error, _ = listening.ended.get(timeout=PATIENCE)
        assert error is None
