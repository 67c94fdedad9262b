"""An acceptor that the shells are tried on: it does as it is told, and remembers what was asked of it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any, TypeAlias

from pydicom import Dataset

from dicomnet import MEMORY, Associate, DicomNet, Status
from dicomnet.exchanges.commitment import InstanceRef, commitment_result
from dicomnet.pdu import AssociateRequest, ContextOutcome
from dicomnet.pdu.read import pull_pdu
from dicomnet.pdu.write import push_pdu
from listeners import V4, accept, listening, port_of

PATIENCE = 15.0
"""Seconds for anything that takes milliseconds."""

CT = "1.2.840.10008.5.1.4.1.1.2"
MR = "1.2.840.10008.5.1.4.1.1.4"
MPPS = "1.2.840.10008.3.1.2.3.3"
COMMITMENT = "1.2.840.10008.1.20.1"
IMPLICIT_LE = "1.2.840.10008.1.2"
EXPLICIT_LE = "1.2.840.10008.1.2.1"

Reaction: TypeAlias = "Callable[[Line, Any], object]"


class Archive:
    """Listens. Each connection is a `Line`; what they are asked goes through ``reactions``, by service, or is done well.

    Args:
        title: calls to any other are rejected.
        settings: of its `DicomNet` objects.
    """

    def __init__(self, title: str = "ARCHIVE", **settings: Any) -> None:
        self.title = title
        self.settings = {"destination": MEMORY, **settings}
        self.reactions: dict[str, Reaction] = {}
        self.refused: set[str] = set()
        """Abstract syntaxes whose contexts it refuses."""
        self.syntax: str | None = None
        """The only transfer syntax that it takes."""
        self.most_scp_roles = 128
        """Contexts of one association in which it agrees to be sent instances over a C-GET."""
        self.most_lines: int | None = None
        """Associations at a time; more are rejected."""
        self.instances: list[Dataset] = []
        self.mistaken_for: dict[str, str] = {}
        """Of instances that it gives under another UID: that one."""
        """What it has to give out."""
        self.lines: list[Line] = []
        self.log: list[str] = []
        """What came, of all lines in order: services, and how lines ended."""
        self.stored: list[str] = []
        """Instances it was given, in order."""
        self.identifiers: list[Dataset] = []
        """Of queries and retrieves."""
        self._changed = threading.Condition()
        self._listener = _Listener(self)
        self.port = self._listener.listen(V4)[1]

    @property
    def address(self) -> str:
        return f"{self.title}@{V4}:{self.port}"

    def close(self) -> None:
        self._listener.close()
        for line in self.lines:
            line.close(force=True)

    def note(self, what: str) -> None:
        with self._changed:
            self.log.append(what)
            self._changed.notify_all()

    def wait_for(self, holds: Callable[[], bool]) -> None:
        """Waits until something holds that is said in the log, or in what changes with it."""
        with self._changed:
            assert self._changed.wait_for(holds, PATIENCE), self.log

    def expect(self, what: str, count: int = 1) -> None:
        """Waits for an entry in the log."""
        self.wait_for(lambda: self.log.count(what) >= count)


class _Listener(DicomNet):
    def __init__(self, archive: Archive) -> None:
        super().__init__(**archive.settings)
        self.archive = archive

    def on_accept(self, error: Exception | None) -> None:
        line = Line(self.archive)
        self.archive.lines.append(line)
        self.accept(line)


class Line(DicomNet):
    """One connection of an archive."""

    def __init__(self, archive: Archive) -> None:
        super().__init__(**archive.settings)
        self.archive = archive
        self._sending: Iterator[Dataset] = iter(())
        self._retrieve: Any = None
        self._failed: list[str] = []
        self._count = 0

    def on_receive_associate_request(self, associate: Associate) -> None:
        archive = self.archive
        if associate.called_ae != archive.title:
            self.send_associate_reject(1, 1, 7)
            return
        if archive.most_lines is not None and sum(line.is_associated for line in archive.lines) >= archive.most_lines:
            archive.note("rejected")
            self.send_associate_reject(2, 3, 2)
            return
        answer = associate.accept_all()
        roles = 0
        for proposed, context in zip(associate.contexts, answer.contexts, strict=True):
            if context.abstract_syntax in archive.refused:
                context.result = ContextOutcome.ABSTRACT_SYNTAX_NOT_SUPPORTED
            elif archive.syntax is not None:
                if archive.syntax in proposed.transfer_syntaxes:
                    context.transfer_syntaxes = [archive.syntax]
                else:
                    context.result = ContextOutcome.TRANSFER_SYNTAXES_NOT_SUPPORTED
            if context.is_accepted and context.scp_role:
                roles += 1
                if roles > archive.most_scp_roles:
                    context.result = ContextOutcome.NO_REASON
        archive.note("associated")
        self.send_associate_accept(answer)

    def on_receive_release_request(self) -> None:
        reaction = self.archive.reactions.get("release")
        if reaction is not None:
            reaction(self, None)
            return
        self.archive.note("released")
        self.send_release_response()

    def on_receive_abort(self, source: int, reason: int) -> None:
        self.archive.note("aborted")

    def on_close(self, error: Exception | None, net: DicomNet) -> None:
        self.archive.note("closed")

    def on_receive_c_echo_request(self, message: Any) -> None:
        self._react("echo", message, self.send_c_echo_response)

    def on_receive_c_store_request(self, message: Any) -> None:
        self.archive.stored.append(message.affected_sop_instance_uid)
        self._react("store", message, lambda _: self.send_c_store_response(message, Status.SUCCESS))

    def on_receive_c_cancel_request(self, message: Any) -> None:
        self.archive.note("cancel")
        reaction = self.archive.reactions.get("cancel")
        if reaction is not None:
            reaction(self, message)

    def on_receive_c_find_request(self, message: Any) -> None:
        self.archive.identifiers.append(message.dataset)
        self._react("find", message, lambda _: self.send_c_find_response(message, Status.SUCCESS))

    def on_receive_c_move_request(self, message: Any) -> None:
        self.archive.identifiers.append(message.dataset)
        self._react("move", message, lambda _: self.send_c_move_response(message, Status.SUCCESS, completed=0))

    # C-GET: one instance after the other.

    def on_receive_c_get_request(self, message: Any) -> None:
        self.archive.identifiers.append(message.dataset)
        self._react("get", message, self._begin_to_give)

    def on_receive_c_store_response(self, message: Any) -> None:
        self._count += 1
        self.send_c_get_response(
            self._retrieve, Status.PENDING, remaining=1, completed=self._count, failed=0, warning=0
        )
        self._give_next()

    def _begin_to_give(self, message: Any) -> None:
        self._retrieve, self._failed, self._count = message, [], 0
        study = message.dataset.StudyInstanceUID
        self._sending = iter([one for one in self.archive.instances if one.StudyInstanceUID == study])
        self._give_next()

    def _give_next(self) -> None:
        if self.is_cancelled(self._retrieve.message_id):
            self._sending = iter(())
            self.send_c_get_response(
                self._retrieve, Status.CANCEL, remaining=1, completed=self._count, failed=0, warning=0
            )
            return
        for one in self._sending:
            context = self.association.find(one.SOPClassUID) if self.association else None
            if context is None:
                self._failed.append(one.SOPInstanceUID)
                continue
            said = self.archive.mistaken_for.get(one.SOPInstanceUID)
            self.send_c_store_request(one, affected_sop_instance_uid=said, context_id=context.context_id)
            return
        if self._failed:
            failed = Dataset()
            failed.FailedSOPInstanceUIDList = self._failed
            self.send_c_get_response(
                self._retrieve,
                0xB000,
                failed,
                completed=self._count,
                failed=len(self._failed),
                warning=0,
            )
        else:
            self.send_c_get_response(self._retrieve, Status.SUCCESS, completed=self._count, failed=0, warning=0)

    # N-services.

    def on_receive_n_create_request(self, message: Any) -> None:
        made = message.affected_sop_instance_uid or "1.2.3.4.5"
        self._react(
            "n-create",
            message,
            lambda _: self.send_n_create_response(message, 0, message.dataset, affected_sop_instance_uid=made),
        )

    def on_receive_n_set_request(self, message: Any) -> None:
        self._react("n-set", message, lambda _: self.send_n_set_response(message, 0, message.dataset))

    def on_receive_n_get_request(self, message: Any) -> None:
        attributes = Dataset()
        attributes.PatientID = "47"
        self._react("n-get", message, lambda _: self.send_n_get_response(message, 0, attributes))

    def on_receive_n_delete_request(self, message: Any) -> None:
        self._react("n-delete", message, lambda _: self.send_n_delete_response(message, 0))

    def on_receive_n_event_report_request(self, message: Any) -> None:
        self._react("n-event-report", message, lambda _: self.send_n_event_report_response(message, 0))

    def on_receive_n_event_report_response(self, message: Any) -> None:
        self.archive.note(f"report answered {message.status:04X}")

    def on_receive_n_action_request(self, message: Any) -> None:
        self._react("n-action", message, self._take_action)

    def _take_action(self, message: Any) -> None:
        self.send_n_action_response(message, 0)
        if message.requested_sop_class_uid == COMMITMENT:
            self.commit(message)

    def commit(self, message: Any, *, failed: tuple[str, ...] = ()) -> None:
        """Reports what is committed of what was asked for."""
        refs = [
            InstanceRef(item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID)
            for item in message.dataset.ReferencedSOPSequence
        ]
        event_type, result = commitment_result(
            message.dataset.TransactionUID,
            [ref for ref in refs if ref.sop_instance_uid not in failed],
            [(ref, 0x0112) for ref in refs if ref.sop_instance_uid in failed],
        )
        self.send_n_event_report_request(COMMITMENT, f"{COMMITMENT}.1", event_type, result)

    def _react(self, service: str, message: Any, well: Callable[[Any], object]) -> None:
        reaction = self.archive.reactions.get(service)
        if reaction is None:
            well(message)
        else:
            reaction(self, message)
        self.archive.note(service)


def answer_find(line: Line, message: Any, matches: list[Dataset]) -> None:
    """All matches, and the end."""
    for match in matches:
        line.send_c_find_response(message, Status.PENDING, match)
    line.send_c_find_response(message, Status.SUCCESS)


def find_without_end(archive: Archive, count: int = 5) -> None:
    """From now on queries get so many matches and no end before they are cancelled."""
    asked: list[Any] = []

    def find(line: Line, message: Any) -> None:
        asked.append(message)
        for number in range(count):
            line.send_c_find_response(message, Status.PENDING, study(f"1.2.{number + 1}"))

    archive.reactions["find"] = find
    archive.reactions["cancel"] = lambda line, _: line.send_c_find_response(asked.pop(), Status.CANCEL)


def study(uid: str, **elements: Any) -> Dataset:
    """A match at the STUDY level."""
    match = Dataset()
    match.QueryRetrieveLevel = "STUDY"
    match.StudyInstanceUID = uid
    for keyword, value in elements.items():
        setattr(match, keyword, value)
    return match


@contextmanager
def raw_acceptor(*scripts: Callable[[socket.socket], None]) -> Iterator[str]:
    """The address of a peer without manners: it accepts an association, and each script has one connection from then on.

    After its script it closes the connection; after the last script, the port.
    """
    failures: list[BaseException] = []

    def serve() -> None:
        for script in scripts:
            try:
                with closing(accept(sockets[0])) as sock:
                    sock.settimeout(PATIENCE)
                    _agree(sock)
                    with suppress(ConnectionError):
                        script(sock)
            except BaseException as error:  # noqa: BLE001 (told below)
                failures.append(error)

    with listening() as sockets:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"RAW@{V4}:{port_of(sockets)}"
        finally:
            sockets[0].settimeout(0.1)
            thread.join(PATIENCE)
    assert not failures, failures


def take_pdu(sock: socket.socket) -> bytes:
    """One PDU, whole."""
    header = take(sock, 6)
    return header + take(sock, int.from_bytes(header[2:], "big"))


def take(sock: socket.socket, count: int) -> bytes:
    taken = b""
    while len(taken) < count:
        piece = sock.recv(count - len(taken))
        if not piece:
            raise ConnectionResetError
        taken += piece
    return taken


def take_rest(sock: socket.socket) -> bytes:
    """All that comes until the other side closes."""
    rest = b""
    with suppress(ConnectionError):
        while piece := sock.recv(65536):
            rest += piece
    return rest


def _agree(sock: socket.socket) -> None:
    pulled = pull_pdu(take_pdu(sock))
    assert pulled is not None
    request = pulled[0]
    assert isinstance(request, AssociateRequest)
    sock.sendall(push_pdu(Associate.from_pdu(request).accept_all().to_accept()))
