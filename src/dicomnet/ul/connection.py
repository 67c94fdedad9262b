"""One end of an upper-layer connection, without I/O (PS3.8).

A shell drives it with bytes and times and takes bytes and events from it; the
contract stands in docs/design.md. Here PDUs are framed, P-DATA is unpacked in
place, and deadlines are kept as numbers; what any of it means for the
association is decided by `Machine` alone.

Framing. Bytes are one of: a header of six bytes, the body of a PDU that must
be whole before it is understood (all but P-DATA), a PDV header, a run of
fragment bytes, or the rest of a PDU nobody wants. Only the first three are
ever copied, and only when they straddle two calls of `receive`.

                      6 bytes             6 bytes          length - 2
    P-DATA-TF   | 04 00 length | length ctx control | fragment ... | PDV ...
                `-- PDU header `--------- PDV header
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from enum import Enum
from struct import Struct
from typing import Any, TypeAlias

from dicomnet.errors import AbortReason, InvalidPdu, ProtocolError, StateError
from dicomnet.limits import MIB, SMALLEST_MAX_PDU_LENGTH, Limits, Timeouts
from dicomnet.pdu import Abort, AssociateAccept, AssociateReject, AssociateRequest, Pdu, PduType
from dicomnet.pdu.read import check_length, check_type, decode
from dicomnet.pdu.write import push_pdu
from dicomnet.ul import negotiation
from dicomnet.ul.events import (
    AssociateAccepted,
    Event,
    Fragment,
    PduReceived,
    ProtocolViolated,
    ReleaseRequested,
    RequestRefused,
    Sent,
    TimedOut,
    Tolerated,
    TransportClosed,
)
from dicomnet.ul.machine import REFUSALS, Input, Machine, State, Trace


class Signal(Enum):
    """What a shell does besides writing bytes."""

    SEND_EOF = "shut down the sending side, go on reading"
    CLOSE = "close the transport once the bytes before this are out"


SEND_EOF = Signal.SEND_EOF
CLOSE = Signal.CLOSE

Output: TypeAlias = Any
"""What `data_to_send` returns: bytes, a `Signal`, or what the layer above queued with `send_data`."""


SENT_AT_ONCE = MIB
"""Bytes that `data_to_send` gives at a time: a shell may join them, and its transport may copy them."""


class Connection:
    """The upper layer of one transport connection, as association-requestor or -acceptor.

    Args:
        requestor: whether this side opens the association.
        refuse: as acceptor, answer any request with this rejection (the shell has no place left).
        tap: tell every PDU as a `PduReceived` event, at the price of a copy.
        trace: called after each step of the machine.
    """

    __slots__ = tuple(
        """
        _announced _answer _artim _closed _deaf _departing _events _fragment_context _fragment_control
        _fragment_left _handed_out _handed_total _last_activity _machine _message_open _mute _now _out _oversize_told
        _partial _paused_since _pdu_left _queued_total _receive_progress _send_progress _sent_total _skip
        _taking_data _traced _transport_up _wanted content limits operations_outstanding refuse request requestor
        tap terms timeouts
        """.split()
    )

    def __init__(
        self,
        *,
        requestor: bool,
        limits: Limits = Limits(),  # noqa: B008 (frozen)
        timeouts: Timeouts = Timeouts(),  # noqa: B008 (frozen)
        refuse: AssociateReject | None = None,
        tap: bool = False,
        trace: Trace | None = None,
    ) -> None:
        self.requestor = requestor
        self.limits = limits
        self.timeouts = timeouts
        self.tap = tap
        self.request: AssociateRequest | None = None
        """The association request, ours or the peer's."""
        self.terms: negotiation.Terms | None = None
        """What was negotiated, from acceptance on."""
        self.operations_outstanding = False
        """Set by the layer above: while operations are outstanding the association is not idle."""
        self.refuse = refuse
        """As acceptor, the rejection that any request is answered with; may be set until one comes."""
        self._machine = Machine(self, trace)
        self._traced = trace is not None
        self._transport_up = False
        self._closed = False
        self._now = 0.0
        self._events: list[Event] = []
        self._out: deque[Output] = deque()
        self._handed_out: Output = None
        self._handed_total = 0
        self._queued_total = 0
        self._sent_total = 0
        self._departing: deque[tuple[int, Sent, Output]] = deque()
        self._artim: float | None = None
        self._answer: tuple[float, str, float] | None = None
        self._last_activity = 0.0
        self._paused_since: float | None = None
        self.content = 0
        """Of the bytes of the last `receive` those that were no headers of data."""
        self._receive_progress = _Progress(timeouts.stall, limits.minimum_progress)
        self._send_progress = _Progress(timeouts.stall, limits.minimum_progress)
        self._partial = bytearray()
        self._wanted = _HEADER_SIZE
        self._pdu_left = 0
        self._fragment_left = 0
        self._fragment_context = 0
        self._fragment_control = 0
        self._taking_data = False
        self._skip = 0
        self._deaf = False
        self._mute = False
        self._message_open = False
        self._announced = limits.max_pdu_length
        self._oversize_told = False

    @property
    def state(self) -> State:
        return self._machine.state

    @property
    def is_associated(self) -> bool:
        """Whether an association stands: accepted, and neither released nor aborted."""
        return self._machine.state in _STANDING and not self._closed

    @property
    def takes_data(self) -> bool:
        """Whether data may be sent now: not once we have asked for release, or answered it."""
        return self._machine.allows(Input.DATA_REQUESTED) and not self._closed

    @property
    def closed(self) -> bool:
        """Whether the transport is to be closed: all that is given out from now on is `CLOSE`."""
        return self._closed

    @property
    def mid_pdu(self) -> bool:
        """Whether a PDU has begun to arrive and is not complete."""
        return bool(self._partial or self._pdu_left or self._fragment_left)

    @property
    def message_open(self) -> bool:
        """Set by the layer above: a message has begun to arrive and is not complete."""
        return self._message_open

    @message_open.setter
    def message_open(self, is_open: bool) -> None:
        self._message_open = is_open
        if is_open and self._receive_progress.deadline is None:
            self._receive_progress.restart(self._now)
        elif not is_open and not self.mid_pdu:
            self._receive_progress.rest()

    # What the transport did.

    def connected(self, now: float) -> None:
        """The transport is up; a TLS handshake, where there is one, is over."""
        self._now = self._last_activity = now
        self._transport_up = True
        if not self.requestor:
            self._machine.handle(Input.TRANSPORT_INDICATED)
        elif self._machine.state is State.AWAITING_TRANSPORT:
            self._transport_confirmed()

    def receive(self, data: bytes | bytearray | memoryview, now: float) -> list[Event]:
        """Takes bytes as they came, b"" for end of file; the views in the events die at the next call.

        Raises:
            StateError: bytes came before `connected`, which only a shell can get wrong.
        """
        if len(data) and self._machine.state is State.AWAITING_TRANSPORT:
            raise StateError("bytes came before the transport was said to be up")
        self._now = now
        events: list[Event] = []
        self._events = events
        if len(data) == 0:
            self._end_of_file()
        elif not self._deaf:
            self._last_activity = now
            self.content = 0
            self._parse(memoryview(data))
            if self.mid_pdu or self._message_open:
                self._receive_progress.moved(self.content, now)
            else:
                self._receive_progress.rest()
        return events

    def sent(self, count: int, now: float) -> list[Sent]:
        """So many bytes of what `data_to_send` gave have left; returns what is out as a whole with them."""
        self._last_activity = now
        self._sent_total += count
        if self._sent_total < self._queued_total:
            self._send_progress.moved(count, now)
        else:
            self._send_progress.rest()
        gone = []
        while self._departing and self._departing[0][0] <= self._sent_total:
            _, sent, item = self._departing.popleft()
            gone.append(sent)
            if item is self._handed_out:
                self._take_note_of_handed_out()
        return gone

    def forget(self, count: int) -> None:
        """So many bytes of an item that was dropped while the shell had it will never leave."""
        self._handed_total -= count
        self._queued_total -= count
        self._departing = deque((end - count, sent, item) for end, sent, item in self._departing)

    def reading(self, paused: bool, now: float) -> float:
        """We stopped reading, or went on: while stopped, the peer cannot be blamed for silence.

        Returns:
            The seconds for which we had stopped, and by which the peer's deadlines have moved.
        """
        stopped = 0.0 if self._paused_since is None else now - self._paused_since
        self._paused_since = now if paused else None
        self._last_activity = now
        if self._answer is not None:
            due, waiting_for, seconds = self._answer
            self._answer = (due + stopped, waiting_for, seconds)
        self._receive_progress.excuse(stopped)
        return stopped

    # What the user of the layer asks for.

    def associate(self, request: AssociateRequest, now: float) -> None:
        """Asks the peer for an association, now or as soon as the transport is up.

        Raises:
            InvalidValue: the request cannot be written.
            StateError: there is, or was, an association.
        """
        if not self.requestor or self._closed:
            raise StateError("an association is asked for by the side that opened the connection, and once")
        push_pdu(request)
        self._now = now
        self._machine.handle(Input.ASSOCIATE_REQUESTED)
        self.request = request
        self._await_answer("the answer to the association request", self.timeouts.associate)
        if self._transport_up:
            self._transport_confirmed()

    def accept(self, accept: AssociateAccept, now: float) -> None:
        """Accepts the association asked for.

        Raises:
            InvalidValue: the answer cannot be written, or does not fit the request.
            StateError: nothing was asked for.
        """
        if self.request is not None:
            negotiation.check_answer(self.request, accept)
        self._now = now
        self._machine.handle(Input.ACCEPTED, accept)

    def reject(self, reject: AssociateReject, now: float) -> None:
        """Rejects the association asked for."""
        self._now = now
        self._machine.handle(Input.REJECTED, reject)

    def send_data(self, item: Output, length: int, now: float, ticket: object = None) -> None:
        """Queues whole P-DATA-TF PDUs, or an item that the shell turns into them, of so many bytes.

        The ticket comes back in the `Sent` event.

        Raises:
            StateError: data may not be sent now.
        """
        if self._closed:
            raise StateError("the transport is closed")
        self._now = now
        self._machine.handle(Input.DATA_REQUESTED, item)
        self._count(Sent(PduType.P_DATA_TF, length, ticket), item)

    def shorten(self, item: Output, count: int) -> None:
        """An item being sent turned out shorter than said; so it, and what was queued after it, is out earlier."""
        shift = 0
        departing, self._departing = self._departing, deque()
        for end, sent, departs in departing:
            if departs is item:
                shift = count
                sent.length -= count
            self._departing.append((end - shift, sent, departs))
        self._queued_total -= shift

    def release(self, now: float) -> None:
        """Asks the peer to end the association."""
        self._now = now
        self._machine.handle(Input.RELEASE_REQUESTED)
        self._await_answer("the answer to the release request", self.timeouts.release)

    def answer_release(self, now: float) -> None:
        """Agrees to the release the peer asked for."""
        self._now = now
        self._machine.handle(Input.RELEASE_ANSWERED)

    def abort(self, now: float, source: int = 0, reason: int = 0) -> None:
        """Ends the association at once; where there is none yet, closes the transport."""
        self._now = now
        if self._machine.allows(Input.ABORT_REQUESTED):
            self._machine.handle(Input.ABORT_REQUESTED, Abort(source, reason))
        elif self._machine.state is not State.AWAITING_CLOSE:
            self.close_transport()

    def violated(self, error: ProtocolError, now: float) -> list[Event]:
        """The layer above found that the peer broke the protocol: abort as the error says."""
        self._now = now
        events: list[Event] = []
        self._events = events
        self._invalid(error)
        return events

    # What the shell takes.

    def data_to_send(self) -> list[Output]:
        """What to write now, in order; may end in SEND_EOF or CLOSE.

        An item that is not bytes is the last one: what follows it is given
        once the shell asks again, after it is done with the item.
        """
        items = []
        size = 0
        while self._out and size < SENT_AT_ONCE:
            item = self._out.popleft()
            items.append(item)
            if isinstance(item, Signal):
                break
            self._take_note_of_handed_out()
            if not isinstance(item, bytes):
                self._handed_out = item
                break
            size += len(item)
        self._handed_total += size
        return items

    @property
    def deadline(self) -> float | None:
        """When to call `handle_deadline`, unless something happens before."""
        due = min(self._deadlines(), default=None)
        return None if due is None else due[0]

    def handle_deadline(self, now: float) -> list[Event]:
        """Does what the first of the passed deadlines obliges to; what follows from it makes the others void."""
        self._now = now
        events: list[Event] = []
        self._events = events
        due = min(self._deadlines(), default=None)
        if due is not None and due[0] <= now:
            _, waiting_for, seconds = due
            if self._artim is None:
                self._time_out(waiting_for, seconds)
            else:
                events.append(TimedOut(waiting_for, seconds))
                self._machine.handle(Input.ARTIM_EXPIRED)
        return events

    # What the machine makes happen (see `machine.Provider`).

    def open_transport(self) -> None:
        """The shell connects on its own and says so with `connected`."""

    def close_transport(self) -> None:
        if not self._closed:
            self._closed = self._deaf = True
            self._drop_output()
            self._out.append(CLOSE)

    def send(self, pdu: Pdu) -> None:
        if self._mute or self._closed:
            return
        data = push_pdu(pdu)
        if isinstance(pdu, Abort):
            self._drop_output()
        self._out.append(data)
        self._count(Sent(pdu.pdu_type, len(data)), data)
        if isinstance(pdu, Abort):
            # PS3.8 9.1.4: closing at once could destroy the A-ABORT on its way, so stop writing and wait.
            self._out.append(SEND_EOF)
            self._mute = True
            self._skip_rest_of_pdu()

    def queue_data(self, item: Output) -> None:
        self._out.append(item)

    def take_data(self) -> None:
        self._taking_data = True

    def indicate(self, event: Event) -> None:
        if not isinstance(event, ReleaseRequested):  # after a collision the peer's reply is still awaited
            self._answer = None
        if isinstance(event, TransportClosed):
            # Some peers close instead of answering our release, which has its way all the same.
            expected = event.expected or self.state in _RELEASING
            event = replace(event, expected=expected, interrupted=self._interrupted())
        self._events.append(event)

    def associated(self, accept: AssociateAccept, *, confirm: bool) -> None:
        assert self.request is not None
        self._answer = None
        self.terms = negotiation.conclude(self.request, accept, requestor=self.requestor)
        ours = (self.request if self.requestor else accept).user_information
        self._announced = ours.max_pdu_length or _ANY_LENGTH
        if confirm:
            self._events.append(AssociateAccepted(accept, self.terms))

    def screen(self, request: AssociateRequest) -> AssociateReject | None:
        self.request = request
        reject, wrong = negotiation.screen(request) or (self.refuse, "local limit exceeded")
        if reject is not None:
            self._events.append(RequestRefused(request, reject, wrong))
        return reject

    def start_artim(self) -> None:
        self._artim = self._now + self.timeouts.artim

    def stop_artim(self) -> None:
        self._artim = None

    # Framing.

    def _parse(self, view: memoryview) -> None:
        position, end = 0, len(view)
        try:
            while position < end and not self._deaf:
                if self._fragment_left:
                    position = self._pass_fragment(view, position, end)
                elif view[position] == PduType.P_DATA_TF and self._begins_plainly(view, position, end):
                    position += _PLAIN_HEADER.size
                elif self._skip:
                    taken = min(self._skip, end - position)
                    self._skip -= taken
                    position += taken
                else:
                    position = self._gather(view, position, end)
        except InvalidPdu as error:
            self._invalid(error)
            # Where one PDU ends and the next begins is no longer known: listen no more, wait for the end of file.
            self._deaf = True
            self._partial.clear()
            self._pdu_left = 0

    def _begins_plainly(self, view: memoryview, position: int, end: int) -> bool:
        """Begins the P-DATA-TF that nearly all are: one value, allowed and expected here, both headers in one piece.

        In the state ASSOCIATED the table has nothing for it to do but to hand on the data (PS3.8 9.2, DT-2).
        """
        if self._skip or self._pdu_left or self._partial or end - position < _PLAIN_HEADER.size:
            return False
        if self._traced or self.tap:  # somebody wants to see each step
            return False
        _, length, value_length, context_id, control = _PLAIN_HEADER.unpack_from(view, position)
        if value_length + 4 != length or value_length <= 2 or length > self._announced:
            return False
        if self._machine.state is not State.ASSOCIATED or self.terms is None or context_id not in self.terms.contexts:
            return False
        self._fragment_left = value_length - 2
        self._fragment_context = context_id
        self._fragment_control = control
        return True

    def _gather(self, view: memoryview, position: int, end: int) -> int:
        """Completes what must be whole: a header, or a PDU that is not data."""
        partial = self._partial
        if not partial and not self._pdu_left:
            check_type(view[position])
        stop = position + self._wanted - len(partial)
        # Headers are no progress, or empty fragments would be.
        if self._wanted > _HEADER_SIZE:
            self.content += min(stop, end) - position
        if stop > end:
            partial += view[position:end]
            return end
        if partial:
            partial += view[position:stop]
            whole = memoryview(bytes(partial))
            partial.clear()
        else:
            whole = view[position:stop]
        if self._pdu_left:
            self._begin_fragment(whole)
        elif len(whole) == _HEADER_SIZE:
            self._begin_pdu(whole)
        else:
            self._finish_pdu(whole)
        return stop

    def _begin_pdu(self, header: memoryview) -> None:
        pdu_type, length = _PDU_HEADER.unpack(header)
        if self.state is State.IDLE:
            # Only a requestor that has not asked yet is here; PS3.8 has no cell, since there is no association to end.
            raise InvalidPdu("the peer speaks before any association was asked for", AbortReason.UNEXPECTED_PDU)
        if pdu_type != PduType.P_DATA_TF:
            check_length(pdu_type, length, self.limits.association_pdu)
        else:
            check_length(pdu_type, length, max(self.limits.received_pdu, self._announced))
            if length < _HEADER_SIZE:
                raise InvalidPdu(f"a P-DATA-TF of {length} bytes holds no presentation data value")
            if not self.tap or length > MIB:
                self._begin_data(header, length)
                return
        self._wanted = len(header) + length
        self._partial += header
        if not length:
            self._partial.clear()
            self._finish_pdu(header)

    def _begin_data(self, header: memoryview, length: int) -> None:
        """A P-DATA-TF is judged at its header and then handed on as it comes."""
        if self.tap:
            self._events.append(PduReceived(PduType.P_DATA_TF, bytes(header)))
        if length > self._announced and not self._oversize_told:
            self._oversize_told = True
            self._events.append(Tolerated(f"the peer sends PDUs of {length} bytes, {self._announced} were announced"))
        self._taking_data = False
        self._judge(PduType.P_DATA_TF)
        if self._taking_data:
            self._pdu_left = length
        else:
            self._skip = length

    def _begin_fragment(self, header: memoryview) -> None:
        length, context_id, control = _PDV_HEADER.unpack(header)
        self._pdu_left -= 4
        if not 2 <= length <= self._pdu_left:
            raise InvalidPdu(f"a presentation data value of {length} bytes in a PDU with {self._pdu_left} left")
        self._pdu_left -= length
        if 0 < self._pdu_left < _HEADER_SIZE:
            raise InvalidPdu(f"{self._pdu_left} bytes after the last presentation data value of a PDU")
        assert self.terms is not None
        if context_id not in self.terms.contexts:
            raise InvalidPdu(
                f"data on presentation context {context_id}, which was not accepted", _UNEXPECTED_PARAMETER
            )
        self._fragment_left = length - 2
        self._fragment_context = context_id
        self._fragment_control = control
        if not self._fragment_left and control & _LAST_FRAGMENT:
            # PS3.8 E.1 forbids a PDV without data, peers send it, and its last bit counts.
            self._events.append(Fragment(context_id, control, header[:0], ends_value=True))

    def _pass_fragment(self, view: memoryview, position: int, end: int) -> int:
        stop = min(position + self._fragment_left, end)
        self.content += stop - position
        self._fragment_left -= stop - position
        ends = not self._fragment_left
        self._events.append(Fragment(self._fragment_context, self._fragment_control, view[position:stop], ends))
        return stop

    def _finish_pdu(self, whole: memoryview) -> None:
        """Understands a PDU that came whole: any but P-DATA, which a tap makes us gather too."""
        self._wanted = _HEADER_SIZE
        pdu_type = PduType(whole[0])
        if self.tap:
            self._events.append(PduReceived(pdu_type, bytes(whole)))
        if pdu_type == PduType.P_DATA_TF:
            self._walk_tapped(whole)
            return
        pdu = decode(pdu_type, whole[_HEADER_SIZE:])
        if isinstance(pdu, AssociateAccept) and self.state is State.AWAITING_ANSWER:
            _check_maximum(pdu)
        self._judge(pdu_type, pdu)

    def _walk_tapped(self, whole: memoryview) -> None:
        self.tap = False
        try:
            self._begin_data(whole[:_HEADER_SIZE], len(whole) - _HEADER_SIZE)
        finally:
            self.tap = True
        position = _HEADER_SIZE
        while self._fragment_left or self._pdu_left:
            step = self._pass_fragment if self._fragment_left else self._gather
            position = step(whole, position, len(whole))
        self._skip = 0
        self.content -= len(whole) - _HEADER_SIZE  # of what came of it only the fragments count

    # Ends.

    def _end_of_file(self) -> None:
        self._deaf = True
        if self._machine.allows(Input.TRANSPORT_CLOSED):
            self._machine.handle(Input.TRANSPORT_CLOSED)
        elif not self._closed:
            self._events.append(TransportClosed(expected=True))
        self.close_transport()

    def _interrupted(self) -> str:
        """What the end of the transport breaks off now."""
        if self._closed or self.state is State.AWAITING_CLOSE:
            return ""
        if self.mid_pdu and self.state is State.AWAITING_REQUEST:
            return "its association request"
        if self.mid_pdu or self._message_open:
            return "a message"
        return "an operation" if self.operations_outstanding else ""

    def _invalid(self, error: ProtocolError) -> None:
        self._events.append(ProtocolViolated(error))
        if self._machine.allows(Input.INVALID_PDU):
            self._machine.handle(Input.INVALID_PDU, error)
        else:
            self.close_transport()

    def _judge(self, pdu_type: PduType, pdu: Pdu | None = None) -> None:
        """What the machine makes of a PDU; that it came out of turn is told before what follows from that."""
        told = len(self._events)
        if self._machine.handle(_INPUT_OF[pdu_type], pdu) in REFUSALS:
            error = ProtocolError(f"{pdu_type.name.replace('_', '-')} came out of turn", AbortReason.UNEXPECTED_PDU)
            self._events.insert(told, ProtocolViolated(error))

    def _time_out(self, waiting_for: str, seconds: float) -> None:
        self._events.append(TimedOut(waiting_for, seconds))
        self.abort(self._now)

    def _skip_rest_of_pdu(self) -> None:
        """What follows of a P-DATA-TF interests nobody any more, but the next PDU may be an A-ABORT."""
        if self._pdu_left or self._fragment_left:
            self._skip = self._fragment_left + self._pdu_left - len(self._partial)
            self._partial.clear()
            self._pdu_left = self._fragment_left = 0

    def _take_note_of_handed_out(self) -> None:
        """The shell is done with the item it was given to turn into bytes."""
        if self._handed_out is not None:
            self._handed_total += self._handed_out.laid_out
            self._handed_out = None

    def _drop_output(self) -> None:
        if self._handed_out is not None:
            self._handed_out.drop(taken=True)
            self._take_note_of_handed_out()
        for item in self._out:
            if not isinstance(item, bytes | Signal):
                item.drop(taken=False)
        self._out.clear()
        self._departing.clear()
        self._queued_total = self._handed_total

    # Deadlines.

    def _transport_confirmed(self) -> None:
        self._machine.handle(Input.TRANSPORT_CONNECTED, self.request)

    def _await_answer(self, waiting_for: str, seconds: float | None) -> None:
        self._answer = (self._now + seconds, waiting_for, seconds) if seconds is not None else None

    def _count(self, sent: Sent, item: Output) -> None:
        if self._sent_total >= self._queued_total:
            self._sent_total = self._queued_total
            self._send_progress.restart(self._now)
        self._queued_total += sent.length
        self._departing.append((self._queued_total, sent, item))
        self._last_activity = self._now

    def _deadlines(self) -> Iterator[tuple[float, str, float]]:
        """Every deadline that runs, with what is waited for and for how long."""
        if self._closed:
            return
        if self._artim is not None:  # in Sta2 and Sta13 nothing else counts
            what = "the association request" if self.state is State.AWAITING_REQUEST else "the peer to close"
            yield self._artim, what, self.timeouts.artim
            return
        stall = self.timeouts.stall or 0.0
        if self._send_progress.deadline is not None:
            yield self._send_progress.deadline, "the peer to take what we send", stall
        if self._paused_since is not None:
            return
        if self._answer is not None:
            yield self._answer
        elif self.timeouts.idle is not None and self._transport_up and not self.operations_outstanding:
            yield self._last_activity + self.timeouts.idle, "any activity", self.timeouts.idle
        if self._receive_progress.deadline is not None:
            yield self._receive_progress.deadline, "the rest of a message", stall


class _Progress:
    """Whether something that should move does: at least `minimum` bytes in each span of `seconds`."""

    __slots__ = ("_minimum", "_moved", "_seconds", "deadline")

    def __init__(self, seconds: float | None, minimum: int) -> None:
        self._seconds = seconds
        self._minimum = minimum
        self._moved = 0
        self.deadline: float | None = None

    def restart(self, now: float) -> None:
        self._moved = 0
        self.deadline = None if self._seconds is None else now + self._seconds

    def moved(self, count: int, now: float) -> None:
        self._moved += count
        if self.deadline is None or self._moved >= self._minimum:
            self.restart(now)

    def excuse(self, seconds: float) -> None:
        """So long nothing could move."""
        if self.deadline is not None:
            self.deadline += seconds

    def rest(self) -> None:
        self.deadline = None


def _check_maximum(accept: AssociateAccept) -> None:
    limit = accept.user_information.max_pdu_length or 0
    if 0 < limit < SMALLEST_MAX_PDU_LENGTH:
        raise InvalidPdu(f"the peer takes PDUs of {limit} bytes at most: no message fits")


_PDU_HEADER = Struct(">BxI")
_PDV_HEADER = Struct(">IBB")
_HEADER_SIZE = 6
"""Bytes of either."""
_PLAIN_HEADER = Struct(">BxIIBB")
"""Both of them."""
_ANY_LENGTH = 0xFFFF_FFFF
"""What the length field of a PDU can say."""
_LAST_FRAGMENT = 2
_UNEXPECTED_PARAMETER = AbortReason.UNEXPECTED_PARAMETER
_STANDING = frozenset(State) - {
    State.IDLE,
    State.AWAITING_REQUEST,
    State.AWAITING_LOCAL_ANSWER,
    State.AWAITING_TRANSPORT,
    State.AWAITING_ANSWER,
    State.AWAITING_CLOSE,
}
_RELEASING = {State.AWAITING_RELEASE_REPLY, State.COLLISION_ACCEPTOR_REPLY, State.COLLISION_REQUESTOR_REPLY}
_INPUT_OF = {
    PduType.ASSOCIATE_RQ: Input.REQUEST_RECEIVED,
    PduType.ASSOCIATE_AC: Input.ACCEPT_RECEIVED,
    PduType.ASSOCIATE_RJ: Input.REJECT_RECEIVED,
    PduType.P_DATA_TF: Input.DATA_RECEIVED,
    PduType.RELEASE_RQ: Input.RELEASE_REQUEST_RECEIVED,
    PduType.RELEASE_RP: Input.RELEASE_REPLY_RECEIVED,
    PduType.ABORT: Input.ABORT_RECEIVED,
}
