"""Every message with every argument, over the wire, in both directions."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset

from dicomnet import (
    MEMORY,
    SPOOL,
    CEchoRequest,
    InstanceFile,
    InvalidMessage,
    InvalidValue,
    Limits,
    NetFlags,
    NotAnInstance,
    Priority,
    ReceivedData,
    SendQueueFull,
    StateError,
    Status,
    StorageError,
    breathe,
)
from dicomnet.types import UID
from net.recorder import (
    ALL,
    COMMITMENT,
    CT,
    ECHO,
    EXPLICIT_LE,
    FIND,
    GET,
    IMPLICIT_LE,
    MOVE,
    MPPS,
    PATIENCE,
    Provider,
    Recorder,
    Trio,
    associated,
    request,
    until,
)

pytestmark = pytest.mark.usefixtures("network")

INSTANCE = "1.2.826.0.1.3680043.8.498.7"


def dataset(**elements: Any) -> Dataset:
    """A data set of a few elements."""
    made = Dataset()
    for keyword, value in elements.items():
        setattr(made, keyword, value)
    return made


def instance(**elements: Any) -> Dataset:
    """An instance that says itself what it is."""
    return dataset(SOPClassUID=CT, SOPInstanceUID=INSTANCE, PatientName="Doe^Jane", **elements)


IDENTIFIER = dataset(QueryRetrieveLevel="STUDY", PatientID="1*")
INFORMATION = dataset(TransactionUID="1.2.3", PatientID="47")

Message = Any


class Ends:
    """Who asks and who answers: the SCU of the association and its SCP, or the other way round."""

    def __init__(self, trio: Trio, *, turned: bool) -> None:
        self.asking, self.answering = (trio.scp, trio.scu) if turned else (trio.scu, trio.scp)

    def request(self, service: str, *arguments: Any, count: int = 1, **named: Any) -> tuple[int, Message]:
        """Sends a request; its message ID and the message as it arrived."""
        event = f"receive_{service}_request"
        self.answering.react(event, lambda message: None)
        message_id = getattr(self.asking, f"send_{service}_request")(*arguments, **named)
        self.answering.wait(event, count)
        return message_id, self.answering.all(event)[count - 1]

    def response(self, service: str, *arguments: Any, count: int = 1, **named: Any) -> Message:
        """Sends a response; the message as it arrived."""
        event = f"receive_{service}_response"
        getattr(self.answering, f"send_{service}_response")(*arguments, **named)
        self.asking.wait(event, count)
        return self.asking.all(event)[count - 1]


@pytest.fixture(params=["requestor asks", "acceptor asks"])
def ends(request: pytest.FixtureRequest) -> Iterator[Ends]:
    """Both directions: a service's roles do not depend on who opened the association."""
    with associated(scp=Provider(destination=MEMORY), scu=Recorder(destination=MEMORY)) as trio:
        yield Ends(trio, turned=request.param == "acceptor asks")


def facts(message: Message, *attributes: str) -> tuple[Any, ...]:
    """Elements of a command, after whether its context is the one it was sent on."""
    return tuple(getattr(message, attribute) for attribute in attributes)


# DIMSE-C.


def test_c_store(ends: Ends) -> None:
    """Priority and the originator of a C-MOVE arrive with the instance; the response names it."""
    message_id, asked = ends.request(
        "c_store",
        instance(),
        priority=Priority.HIGH,
        move_originator_application_entity_title="MOVER",
        move_originator_message_id=77,
        context_id=3,
        message_id=4711,
    )
    assert message_id == 4711
    assert facts(asked, "context_id", "message_id", "affected_sop_class_uid", "affected_sop_instance_uid") == (
        *(3, 4711, CT),
        INSTANCE,
    )
    assert facts(asked, "priority", "move_originator_application_entity_title", "move_originator_message_id") == (
        Priority.HIGH,
        "MOVER",
        77,
    )
    assert asked.dataset.PatientName == "Doe^Jane"
    assert asked.transfer_syntax == EXPLICIT_LE
    answer = ends.response("c_store", asked, Status.ELEMENTS_DISCARDED)
    assert facts(
        answer, "context_id", "message_id_being_responded_to", "affected_sop_class_uid", "affected_sop_instance_uid"
    ) == (3, 4711, CT, INSTANCE)
    assert answer.status == 0xB006
    assert answer.status.is_warning
    assert answer.dataset is None


def test_a_plain_c_store_has_no_originator(ends: Ends) -> None:
    """What is not given is not on the wire: no originator, medium priority."""
    _, asked = ends.request("c_store", instance())
    assert facts(asked, "priority", "move_originator_application_entity_title", "move_originator_message_id") == (
        Priority.MEDIUM,
        None,
        None,
    )
    assert 0x0000_1030 not in asked.command_set


def test_c_find(ends: Ends) -> None:
    """Two matches, one with the warning, and the end."""
    message_id, asked = ends.request("c_find", FIND, IDENTIFIER, priority=Priority.LOW, message_id=9)
    assert facts(asked, "context_id", "message_id", "affected_sop_class_uid", "priority") == (5, 9, FIND, Priority.LOW)
    assert asked.dataset == IDENTIFIER
    match = ends.response("c_find", asked, Status.PENDING, dataset(PatientID="11"))
    assert facts(match, "context_id", "message_id_being_responded_to", "affected_sop_class_uid", "status") == (
        *(5, message_id, FIND),
        Status.PENDING,
    )
    assert match.dataset.PatientID == "11"
    match = ends.response("c_find", asked, Status.PENDING_WARNING, dataset(PatientID="12"), count=2)
    assert (match.status, match.dataset.PatientID) == (0xFF01, "12")
    end = ends.response("c_find", asked, Status.SUCCESS, count=3)
    assert (end.status, end.dataset) == (0, None)


@pytest.mark.parametrize(("service", "sop_class", "more"), [("c_get", GET, ()), ("c_move", MOVE, ("ELSEWHERE",))])
def test_c_get_and_c_move(ends: Ends, service: str, sop_class: str, more: tuple[str, ...]) -> None:
    """Progress with all four counts, then the end with a list of what failed."""
    message_id, asked = ends.request(service, sop_class, *more, IDENTIFIER, priority=Priority.HIGH)
    assert facts(asked, "message_id", "affected_sop_class_uid", "priority") == (message_id, sop_class, Priority.HIGH)
    assert asked.context_id == {GET: 9, MOVE: 7}[sop_class]
    assert asked.dataset == IDENTIFIER
    if more:
        assert asked.move_destination == "ELSEWHERE"
    counts = {"remaining": 3, "completed": 2, "failed": 1, "warning": 65535}
    progress = ends.response(service, asked, Status.PENDING, **counts)
    names = tuple(f"number_of_{count}_suboperations" for count in counts)
    assert facts(progress, "status", "affected_sop_class_uid", *names) == (0xFF00, sop_class, 3, 2, 1, 65535)
    failed = dataset(FailedSOPInstanceUIDList=["1.2", "1.3"])
    end = ends.response(service, asked, Status.SUBOPERATIONS_WARNING, failed, completed=5, failed=2, warning=0, count=2)
    assert facts(end, "status", *names) == (0xB000, None, 5, 2, 0)
    assert end.dataset.FailedSOPInstanceUIDList == ["1.2", "1.3"]


@pytest.mark.parametrize(("service", "sop_class", "more"), [("c_find", FIND, ()), ("c_move", MOVE, ("THERE",))])
def test_c_cancel(ends: Ends, service: str, sop_class: str, more: tuple[str, ...]) -> None:
    """Names the request to end, on its context; the final response still comes."""
    message_id, asked = ends.request(service, sop_class, *more, IDENTIFIER)
    assert not ends.answering.is_cancelled(message_id)
    ends.asking.send_c_cancel_request(message_id)
    ends.answering.wait("receive_c_cancel_request")
    [cancel] = ends.answering.all("receive_c_cancel_request")
    assert facts(cancel, "context_id", "message_id_being_responded_to") == (asked.context_id, message_id)
    assert ends.answering.is_cancelled(message_id)
    end = ends.response(service, asked, Status.CANCEL)
    assert end.status.is_cancel
    assert not ends.answering.is_cancelled(message_id)
    with pytest.raises(StateError, match=f"no request {message_id} is outstanding"):
        ends.asking.send_c_cancel_request(message_id)


def test_a_request_can_be_cancelled_as_soon_as_it_is_queued(ends: Ends) -> None:
    """Nobody has to wait until it has left; the cancel follows it."""
    ends.answering.react("receive_c_find_request", lambda message: None)
    ends.answering.react(
        "receive_c_cancel_request",
        lambda message: ends.answering.send_c_find_response(
            None, Status.CANCEL, context_id=message.context_id, message_id=message.message_id_being_responded_to
        ),
    )
    for _ in range(20):
        message_id = ends.asking.send_c_find_request(FIND, IDENTIFIER)
        ends.asking.send_c_cancel_request(message_id)
    ends.asking.wait("receive_c_find_response", 20)
    assert {message.status for message in ends.asking.all("receive_c_find_response")} == {Status.CANCEL}


def test_a_cancel_of_what_is_not_outstanding_can_be_forced(ends: Ends) -> None:
    """With a context it goes out, and the peer makes nothing of it."""
    ends.asking.send_c_cancel_request(99, context_id=5)
    ends.answering.wait("receive_c_cancel_request")
    assert ends.answering.all("receive_c_cancel_request")[0].message_id_being_responded_to == 99
    assert not ends.answering.is_cancelled(99)


def test_c_echo(ends: Ends) -> None:
    """The shortest of them."""
    message_id, asked = ends.request("c_echo", context_id=1, message_id=65535)
    assert facts(asked, "context_id", "message_id", "affected_sop_class_uid") == (1, 65535, ECHO)
    assert message_id == 65535
    answer = ends.response("c_echo", asked)
    assert facts(answer, "message_id_being_responded_to", "affected_sop_class_uid", "status") == (65535, ECHO, 0)


# DIMSE-N.


@pytest.mark.parametrize("name", ["n_event_report", "n_report"])
def test_n_event_report(ends: Ends, name: str) -> None:
    """By its long name and by its short one; event type and information arrive, and the reply comes back."""
    ends.answering.react("receive_n_event_report_request", lambda message: None)
    message_id = getattr(ends.asking, f"send_{name}_request")(COMMITMENT, INSTANCE, 2, INFORMATION)
    ends.answering.wait("receive_n_event_report_request")
    asked = ends.answering.all("receive_n_event_report_request")[0]
    attributes = ("message_id", "affected_sop_class_uid", "affected_sop_instance_uid", "event_type_id")
    assert facts(asked, "context_id", *attributes) == (13, message_id, COMMITMENT, INSTANCE, 2)
    assert asked.dataset == INFORMATION
    getattr(ends.answering, f"send_{name}_response")(asked, Status.SUCCESS, INFORMATION)
    ends.asking.wait("receive_n_event_report_response")
    answer = ends.asking.all("receive_n_event_report_response")[0]
    attributes = ("message_id_being_responded_to", *attributes[1:], "status")
    assert facts(answer, *attributes) == (message_id, COMMITMENT, INSTANCE, 2, 0)
    assert answer.dataset == INFORMATION


def test_the_short_name_of_n_event_report_may_be_overridden() -> None:
    """Whoever knows the service as N-REPORT overrides or registers that, on both sides."""
    got = threading.Event()

    class Manager(Provider):
        def on_receive_n_report_request(self, message: Message) -> None:
            self.send_n_report_response(message, Status.SUCCESS)

    with associated(Manager()) as trio:
        trio.scu.on("receive_n_report_response", lambda message: got.set())
        trio.scu.send_n_report_request(COMMITMENT, INSTANCE, 1)
        assert got.wait(PATIENCE)


@pytest.mark.parametrize("tags", [(), (0x0040_0252,), (0x0040_0252, 0x0008_0060, 0x0010_0010)])
def test_n_get(ends: Ends, tags: tuple[int, ...]) -> None:
    """A list of attributes, one, or none, which asks for all."""
    message_id, asked = ends.request("n_get", MPPS, INSTANCE, list(tags))
    assert facts(asked, "message_id", "requested_sop_class_uid", "requested_sop_instance_uid") == (
        *(message_id, MPPS),
        INSTANCE,
    )
    assert asked.attribute_identifier_list == (tags or None)
    answer = ends.response("n_get", asked, Status.SUCCESS, INFORMATION)
    assert facts(answer, "affected_sop_class_uid", "affected_sop_instance_uid", "status") == (MPPS, INSTANCE, 0)
    assert answer.dataset == INFORMATION


def test_n_set(ends: Ends) -> None:
    """Values there, values as they have become back."""
    message_id, asked = ends.request("n_set", MPPS, INSTANCE, INFORMATION, message_id=3)
    assert facts(asked, "message_id", "requested_sop_class_uid", "requested_sop_instance_uid") == (3, MPPS, INSTANCE)
    assert asked.dataset == INFORMATION
    answer = ends.response("n_set", asked, Status.ATTRIBUTE_VALUE_OUT_OF_RANGE, INFORMATION)
    assert facts(
        answer, "message_id_being_responded_to", "affected_sop_class_uid", "affected_sop_instance_uid", "status"
    ) == (message_id, MPPS, INSTANCE, 0x0116)
    assert answer.dataset == INFORMATION


def test_n_action(ends: Ends) -> None:
    """Action type and information there, both back."""
    message_id, asked = ends.request("n_action", COMMITMENT, INSTANCE, 1, INFORMATION)
    attributes = ("message_id", "requested_sop_class_uid", "requested_sop_instance_uid", "action_type_id")
    assert facts(asked, *attributes) == (message_id, COMMITMENT, INSTANCE, 1)
    assert asked.dataset == INFORMATION
    answer = ends.response("n_action", asked, Status.SUCCESS, INFORMATION)
    assert facts(
        answer, "message_id_being_responded_to", "affected_sop_class_uid", "affected_sop_instance_uid", "action_type_id"
    ) == (message_id, COMMITMENT, INSTANCE, 1)
    assert answer.dataset == INFORMATION


def test_n_create(ends: Ends) -> None:
    """With a UID of the asking side, which comes back."""
    message_id, asked = ends.request("n_create", MPPS, INSTANCE, INFORMATION)
    assert facts(asked, "message_id", "affected_sop_class_uid", "affected_sop_instance_uid") == (
        *(message_id, MPPS),
        INSTANCE,
    )
    assert asked.dataset == INFORMATION
    answer = ends.response("n_create", asked, Status.SUCCESS)
    assert facts(answer, "affected_sop_class_uid", "affected_sop_instance_uid", "status") == (MPPS, INSTANCE, 0)


def test_n_create_without_a_uid(ends: Ends) -> None:
    """The answering side gives one, and cannot say success without."""
    _, asked = ends.request("n_create", MPPS)
    assert (asked.affected_sop_instance_uid, asked.dataset) == (None, None)
    with pytest.raises(InvalidValue, match="affected_sop_instance_uid"):
        ends.answering.send_n_create_response(asked, Status.SUCCESS)
    answer = ends.response("n_create", asked, Status.SUCCESS, INFORMATION, affected_sop_instance_uid=INSTANCE)
    assert answer.affected_sop_instance_uid == INSTANCE
    assert answer.dataset == INFORMATION


def test_n_delete(ends: Ends) -> None:
    """No data set in either direction."""
    message_id, asked = ends.request("n_delete", MPPS, INSTANCE, context_id=11)
    assert facts(asked, "context_id", "message_id", "requested_sop_class_uid", "requested_sop_instance_uid") == (
        *(11, message_id, MPPS),
        INSTANCE,
    )
    answer = ends.response("n_delete", asked, Status.NO_SUCH_SOP_INSTANCE)
    assert facts(answer, "affected_sop_class_uid", "affected_sop_instance_uid", "status") == (MPPS, INSTANCE, 0x0112)


# Any message.


def test_an_unknown_command(ends: Ends) -> None:
    """Elements that no message has arrive as they are; the answer has the field with bit 8000H."""
    unheard = {0x0100: 0x0F01, 0x0110: 12, 0x0002: ECHO, 0x1000: INSTANCE, 0x9999: b"raw "}
    ends.asking.send_data(1, unheard, dataset(PatientID="5"))
    ends.answering.wait("receive_unknown")
    [(context_id, command, data)] = [found for name, found in ends.answering.events if name == "receive_unknown"]
    assert context_id == 1
    assert facts(command, "command_field", "message_id", "affected_sop_class_uid") == (0x0F01, 12, ECHO)
    assert data.dataset().PatientID == "5"
    ends.asking.wait("receive_unknown")
    [(_, answer, _)] = [found for name, found in ends.asking.events if name == "receive_unknown"]
    assert facts(answer, "command_field", "message_id_being_responded_to", "status") == (0x8F01, 12, 0x0211)
    assert "receive_unknown" not in ends.answering.told[ends.answering.told.index("receive_unknown") + 1 :]


def test_send_data_takes_a_typed_command(ends: Ends) -> None:
    """What arrives is the request it is, with its own event, and can be answered."""
    ends.answering.react("receive_c_echo_request", ends.answering.send_c_echo_response)
    ends.asking.send_data(1, CEchoRequest(message_id=8, affected_sop_class_uid=ECHO))
    ends.asking.wait("receive_c_echo_response")
    assert ends.answering.all("receive_c_echo_request")[0].message_id == 8


def test_send_data_carries_optional_elements_of_a_request(ends: Ends) -> None:
    """Elements that the typed request does not hold are in `command_set` on the other side, and in `current_command`."""
    seen: list[Any] = []

    def answer(message: Message) -> None:
        seen.append(ends.answering.current_command)
        ends.answering.send_c_echo_response(message)

    ends.answering.react("receive_c_echo_request", answer)
    ends.asking.send_data(1, {0x0002: ECHO, 0x0100: 0x0030, 0x0110: 5, 0x5110: "recognized"})
    ends.asking.wait("receive_c_echo_response")
    message = ends.answering.all("receive_c_echo_request")[0]
    assert message.command_set[0x5110] == "recognized"
    assert seen == [message.command_set]
    assert breathe(PATIENCE)
    assert ends.answering.current_command is None


def test_send_data_takes_an_encoded_command_set(ends: Ends) -> None:
    """And refuses one that says something else about a data set than is given."""
    from dicomnet.dimse import codec

    echo = codec.encode(CEchoRequest(message_id=1, affected_sop_class_uid=ECHO))
    ends.answering.react("receive_c_echo_request", lambda message: None)
    ends.asking.send_data(1, echo)
    ends.answering.wait("receive_c_echo_request")
    with pytest.raises(InvalidValue, match="do not agree"):
        ends.asking.send_data(1, echo, INFORMATION)
    with pytest.raises(InvalidMessage):
        ends.asking.send_data(1, b"no command set")


# Data sets.


def write(path: Path, syntax: str = EXPLICIT_LE, **elements: Any) -> Path:
    """An instance in a file."""
    made = instance(**elements)
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = syntax
    made.file_meta.MediaStorageSOPClassUID, made.file_meta.MediaStorageSOPInstanceUID = CT, INSTANCE
    made.save_as(path, enforce_file_format=True, implicit_vr=syntax == IMPLICIT_LE, little_endian=True)
    return path


def encoded(path: Path) -> bytes:
    """The data set in a file, as bytes."""
    return path.read_bytes()[path.read_bytes().index(b"\x08\x00\x16\x00") :]


def test_a_data_set_may_be_given_in_three_ways(ends: Ends, tmp_path: Path) -> None:
    """As a file, as bytes, as a `Dataset`: the same bytes arrive."""
    path = write(tmp_path / "instance")
    identity = {"affected_sop_class_uid": CT, "affected_sop_instance_uid": INSTANCE}
    ends.answering.react("receive_c_store_request", lambda m: ends.answering.send_c_store_response(m, 0))
    for given in (path, str(path), encoded(path), bytearray(encoded(path)), pydicom.dcmread(path)):
        named = identity if isinstance(given, bytes | bytearray) else {}
        ends.asking.send_c_store_request(given, **named)
    ends.answering.wait("receive_c_store_request", 5)
    messages = ends.answering.all("receive_c_store_request")
    assert {message.data.bytes() for message in messages} == {encoded(path)}
    assert {message.affected_sop_instance_uid for message in messages} == {INSTANCE}
    assert messages[0].dataset == instance()


DATA_OF: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    ("c_find", (FIND,), {"status": Status.PENDING}),
    ("c_get", (GET,), {"status": Status.SUBOPERATIONS_WARNING, "completed": 1, "failed": 1, "warning": 0}),
    ("c_move", (MOVE, "X"), {"status": Status.SUBOPERATIONS_WARNING, "completed": 1, "failed": 1, "warning": 0}),
    ("n_event_report", (COMMITMENT, INSTANCE, 1), {"status": 0}),
    ("n_set", (MPPS, INSTANCE), {"status": 0}),
    ("n_action", (COMMITMENT, INSTANCE, 1), {"status": 0}),
    ("n_create", (MPPS, INSTANCE), {"status": 0}),
    ("n_get", (MPPS, INSTANCE), {"status": 0}),
]
"""Every message but C-STORE that may have a data set: what stands before it in the request, and what in the response."""


@pytest.mark.parametrize(("service", "before", "response"), DATA_OF, ids=[row[0] for row in DATA_OF])
def test_every_data_set_may_be_given_in_every_way(
    ends: Ends, tmp_path: Path, service: str, before: tuple[Any, ...], response: dict[str, Any]
) -> None:
    """In requests and in responses: what is encoded already, in a file, decoded, or just received, arrives the same."""
    path = write(tmp_path / "instance")
    _, stored = ends.request("c_store", path)
    ends.response("c_store", stored, Status.SUCCESS)
    ways = (path, str(path), InstanceFile.open(path), encoded(path), memoryview(encoded(path)), instance(), stored.data)
    for count, given in enumerate(ways, 1):
        asks = () if service == "n_get" else (given,)
        _, asked = ends.request(service, *before, *asks, count=count)
        assert service == "n_get" or asked.data.bytes() == encoded(path)
        if service == "c_find":
            answer = ends.response(service, asked, dataset=given, count=2 * count - 1, **response)
            ends.response(service, asked, Status.SUCCESS, count=2 * count)
        else:
            answer = ends.response(service, asked, dataset=given, count=count, **response)
        assert answer.data.bytes() == encoded(path)


def test_a_large_data_set_arrives_whole(ends: Ends, tmp_path: Path) -> None:
    """Several MiB, from a file and from memory."""
    path = write(tmp_path / "large", EncapsulatedDocument=bytes(5 << 20))
    ends.answering.react("receive_c_store_request", lambda m: ends.answering.send_c_store_response(m, 0))
    ends.asking.send_c_store_request(path)
    ends.asking.send_c_store_request(pydicom.dcmread(path))
    ends.answering.wait("receive_c_store_request", 2)
    for message in ends.answering.all("receive_c_store_request"):
        assert message.data.bytes() == encoded(path)


def test_a_dataset_is_encoded_for_its_context() -> None:
    """A `Dataset` goes in the transfer syntax that was accepted, a file only as it is."""
    asked = request([CT])
    asked.contexts[0].transfer_syntaxes = [IMPLICIT_LE]
    with associated(Provider(destination=MEMORY), contexts=asked.contexts) as trio:
        trio.scu.send_c_store_request(instance())
        trio.scp.wait("receive_c_store_request")
        message = trio.scp.all("receive_c_store_request")[0]
        assert message.transfer_syntax == IMPLICIT_LE
        assert message.dataset.PatientName == "Doe^Jane"


def test_a_file_goes_on_the_context_of_its_transfer_syntax(tmp_path: Path) -> None:
    """Among several contexts of a class it finds its own."""
    asked = request([CT, CT])
    asked.contexts[0].transfer_syntaxes = [IMPLICIT_LE]
    explicit, implicit = write(tmp_path / "explicit"), write(tmp_path / "implicit", IMPLICIT_LE)
    with associated(contexts=asked.contexts) as trio:
        trio.scu.send_c_store_request(explicit)
        trio.scu.send_c_store_request(implicit)
        trio.scp.wait("receive_c_store_request", 2)
        assert [m.context_id for m in trio.scp.all("receive_c_store_request")] == [3, 1]
        with pytest.raises(InvalidValue, match="Explicit VR Little Endian"):
            trio.scu.send_c_store_request(explicit, context_id=1)


@pytest.mark.parametrize(("flags", "count"), [(NetFlags.NONE, 0), (NetFlags.SEND_GROUP_LENGTHS, 2)])
def test_group_lengths_are_sent_when_asked_for(flags: NetFlags, count: int) -> None:
    """They are retired, so they are left out by default."""
    with associated(Provider(destination=MEMORY), Recorder(flags=flags)) as trio:
        trio.scu.send_c_store_request(instance())
        trio.scp.wait("receive_c_store_request")
        data = trio.scp.all("receive_c_store_request")[0].data.bytes()
        assert sum(data.count(bytes([group, 0, 0, 0]) + b"UL\x04\0") for group in (0x08, 0x10)) == count


# Command sets.


def test_elements_may_be_added_to_a_response_before_it_is_sent(ends: Ends) -> None:
    """Error Comment and Offending Element, written where the described system writes them."""

    def add(response: Any) -> None:
        response.error_comment = "no room left"
        response.offending_element = (0x7FE0_0010,)

    ends.answering.react("before_send_command_set", add)
    _, asked = ends.request("c_store", instance())
    answer = ends.response("c_store", asked, Status.OUT_OF_RESOURCES)
    assert facts(answer, "error_comment", "offending_element") == ("no room left", (0x7FE0_0010,))


def test_a_default_answer_can_be_given_elements_too() -> None:
    """The hook sees every response, also those nobody wrote."""
    with associated() as trio:
        trio.scp.react("before_send_command_set", lambda response: setattr(response, "error_comment", "not here"))
        trio.scu.send_c_find_request(FIND, IDENTIFIER)
        trio.scu.wait("receive_c_find_response")
        assert trio.scu.all("receive_c_find_response")[0].error_comment == "not here"


def test_message_ids_are_picked_and_returned(ends: Ends) -> None:
    """Those not given are free ones, and one that is outstanding is not used again."""
    ends.answering.react("receive_n_delete_request", lambda message: None)
    assert ends.asking.send_n_delete_request(MPPS, INSTANCE, message_id=2) == 2
    picked = [ends.asking.send_n_delete_request(MPPS, INSTANCE) for _ in range(3)]
    assert picked == [1, 3, 4]
    with pytest.raises(StateError, match="message ID 3 is still outstanding"):
        ends.asking.send_n_delete_request(MPPS, INSTANCE, message_id=3)
    ends.answering.wait("receive_n_delete_request")
    ends.answering.send_n_delete_response(ends.answering.all("receive_n_delete_request")[0], 0)
    ends.asking.wait("receive_n_delete_response")
    assert ends.asking.send_n_delete_request(MPPS, INSTANCE, message_id=2) == 2


RESPONSES: list[tuple[str, Callable[[Recorder], object], dict[str, Any]]] = [
    ("c_store", lambda n: n.send_c_store_request(instance()), {"status": 0}),
    ("c_find", lambda n: n.send_c_find_request(FIND, IDENTIFIER), {"status": 0xFF00, "dataset": INFORMATION}),
    (
        "c_get",
        lambda n: n.send_c_get_request(GET, IDENTIFIER),
        {"status": 0, "completed": 1, "failed": 0, "warning": 0},
    ),
    ("c_move", lambda n: n.send_c_move_request(MOVE, "X", IDENTIFIER), {"status": 0xA801}),
    ("c_echo", lambda n: n.send_c_echo_request(), {"status": 0}),
    (
        "n_event_report",
        lambda n: n.send_n_event_report_request(COMMITMENT, INSTANCE, 1),
        {"status": 0, "event_type_id": 1, "dataset": INFORMATION},
    ),
    ("n_get", lambda n: n.send_n_get_request(MPPS, INSTANCE), {"status": 0, "dataset": INFORMATION}),
    ("n_set", lambda n: n.send_n_set_request(MPPS, INSTANCE, INFORMATION), {"status": 0}),
    (
        "n_action",
        lambda n: n.send_n_action_request(COMMITMENT, INSTANCE, 1),
        {"status": 0, "action_type_id": 1, "dataset": INFORMATION},
    ),
    ("n_create", lambda n: n.send_n_create_request(MPPS, INSTANCE), {"status": 0}),
    ("n_delete", lambda n: n.send_n_delete_request(MPPS, INSTANCE), {"status": 0}),
]


@pytest.mark.parametrize(("service", "ask", "arguments"), RESPONSES, ids=[row[0] for row in RESPONSES])
def test_a_response_may_be_given_by_its_numbers(
    ends: Ends, service: str, ask: Callable[[Recorder], object], arguments: dict[str, Any]
) -> None:
    """Whoever has not kept the request names context and message ID, and class and instance if they are to be there."""
    ends.answering.react(f"receive_{service}_request", lambda message: None)
    ask(ends.asking)
    ends.answering.wait(f"receive_{service}_request")
    asked = ends.answering.all(f"receive_{service}_request")[0]
    named = {**arguments, "affected_sop_class_uid": asked.command.sop_class_uid}
    if not service.startswith("c_") or service == "c_store":
        named["affected_sop_instance_uid"] = asked.command.sop_instance_uid
    answer = ends.response(service, context_id=asked.context_id, message_id=asked.message_id, **named)
    assert facts(answer, "message_id_being_responded_to", "affected_sop_class_uid", "status") == (
        asked.message_id,
        asked.command.sop_class_uid,
        arguments["status"],
    )
    if "affected_sop_instance_uid" in named:
        assert answer.affected_sop_instance_uid == asked.command.sop_instance_uid
    assert answer.dataset == arguments.get("dataset")


def test_a_response_without_numbers_and_without_request_is_refused(ends: Ends) -> None:
    """There would be nobody to send it to."""
    for numbers in ({}, {"context_id": 1}, {"message_id": 1}):
        with pytest.raises(InvalidValue, match="needs the request it answers"):
            ends.answering.send_c_echo_response(**numbers)


def test_a_response_without_a_status_is_refused(ends: Ends) -> None:
    """Success goes without saying for an echo alone."""
    _, asked = ends.request("c_store", instance())
    with pytest.raises(InvalidValue, match="a C-STORE-RSP needs a status"):
        ends.answering.send_c_store_response(asked)


def test_a_response_of_another_kind_is_refused(ends: Ends) -> None:
    """A C-STORE is not answered with an echo."""
    _, asked = ends.request("c_store", instance())
    with pytest.raises(InvalidValue, match="C-ECHO-RSP does not answer a C-STORE-RQ"):
        ends.answering.send_c_echo_response(asked)


# What is refused in the caller's thread.


def descriptors() -> int:
    """How many files and sockets are open, where the system says so."""
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.is_dir() else 0


def test_what_cannot_be_sent_raises_where_it_was_asked(ends: Ends, tmp_path: Path) -> None:
    """Values, states and files are looked at before anything is queued, and nothing is left open."""
    asking = ends.asking
    path = write(tmp_path / "instance")
    before = descriptors()
    (tmp_path / "text").write_text("no instance")
    for error, send in [
        (InvalidValue, lambda: asking.send_c_store_request(path, priority=7)),
        (InvalidValue, lambda: asking.send_c_store_request(dataset(PatientID="1"))),
        (InvalidValue, lambda: asking.send_c_store_request(b"even", affected_sop_class_uid=CT)),
        (InvalidValue, lambda: asking.send_c_move_request(MOVE, "a title that is too long", IDENTIFIER)),
        (InvalidValue, lambda: asking.send_c_find_request(FIND, b"odd")),
        (InvalidValue, lambda: asking.send_c_find_request(FIND, Dataset())),
        (InvalidValue, lambda: asking.send_c_find_request(FIND, {"PatientID": "1"})),
        (InvalidValue, lambda: asking.send_c_find_request(FIND, None)),
        (InvalidValue, lambda: asking.send_c_store_request(7)),
        (InvalidValue, lambda: asking.send_c_store_request([path])),
        (InvalidValue, lambda: asking.send_n_get_request(MPPS, "no.uid")),
        (InvalidValue, lambda: asking.send_n_get_request(MPPS, INSTANCE, [1 << 32])),
        (InvalidValue, lambda: asking.send_n_action_request(COMMITMENT, INSTANCE, 65536)),
        (InvalidValue, lambda: asking.send_c_echo_request(message_id=65536)),
        (StateError, lambda: asking.send_c_echo_request(context_id=77)),
        (StateError, lambda: asking.send_c_find_request("1.2.3.4", IDENTIFIER)),
        (NotAnInstance, lambda: asking.send_c_store_request(tmp_path / "text")),
        (StorageError, lambda: asking.send_c_store_request(tmp_path / "nowhere")),
    ]:
        with pytest.raises(error):
            send()
    assert asking.send_queue_length == 0
    assert asking.is_associated
    assert descriptors() == before


def test_a_full_queue_raises_and_drains(tmp_path: Path) -> None:
    """More than the limit is not queued; a file that is not read yet counts as its path; what was queued arrives."""
    limits = Limits(send_queue=14_700)
    with associated(Provider(destination=MEMORY), Recorder(limits=limits)) as trio:
        held = threading.Event()
        trio.scp.react("receive_c_store_request", lambda m: (held.wait(PATIENCE), trio.scp.send_c_store_response(m, 0)))
        identity = {"affected_sop_class_uid": CT, "affected_sop_instance_uid": INSTANCE}
        data = encoded(write(tmp_path / "instance", PatientComments="x" * 3000))
        trio.scu.send_c_store_request(data, **identity)
        trio.scp.wait("receive_c_store_request")
        trio.scu.wait_sent(4)
        for _ in range(3):  # held back by the window of one operation
            trio.scu.send_c_store_request(data, **identity)
        with pytest.raises(SendQueueFull) as caught:
            trio.scu.send_c_store_request(data, **identity)
        assert caught.value.queued > 12_000
        assert caught.value.limit == 14_700
        with pytest.raises(SendQueueFull):
            trio.scu.send_c_store_request(tmp_path / "instance")
        trio.scu.send_c_store_request(write(tmp_path / "large", EncapsulatedDocument=bytes(100_000)))
        assert trio.scu.send_queue_length == 4
        held.set()
        trio.scu.wait("receive_c_store_response", 5)
        assert trio.scu.send_queue_length == 0


def test_one_message_larger_than_the_queue_is_taken() -> None:
    """Otherwise it could never be sent at all."""
    with associated(Provider(destination=MEMORY), Recorder(limits=Limits(send_queue=1000))) as trio:
        trio.scu.send_c_store_request(instance(PatientComments="x" * 5000))
        trio.scu.wait("receive_c_store_response")
        assert trio.scu.all("receive_c_store_response")[0].status == 0


@pytest.mark.parametrize("size", [100, 300_000, 3 << 20])
@pytest.mark.parametrize("place", [MEMORY, SPOOL, "a folder"], ids=str)
def test_what_is_received_can_be_sent_on(place: Any, size: int, tmp_path: Path) -> None:
    """The bytes of one association go to another as they are, from wherever they have been kept."""
    destination = tmp_path if place == "a folder" else place
    with (
        associated(Provider(destination=destination)) as first,
        associated(Provider(destination=MEMORY)) as second,
    ):
        first.scu.send_c_store_request(instance(EncapsulatedDocument=bytes(size)))
        first.scp.wait("receive_c_store_request")
        message = first.scp.all("receive_c_store_request")[0]
        second.scu.send_c_store_request(
            message, move_originator_application_entity_title="SCU", move_originator_message_id=message.message_id
        )
        second.scu.send_c_store_request(
            message.data, affected_sop_class_uid=CT, affected_sop_instance_uid="1.2.3.5", priority=Priority.LOW
        )
        second.scp.wait("receive_c_store_request", 2)
        one, other = second.scp.all("receive_c_store_request")
        assert one.data.bytes() == other.data.bytes() == message.data.bytes()
        assert (one.affected_sop_class_uid, one.affected_sop_instance_uid) == (CT, INSTANCE)
        assert (one.move_originator_application_entity_title, one.move_originator_message_id) == ("SCU", 1)
        assert (other.affected_sop_instance_uid, other.priority) == ("1.2.3.5", Priority.LOW)


def test_what_is_queued_to_be_sent_on_outlives_its_message(tmp_path: Path) -> None:
    """A temporary file stays until it has left, also if whoever received it lets go of it before; then it is gone."""
    with associated(temp_dir=tmp_path) as first, associated(Provider(destination=MEMORY)) as second:
        second.scp.react("receive_c_echo_request", lambda message: None)
        first.scu.send_c_store_request(instance(EncapsulatedDocument=bytes(3 << 20)))
        first.scp.wait("receive_c_store_request")
        second.scu.send_c_echo_request()  # fills the window
        with first.scp.all("receive_c_store_request")[0].data as data:
            second.scu.send_c_store_request(data, affected_sop_class_uid=CT, affected_sop_instance_uid=INSTANCE)
        first.scp.events.clear()
        assert len(list(tmp_path.glob(".*.part"))) == 1
        with pytest.raises(StateError, match="was not kept"):
            data.body()
        second.scp.wait("receive_c_echo_request")
        second.scp.send_c_echo_response(second.scp.all("receive_c_echo_request")[0])
        second.scp.wait("receive_c_store_request")
        assert second.scp.all("receive_c_store_request")[0].dataset.SOPInstanceUID == INSTANCE
        until(lambda: not list(tmp_path.glob(".*.part")), "the end of the temporary file")


def test_what_is_received_goes_on_as_it_came_or_not_at_all(tmp_path: Path) -> None:
    """Not in another transfer syntax, not when it is gone, not if its length is odd, and not if it never came."""
    asked = request([CT])
    asked.contexts[0].transfer_syntaxes = [IMPLICIT_LE]
    with associated(destination=tmp_path) as first, associated(contexts=asked.contexts) as second:
        first.scu.send_c_store_request(instance())
        first.scp.wait("receive_c_store_request")
        message = first.scp.all("receive_c_store_request")[0]
        with pytest.raises(InvalidValue, match=r"is in Explicit VR Little Endian, context 1 in Implicit"):
            second.scu.send_c_store_request(message)
        first.scp.send_c_store_request(message)
        first.scu.wait("receive_c_store_request")
        message.data.path.unlink()
        with pytest.raises(StorageError, match="cannot read"):
            first.scp.send_c_store_request(message)
        odd = ReceivedData(length=3, transfer_syntax_uid=UID(EXPLICIT_LE), path=tmp_path / "odd")
        with pytest.raises(InvalidValue, match="odd length"):
            first.scu.send_c_find_request(FIND, odd)
        nothing = ReceivedData(length=0, transfer_syntax_uid=UID(EXPLICIT_LE), data=b"")
        first.scu.send_n_action_request(COMMITMENT, INSTANCE, 1, nothing)
        first.scp.wait("receive_n_action_request")
        assert first.scp.all("receive_n_action_request")[0].data is None


def test_every_context_of_the_tests_is_accepted(ends: Ends) -> None:
    """What the tests above rest on."""
    association = ends.answering.association
    assert association is not None
    assert [context.abstract_syntax for context in association.contexts if context.is_accepted] == list(ALL)
