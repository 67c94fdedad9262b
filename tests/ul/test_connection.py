"""Framing, deadlines and bad input of one end of a connection."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, strategies as st

from dicomnet.errors import AbortReason, InvalidMessage, InvalidValue, StateError
from dicomnet.limits import MIB, Limits, Timeouts
from dicomnet.pdu import (
    AssociateAccept,
    AssociateReject,
    AsynchronousWindow,
    ContextResult,
    ExtendedNegotiation,
    PduType,
    RoleSelection,
)
from dicomnet.ul.connection import CLOSE, SEND_EOF, SENT_AT_ONCE, Connection
from dicomnet.ul.events import (
    Aborted,
    AssociateAccepted,
    AssociateRequested,
    Fragment,
    PduReceived,
    ProtocolViolated,
    RequestRefused,
    Sent,
    TimedOut,
    Tolerated,
    TransportClosed,
)
from dicomnet.ul.machine import State
from pair import EXPLICIT_LE, IMPLICIT_LE, VERIFICATION
from pdu.vectors import (
    APPLICATION_CONTEXT,
    ECHO_PROPOSED,
    INFORMATION,
    REFUSED,
    USER_INFORMATION,
    VECTORS,
    accept_with,
    accepted,
    request,
    request_with,
    requested,
)
from ul.wire import (
    ABORT_BY_USER,
    ABORT_INVALID_VALUE,
    ABORT_UNEXPECTED_PARAMETER,
    ABORT_UNEXPECTED_PDU,
    ABORT_UNRECOGNIZED_PDU,
    AC,
    NOW,
    P_DATA,
    RELEASE_RP,
    RELEASE_RQ,
    RJ,
    RQ,
    acceptor,
    asked,
    asking,
    connected,
    everything_to_send,
    p_data,
    pdv,
    requestor,
    told,
)

Make = Callable[..., Connection]

ABORTED = [ABORT_BY_USER, SEND_EOF]


def feed(connection: Connection, pieces: Iterable[bytes], now: float = NOW) -> list[Any]:
    """What the connection tells of the pieces, in comparable form; no view is kept beyond its call."""
    said: list[Any] = []
    for piece in pieces:
        events = connection.receive(piece, now)
        for one in told(events):
            # A value that goes on is put together with what came of it before.
            if isinstance(one, tuple) and said and isinstance(said[-1], tuple) and not said[-1][3]:
                said[-1] = (*one[:2], said[-1][2] + one[2], one[3])
            else:
                said.append(one)
    return said


def outcome(make: Make, pieces: Iterable[bytes], **options: Any) -> tuple[Any, ...]:
    """All that can be seen of a connection after it has read the pieces."""
    connection = make(**options)
    said = feed(connection, pieces)
    return said, connection.state, everything_to_send(connection), connection.deadline, connection.mid_pdu


def bytewise(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


def every_cut(data: bytes) -> list[list[bytes]]:
    return [[data[:at], data[at:]] for at in range(1, len(data))]


STREAM = b"".join(
    [
        p_data(pdv(b"command", control=1), pdv(b"its end", control=3), pdv(b"data")),
        p_data(pdv(b"", control=0)),
        p_data(pdv(b"more"), pdv(b"x" * 300), pdv(b"", control=2)),
        RELEASE_RQ,
    ]
)
"""What a peer says in an association, with every way there is to cut a message into values."""


class TestFraming:
    """However the stream is cut, it says the same."""

    @pytest.mark.parametrize("make", [connected, asking, acceptor], ids=lambda make: make.__name__)
    @pytest.mark.parametrize("data", [v.data for v in VECTORS.values()], ids=VECTORS)
    def test_a_pdu_comes_byte_by_byte(self, make: Make, data: bytes) -> None:
        """Every PDU does the same whole and byte by byte, in an early state and in a late one."""
        assert outcome(make, bytewise(data)) == outcome(make, [data])

    @pytest.mark.parametrize("make", [connected, acceptor], ids=lambda make: make.__name__)
    @pytest.mark.parametrize("data", [r.data for r in REFUSED.values()], ids=REFUSED)
    def test_a_broken_pdu_comes_byte_by_byte(self, make: Make, data: bytes) -> None:
        """What cannot be read is refused in the same way whole and byte by byte."""
        assert outcome(make, bytewise(data)) == outcome(make, [data])

    @pytest.mark.parametrize(
        ("make", "data"),
        [
            (connected, RQ),
            (asking, AC),
            (asking, RJ),
            (acceptor, STREAM),
            (requestor, RELEASE_RQ),
            (acceptor, ABORT_BY_USER),
            (acceptor, p_data(pdv(b"ab"), pdv(b"cd", context_id=3))),
            (acceptor, P_DATA + b"\x0b" + P_DATA),
        ],
    )
    @pytest.mark.parametrize("tap", [False, True])
    def test_a_stream_is_cut_in_two(self, make: Make, data: bytes, tap: bool) -> None:
        """At whatever byte the two pieces meet, all that can be seen is the same."""
        whole = outcome(make, [data], tap=tap)
        for pieces in every_cut(data):
            assert outcome(make, pieces, tap=tap) == whole

    @given(st.data())
    def test_a_stream_is_cut_anywhere(self, draw: st.DataObject) -> None:
        """Several PDUs in pieces of any size are the same as in one."""
        data = b"".join(draw.draw(st.lists(st.sampled_from(_WHOLE_PDUS), min_size=1, max_size=6)))
        cuts = sorted(draw.draw(st.sets(st.integers(1, len(data) - 1), max_size=12)))
        pieces = [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]
        tap = draw.draw(st.booleans())
        assert outcome(acceptor, pieces, tap=tap) == outcome(acceptor, [data], tap=tap)

    def test_pdus_behind_a_request_are_read_at_once(self) -> None:
        """A PDU that comes in the same piece as another is not forgotten."""
        connection = connected()
        events = connection.receive(RQ + ABORT_BY_USER, NOW)
        assert [type(event) for event in events] == [AssociateRequested, Aborted]
        assert connection.state is State.IDLE

    def test_the_stream_above_says_what_it_should(self) -> None:
        """The comparisons above are about something."""
        said, state, *_ = outcome(acceptor, [STREAM])
        assert said == [
            (1, 1, b"command", True),
            (1, 3, b"its end", True),
            (1, 0, b"data", True),
            (1, 0, b"more", True),
            (1, 0, b"x" * 300, True),
            (1, 2, b"", True),
            "ReleaseRequested(collision=False)",
        ]
        assert state is State.AWAITING_LOCAL_RELEASE


_WHOLE_PDUS = [
    P_DATA,
    p_data(pdv(b"")),
    p_data(pdv(b"ab", control=1), pdv(b"cd", control=3), pdv(b"", control=2)),
    p_data(pdv(bytes(100))),
    p_data(pdv(b"ab", context_id=9)),
    RELEASE_RQ,
    RELEASE_RP,
    ABORT_BY_USER,
    RQ,
    AC,
    RJ,
    b"\x09\0\0\0\0\0",
    b"\4\0\0\0\0\1\0",
    b"\6\0\0\0\0\0",
]


values = st.tuples(st.binary(max_size=40), st.sampled_from([1, 1, 1, 3]), st.integers(0, 3))
odd_pdus = st.sampled_from([RELEASE_RQ, b"\4\0\0\0\0\2\1\0", p_data(pdv(b"x" * 20000)), p_data(b"\0\0\0\1\1"), P_DATA])
cuts = st.lists(st.integers(1, 200), max_size=8)


def _p_data_header(length: int) -> bytes:
    """Of a P-DATA-TF of such a length with one presentation data value."""
    return b"\4\0" + length.to_bytes(4, "big") + (length - 4).to_bytes(4, "big") + b"\1\0"


def data_of(values: list[tuple[bytes, int, int]]) -> bytes:
    return p_data(*(pdv(*value) for value in values))


class TestData:
    def test_data_are_views_of_what_was_read(self) -> None:
        """Not a byte of a fragment is copied: the event holds a slice of the input."""
        connection = acceptor()
        buffer = bytearray(p_data(pdv(b"first"), pdv(b"second")))
        first, second = connection.receive(buffer, NOW)
        assert isinstance(first, Fragment)
        assert isinstance(second, Fragment)
        assert first.data.obj is buffer
        assert second.data.obj is buffer
        buffer[12:17] = b"FIRST"
        assert bytes(first.data) == b"FIRST"

    @given(
        pdus=st.lists(st.one_of(st.lists(values, min_size=1, max_size=3).map(data_of), odd_pdus), max_size=6), cuts=cuts
    )
    def test_it_is_the_same_whether_anybody_watches_each_step(self, pdus: list[bytes], cuts: list[int]) -> None:
        """The plainest P-DATA-TF take a shorter way than the table, unless the machine is traced."""
        stream, pieces = b"".join(pdus), []
        for cut in cuts:
            pieces.append(stream[:cut])
            stream = stream[cut:]
        pieces = [piece for piece in (*pieces, stream) if piece]
        assert outcome(acceptor, pieces) == outcome(acceptor, pieces, trace=lambda *_: None)

    def test_data_come_as_they_are_read(self) -> None:
        """A P-DATA-TF larger than the buffers of its reader is handed on piece by piece, and only the last piece ends it."""
        connection = acceptor(announced=0)
        data = bytes(range(256)) * 400
        stream = p_data(pdv(data))
        got = bytearray()
        ends = []
        for start in range(0, len(stream), 4096):
            for event in connection.receive(stream[start : start + 4096], NOW):
                assert isinstance(event, Fragment)
                assert len(event.data) <= 4096
                got += event.data
                ends.append(event.ends_value)
        assert got == data
        assert ends == [False] * (len(ends) - 1) + [True]
        assert not connection.mid_pdu

    def test_a_connection_is_in_a_pdu_until_its_last_byte(self) -> None:
        """`mid_pdu` holds between the first and the last byte of a PDU, whatever stands between."""
        connection = acceptor()
        data = p_data(pdv(b"ab"), pdv(b""), pdv(b"cd", control=2))
        for byte in bytewise(data)[:-1]:
            connection.receive(byte, NOW)
            assert connection.mid_pdu
        connection.receive(data[-1:], NOW)
        assert not connection.mid_pdu

    def test_a_value_without_data_ends_what_it_says(self) -> None:
        """PS3.8 E.1 forbids an empty PDV; peers send it as the last one, and its last bit is handed on."""
        (event,) = acceptor().receive(p_data(pdv(b"", control=2)), NOW)
        assert isinstance(event, Fragment)
        assert (event.control, bytes(event.data), event.ends_value) == (2, b"", True)

    def test_the_upper_bits_of_the_control_header_are_handed_on(self) -> None:
        """Nobody is refused for bits that mean nothing."""
        (event,) = acceptor().receive(p_data(pdv(b"ab", control=0xFE)), NOW)
        assert isinstance(event, Fragment)
        assert event.control == 0xFE

    def test_data_come_while_our_release_is_pending(self) -> None:
        """AR-6: in Sta7 the peer may still send, and then confirms."""
        connection = requestor()
        connection.release(NOW)
        said = feed(connection, [P_DATA + P_DATA + RELEASE_RP])
        assert said == [(1, 2, b"ab", True), (1, 2, b"ab", True), "ReleaseConfirmed()"]
        assert everything_to_send(connection)[-1] is CLOSE

    @pytest.mark.parametrize("length", [16385, 16 * MIB])
    def test_a_peer_exceeds_our_maximum(self, length: int) -> None:
        """Up to 16 MiB are read, because peers count the header differently; it is told once per association."""
        connection = acceptor(announced=16384)
        header = _p_data_header(length)
        (tolerated,) = connection.receive(header, NOW)
        assert isinstance(tolerated, Tolerated)
        assert str(length) in tolerated.detail
        piece = bytes(4096)
        left = length - 6
        while left:
            (event,) = connection.receive(piece[:left], NOW)
            assert isinstance(event, Fragment)
            left -= len(event.data)
        assert not connection.mid_pdu
        assert connection.receive(header, NOW) == []
        assert connection.state is State.ASSOCIATED

    def test_a_peer_exceeds_all_measure(self) -> None:
        """Beyond 16 MiB the association is aborted at the header."""
        connection = acceptor()
        connection.receive(b"\4\0" + (16 * MIB + 1).to_bytes(4, "big"), NOW)
        assert everything_to_send(connection) == [ABORT_INVALID_VALUE, SEND_EOF]

    @pytest.mark.parametrize("make", [acceptor, requestor])
    @pytest.mark.parametrize("limit", [8, 1000, MIB])
    def test_what_was_announced_counts(self, make: Make, limit: int) -> None:
        """That is what our own request or acceptance said, whatever the limits would have had us say."""
        connection = make(limits=Limits(max_pdu_length=limit))
        assert [type(event) for event in connection.receive(p_data(pdv(bytes(16384 - 6))), NOW)] == [Fragment]
        tolerated, _ = connection.receive(p_data(pdv(bytes(16384 - 4))), NOW)
        assert isinstance(tolerated, Tolerated)
        assert "16386 bytes, 16384 were announced" in tolerated.detail

    def test_what_the_peer_announced_is_about_what_we_send(self) -> None:
        """A requestor that is told of larger PDUs than it takes itself still takes no larger ones."""
        connection = asking()
        connection.receive(accept_with(b"\x51\0\0\4" + MIB.to_bytes(4, "big")), NOW)
        tolerated, _ = connection.receive(p_data(pdv(bytes(16384 - 4))), NOW)
        assert isinstance(tolerated, Tolerated)

    @pytest.mark.parametrize("announced", [None, 0])
    @pytest.mark.parametrize("length", [MIB + 6, 16 * MIB + 1, 0xFFFF_FFFF])
    def test_no_maximum_was_announced(self, announced: int | None, length: int) -> None:
        """Then none is exceeded: a peer may send what it was told that it may."""
        for pieces in [_p_data_header(length)], bytewise(_p_data_header(length)):
            connection = acceptor(announced=announced)
            assert feed(connection, pieces) == []
            assert [type(event) for event in connection.receive(bytes(MIB), NOW)] == [Fragment]

    def test_more_than_usual_was_announced(self) -> None:
        """Whoever announces more than is taken of those who exceed their maximum takes it, and no more."""
        for cut in (lambda data: [data]), bytewise:
            connection = acceptor(announced=32 * MIB)
            assert feed(connection, cut(_p_data_header(32 * MIB))) == []
            assert everything_to_send(connection) == []
            connection = acceptor(announced=32 * MIB)
            feed(connection, cut(_p_data_header(32 * MIB + 1)))
            assert everything_to_send(connection) == [ABORT_INVALID_VALUE, SEND_EOF]

    @pytest.mark.parametrize("tap", [False, True])
    @pytest.mark.parametrize("control", [0, 1])
    def test_a_value_without_data_that_ends_nothing_is_dropped(self, control: int, tap: bool) -> None:
        """Wherever it stands, nobody hears of it."""
        values = (
            pdv(b"", control=control),
            pdv(b"ab", control=control),
            pdv(b"", control=control),
            pdv(b"cd", control=2),
        )
        said = [one for one in feed(acceptor(tap=tap), [p_data(*values), p_data(values[0])]) if isinstance(one, tuple)]
        assert said == [(1, control, b"ab", True), (1, 2, b"cd", True)]

    def test_the_maximum_itself_is_not_exceeded(self) -> None:
        """The maximum bounds the PDU length, so a PDU of just that length is what was agreed."""
        connection = acceptor(announced=16384)
        events = connection.receive(p_data(pdv(bytes(16384 - 6))), NOW)
        assert [type(event) for event in events] == [Fragment]


class TestBadInput:
    """What is answered to bytes that no peer should send, to the byte."""

    @pytest.mark.parametrize("length", range(1, 16))
    @pytest.mark.parametrize(
        ("stream", "hint"), [(b"GET / HTTP/1.1\r\n", "HTTP"), (b"\x16\x03\x01\x02\0\1\0\1\xfc\3\3 random", "TLS")]
    )
    def test_a_stranger_is_known_by_the_first_byte(self, stream: bytes, hint: str, length: int) -> None:
        """HTTP and TLS are told apart from DICOM at once, and the log learns what they are."""
        connection = connected()
        (event,) = connection.receive(stream[:length], NOW)
        assert isinstance(event, ProtocolViolated)
        assert hint in str(event.error)
        assert event.error.reason == AbortReason.UNRECOGNIZED_PDU
        assert everything_to_send(connection) == ABORTED

    @pytest.mark.parametrize("first", [0, *range(8, 256)])
    def test_a_pdu_of_unknown_type_is_refused_by_its_first_byte(self, first: int) -> None:
        """There are seven PDUs; in an association another one is an A-ABORT with reason 1."""
        connection = acceptor()
        events = connection.receive(bytes([first]), NOW)
        assert [type(event) for event in events] == [ProtocolViolated, Aborted]
        assert everything_to_send(connection) == [ABORT_UNRECOGNIZED_PDU, SEND_EOF]

    @pytest.mark.parametrize("pdu_type", PduType)
    def test_four_gigabytes_are_refused_by_the_header(self, pdu_type: PduType) -> None:
        """Nothing is set aside for a length that only junk has."""
        connection = acceptor()
        connection.receive(bytes([pdu_type]) + b"\0\xff\xff\xff\xff", NOW)
        assert everything_to_send(connection) == [ABORT_INVALID_VALUE, SEND_EOF]

    def test_a_request_is_read_up_to_a_mebibyte(self) -> None:
        """Before anybody is known no more than that is held."""
        connection = connected()
        assert connection.receive(b"\1\0" + MIB.to_bytes(4, "big"), NOW) == []
        connection = connected()
        connection.receive(b"\1\0" + (MIB + 1).to_bytes(4, "big"), NOW)
        assert everything_to_send(connection) == ABORTED

    def test_data_come_before_the_request(self) -> None:
        """In Sta2 any other PDU than a request is answered with source 0."""
        connection = connected()
        (event,) = connection.receive(P_DATA, NOW)
        assert isinstance(event, ProtocolViolated)
        assert everything_to_send(connection) == ABORTED

    def test_data_come_before_the_answer(self) -> None:
        """In Sta3 they are unexpected: the requestor did not wait."""
        connection = asked()
        connection.receive(P_DATA, NOW)
        assert everything_to_send(connection) == [ABORT_UNEXPECTED_PDU, SEND_EOF]

    @pytest.mark.parametrize(
        ("data", "answer"),
        [
            pytest.param(p_data(pdv(b"ab", context_id=3)), ABORT_UNEXPECTED_PARAMETER, id="context never proposed"),
            pytest.param(p_data(pdv(b"ab", context_id=0)), ABORT_UNEXPECTED_PARAMETER, id="context zero"),
            pytest.param(p_data(b"\0\0\0\0\1\0"), ABORT_INVALID_VALUE, id="PDV of length 0"),
            pytest.param(p_data(b"\0\0\0\1\1\0"), ABORT_INVALID_VALUE, id="PDV of length 1"),
            pytest.param(p_data(bytes(4), pdv(b"ab")), ABORT_INVALID_VALUE, id="PDV of length 0 before another"),
            pytest.param(p_data(b"\0\0\0\1\1", pdv(b"ab")), ABORT_INVALID_VALUE, id="PDV of length 1 before another"),
            pytest.param(p_data(b"\0\0\0\5\1\0ab"), ABORT_INVALID_VALUE, id="PDV beyond the end"),
            pytest.param(p_data(b"\xff\xff\xff\xff\1\0ab"), ABORT_INVALID_VALUE, id="PDV of 4 GiB"),
            pytest.param(p_data(pdv(b"ab"), b"\0"), ABORT_INVALID_VALUE, id="one byte behind the last PDV"),
            pytest.param(p_data(pdv(b"ab"), bytes(5)), ABORT_INVALID_VALUE, id="five bytes behind the last PDV"),
            pytest.param(p_data(pdv(b"ab"), bytes(6)), ABORT_INVALID_VALUE, id="six bytes behind the last PDV"),
            pytest.param(p_data(), ABORT_INVALID_VALUE, id="no PDV"),
            pytest.param(p_data(bytes(5)), ABORT_INVALID_VALUE, id="half a PDV header"),
            pytest.param(b"\5\0\0\0\0\0", ABORT_INVALID_VALUE, id="A-RELEASE-RQ of length 0"),
            pytest.param(b"\6\0\0\0\0\3\0\0\0", ABORT_INVALID_VALUE, id="A-RELEASE-RP of length 3"),
            pytest.param(b"\7\0\0\0\0\0", ABORT_INVALID_VALUE, id="A-ABORT of length 0"),
            pytest.param(b"\3\0\0\0\0\0", ABORT_INVALID_VALUE, id="A-ASSOCIATE-RJ of length 0"),
            pytest.param(RQ, ABORT_UNEXPECTED_PDU, id="a second request"),
            pytest.param(AC, ABORT_UNEXPECTED_PDU, id="an answer to nothing"),
        ],
    )
    @pytest.mark.parametrize("tap", [False, True])
    @pytest.mark.parametrize("make", [acceptor, requestor])
    def test_a_peer_breaks_the_protocol_in_an_association(
        self, make: Make, tap: bool, data: bytes, answer: bytes
    ) -> None:
        """It is aborted with the reason that fits, whoever it is and however it is cut."""
        for pieces in [data], bytewise(data):
            connection = make(tap=tap)
            for piece in pieces:
                connection.receive(piece, NOW)
            assert everything_to_send(connection) == [answer, SEND_EOF]
            assert connection.state is State.AWAITING_CLOSE

    def test_surplus_bytes_of_a_fixed_pdu_are_ignored(self) -> None:
        """An A-RELEASE-RQ that is longer than it need be is one all the same."""
        said = feed(acceptor(), [b"\5\0\0\0\0\6" + bytes(6)])
        assert said == ["ReleaseRequested(collision=False)"]

    @pytest.mark.parametrize(
        ("data", "rejection"),
        [
            pytest.param(RQ[:6] + b"\0\0" + RQ[8:], b"\1\2\2", id="protocol version without bit 0"),
            pytest.param(RQ[:6] + b"\xff\xfe" + RQ[8:], b"\1\2\2", id="every other bit"),
            pytest.param(request(APPLICATION_CONTEXT + USER_INFORMATION), b"\1\2\1", id="no context"),
            pytest.param(RQ.replace(b"3.1.1.1", b"3.1.1.9"), b"\1\1\2", id="another application context"),
            pytest.param(request(ECHO_PROPOSED + USER_INFORMATION), b"\1\1\2", id="no application context"),
            pytest.param(RQ[:10] + b" " * 16 + RQ[26:], b"\1\1\7", id="blank called title"),
            pytest.param(RQ[:10] + bytes(16) + RQ[26:], b"\1\1\7", id="called title of NUL"),
            pytest.param(RQ[:26] + b" " * 16 + RQ[42:], b"\1\1\3", id="blank calling title"),
            pytest.param(request_with(b"\x51\0\0\4\0\0\0\1"), b"\1\2\1", id="PDUs of one byte"),
            pytest.param(request_with(b"\x51\0\0\4\0\0\0\7"), b"\1\2\1", id="PDUs of seven bytes"),
        ],
    )
    def test_a_request_is_rejected_by_the_provider(self, data: bytes, rejection: bytes) -> None:
        """A well-formed request that cannot be taken is rejected, not aborted, and no user is asked."""
        connection = connected()
        (event,) = connection.receive(data, NOW)
        assert isinstance(event, RequestRefused)
        assert (event.reject.result, event.reject.source, event.reject.reason) == tuple(rejection)
        assert everything_to_send(connection) == [b"\3\0\0\0\0\4\0" + rejection]
        assert connection.state is State.AWAITING_CLOSE
        assert not connection.is_associated

    @pytest.mark.parametrize(
        "data",
        [
            pytest.param(RQ[:6] + b"\0\3" + RQ[8:], id="more versions than ours"),
            pytest.param(request_with(b"\x51\0\0\4\0\0\0\x08"), id="PDUs of eight bytes"),
            pytest.param(request_with(b"\x51\0\0\4\0\0\0\0"), id="PDUs of any size"),
            pytest.param(request_with(b""), id="no maximum and no implementation"),
            pytest.param(VECTORS["UIDs padded to even length"].data, id="padded UIDs"),
            pytest.param(RQ[:42] + bytes(range(32)) + RQ[74:], id="reserved bytes in use"),
        ],
    )
    def test_a_request_is_odd_but_can_be_taken(self, data: bytes) -> None:
        """The user is asked, and decides."""
        (event,) = connected().receive(data, NOW)
        assert isinstance(event, AssociateRequested)

    def test_a_listener_without_a_place_refuses(self) -> None:
        """What the shell says to refuse with is sent for any request, and no user is asked."""
        connection = connected(refuse=AssociateReject(2, 3, 2))
        assert connection.receive(RQ, NOW) == [
            RequestRefused(requested(), AssociateReject(2, 3, 2), "local limit exceeded")
        ]
        assert everything_to_send(connection) == [b"\3\0\0\0\0\4\0\2\3\2"]

    def test_what_is_wrong_with_a_request_counts_more_than_a_full_listener(self) -> None:
        """A request that can never be taken is not told to try again later."""
        connection = connected(refuse=AssociateReject(2, 3, 2))
        connection.receive(RQ[:6] + b"\0\0" + RQ[8:], NOW)
        assert everything_to_send(connection) == [b"\3\0\0\0\0\4\0\1\2\2"]

    @pytest.mark.parametrize("limit", range(1, 8))
    def test_an_answer_leaves_no_room_for_a_message(self, limit: int) -> None:
        """An acceptor that takes PDUs below eight bytes cannot be sent anything: the association is aborted."""
        connection = asking()
        events = connection.receive(accept_with(b"\x51\0\0\4" + limit.to_bytes(4, "big")), NOW)
        assert [type(event) for event in events] == [ProtocolViolated, Aborted]
        assert everything_to_send(connection) == [ABORT_INVALID_VALUE, SEND_EOF]

    def test_an_answer_leaves_room_for_two_bytes(self) -> None:
        """Eight is the least."""
        (event,) = asking().receive(accept_with(b"\x51\0\0\4\0\0\0\x08"), NOW)
        assert isinstance(event, AssociateAccepted)
        assert event.terms.peer_max_pdu_length == 8

    def test_a_rejection_outside_the_table_is_reported(self) -> None:
        """Peers send numbers that the standard reserves; they are told as they came."""
        (event,) = asking().receive(b"\3\0\0\0\0\4\0\0\3\x38", NOW)
        assert repr(event) == "AssociateRejected(result=0, source=3, reason=56)"

    def test_an_abort_outside_the_table_is_reported(self) -> None:
        """The same goes for an A-ABORT."""
        (event,) = acceptor().receive(b"\7\0\0\0\0\4\0\0\1\xff", NOW)
        assert event == Aborted(1, 255, by_peer=True)

    @given(
        st.sampled_from([connected, asked, asking, acceptor, requestor]), st.lists(st.binary(max_size=40), max_size=8)
    )
    def test_garbage_raises_nothing(self, make: Make, pieces: list[bytes]) -> None:
        """Whatever comes, `receive` returns, the state is one of the standard's, and a peer is not waited for in vain."""
        connection = make()
        for piece in pieces:
            connection.receive(piece, NOW)
            everything_to_send(connection)
            assert connection.state in State
            if connection.state is State.AWAITING_CLOSE:
                assert connection.deadline is not None

    @given(st.data())
    def test_broken_streams_raise_nothing(self, draw: st.DataObject) -> None:
        """PDUs with a few bytes changed get further than garbage, and raise nothing either."""
        make = draw.draw(st.sampled_from([connected, asked, asking, acceptor, requestor]))
        stream = bytearray(b"".join(draw.draw(st.lists(st.sampled_from(_WHOLE_PDUS), min_size=1, max_size=4))))
        for _ in range(draw.draw(st.integers(0, 4))):
            stream[draw.draw(st.integers(0, len(stream) - 1))] = draw.draw(st.integers(0, 255))
        at = draw.draw(st.integers(0, len(stream)))
        tap = draw.draw(st.booleans())
        whole = outcome(make, [bytes(stream)], tap=tap)
        assert outcome(make, [p for p in (bytes(stream[:at]), bytes(stream[at:])) if p], tap=tap) == whole


class TestEnds:
    def test_an_abort_of_ours_shuts_the_sending_side(self) -> None:
        """Nothing follows an A-ABORT but the end of the stream; closing at once could destroy it on its way."""
        connection = acceptor()
        connection.abort(NOW)
        assert everything_to_send(connection) == ABORTED
        for data in P_DATA, RELEASE_RQ, RQ, b"\xff":
            connection.receive(data, NOW)
            assert everything_to_send(connection) == []
        assert connection.deadline == NOW + Timeouts().artim
        events = connection.handle_deadline(NOW + Timeouts().artim)
        assert events == [TimedOut("the peer to close", Timeouts().artim)]
        assert everything_to_send(connection) == [CLOSE]
        assert connection.deadline is None

    def test_nothing_is_read_behind_what_cannot_be_read(self) -> None:
        """Where the next PDU would begin is not known any more, so not even an A-ABORT is looked for."""
        connection = acceptor()
        connection.receive(b"\xff" + ABORT_BY_USER, NOW)
        assert everything_to_send(connection) == [ABORT_UNRECOGNIZED_PDU, SEND_EOF]
        assert connection.receive(ABORT_BY_USER, NOW) == []
        assert connection.state is State.AWAITING_CLOSE
        assert connection.receive(b"", NOW) == [TransportClosed(expected=True)]
        assert everything_to_send(connection) == [CLOSE]

    @pytest.mark.parametrize(
        ("make", "end"),
        [(acceptor, ABORT_BY_USER), (requestor, ABORT_BY_USER), (asking, RJ)],
        ids=["abort", "abort of an acceptor", "rejection"],
    )
    def test_nothing_is_read_behind_the_end(self, make: Make, end: bytes) -> None:
        """What a peer says after it has ended the association is neither told nor a fault."""
        connection = make()
        expected = make().receive(end, NOW)
        assert connection.receive(end + P_DATA + b"\xff", NOW) == expected
        assert everything_to_send(connection) == [CLOSE]

    @pytest.mark.parametrize("tap", [False, True])
    def test_we_abort_in_the_middle_of_a_pdu(self, tap: bool) -> None:
        """The rest of a P-DATA-TF interests nobody then, but an A-ABORT behind it is found, wherever we were."""
        data = p_data(pdv(b"command", control=1), pdv(b""), pdv(b"data"))
        for at in range(1, len(data)):
            for pieces in [data[at:] + ABORT_BY_USER], bytewise(data[at:] + ABORT_BY_USER):
                connection = acceptor(tap=tap)
                connection.receive(data[:at], NOW)
                connection.abort(NOW)
                assert everything_to_send(connection) == ABORTED
                for piece in pieces:
                    told_now = connection.receive(piece, NOW)
                    assert all(isinstance(event, PduReceived) for event in told_now)
                assert connection.state is State.IDLE
                assert everything_to_send(connection) == [CLOSE]

    def test_we_abort_while_an_abort_of_the_peer_arrives(self) -> None:
        """Half an A-ABORT is waited for; whole, it closes the transport."""
        for at in range(1, len(ABORT_BY_USER)):
            connection = requestor()
            connection.receive(ABORT_BY_USER[:at], NOW)
            connection.abort(NOW)
            everything_to_send(connection)
            assert connection.receive(ABORT_BY_USER[at:], NOW) == []
            assert everything_to_send(connection) == [CLOSE]

    @pytest.mark.parametrize("make", [connected, asked, asking, acceptor, requestor])
    def test_a_transport_breaks_in_the_middle_of_a_pdu(self, make: Make) -> None:
        """Half a PDU is no PDU: nothing is told of it but that the transport is gone, and what that broke off."""
        connection = make()
        connection.receive(RQ[:50] if make is connected else P_DATA[:5], NOW)
        (event,) = connection.receive(b"", NOW)
        what = "its association request" if make is connected else "a message"
        assert event == TransportClosed(expected=make is connected, interrupted=what)
        assert connection.deadline is None

    @pytest.mark.parametrize("make", [connected, asked, asking, acceptor, requestor])
    def test_the_end_is_told_once(self, make: Make) -> None:
        """A second end of file says nothing new."""
        connection = make()
        assert connection.receive(b"", NOW) == [TransportClosed(expected=make is connected, interrupted="")]
        assert everything_to_send(connection) == [CLOSE]
        assert connection.receive(b"", NOW) == []
        assert connection.handle_deadline(NOW + 10**6) == []
        assert everything_to_send(connection) == []

    @pytest.mark.parametrize("make", [connected, asked, asking, acceptor, requestor])
    def test_a_shell_closes_on_its_own(self, make: Make) -> None:
        """Then no deadline runs, nothing is read, nothing can be sent, and there is no association."""
        connection = make()
        connection.receive(P_DATA[:7], NOW)
        connection.close_transport()
        connection.reading(True, NOW)
        connection.reading(False, NOW)
        connection.message_open = True
        assert connection.deadline is None
        assert not connection.is_associated
        assert connection.receive(P_DATA, NOW) == []
        with pytest.raises(StateError):
            connection.send_data(P_DATA, len(P_DATA), NOW)
        connection.abort(NOW)
        output = everything_to_send(connection)
        assert output == [CLOSE]
        assert connection.deadline is None

    def test_a_closed_connection_is_not_connected_again(self) -> None:
        """A requestor that gave up before the transport was up does not speak over it."""
        connection = Connection(requestor=True)
        connection.associate(requested(), NOW)
        connection.abort(NOW)
        assert everything_to_send(connection) == [CLOSE]
        connection.connected(NOW)
        assert everything_to_send(connection) == []
        assert connection.deadline is None


class TestDeadlines:
    """Virtual time: a deadline is a number, and nobody sleeps."""

    TIMES = Timeouts(artim=7.0, associate=11.0, release=13.0, idle=17.0, stall=19.0)

    def expire(self, connection: Connection) -> list[Any]:
        """What happens at the deadline, and nothing a moment before."""
        deadline = connection.deadline
        assert deadline is not None
        assert connection.handle_deadline(deadline - 0.001) == []
        assert everything_to_send(connection) == []
        return connection.handle_deadline(deadline)

    def test_artim_bounds_the_wait_for_a_request(self) -> None:
        """It runs from the connection on, whatever trickles in, and ends in closing without a word."""
        connection = connected(timeouts=self.TIMES)
        for at, byte in enumerate(bytewise(RQ[:6])):
            connection.receive(byte, NOW + at)
            assert connection.deadline == NOW + 7.0
        assert self.expire(connection) == [TimedOut("the association request", 7.0)]
        assert everything_to_send(connection) == [CLOSE]
        assert connection.state is State.IDLE

    def test_artim_is_the_only_deadline_of_a_beginner(self) -> None:
        """A stall time below it does not interfere: half a request is bounded by ARTIM alone."""
        connection = connected(timeouts=Timeouts(artim=7.0, stall=1.0))
        connection.receive(RQ[:20], NOW)
        assert connection.deadline == NOW + 7.0

    def test_artim_ends_with_the_request(self) -> None:
        """The local user may take the time that the idle timeout allows, counted from the request."""
        connection = connected(timeouts=self.TIMES)
        connection.receive(RQ, NOW + 5)
        assert connection.deadline == NOW + 5 + 17.0

    def test_artim_bounds_the_wait_for_the_close(self) -> None:
        """After a rejection, a release reply or an abort the peer closes, or we do."""
        rejecting, releasing, aborting = (make(timeouts=self.TIMES) for make in (asked, acceptor, acceptor))
        rejecting.reject(AssociateReject(1, 1, 1), NOW)
        releasing.receive(RELEASE_RQ, NOW)
        releasing.answer_release(NOW)
        aborting.abort(NOW)
        for connection in rejecting, releasing, aborting:
            everything_to_send(connection)
            connection.receive(P_DATA[:3], NOW + 3)  # what still comes prolongs nothing
            assert connection.deadline == NOW + 7.0
            assert self.expire(connection) == [TimedOut("the peer to close", 7.0)]
            assert everything_to_send(connection) == [CLOSE]
            assert connection.deadline is None

    def test_an_abort_waits_for_nothing_but_the_close(self) -> None:
        """In Sta13 no stall and no answer is waited for any more, even if their times are shorter than ARTIM."""
        connection = acceptor(timeouts=Timeouts(artim=7.0, stall=1.0, release=2.0, idle=3.0))
        connection.receive(P_DATA[:8], NOW)
        connection.send_data(P_DATA, len(P_DATA), NOW)
        connection.release(NOW)
        connection.abort(NOW)
        connection.message_open = True
        assert connection.deadline == NOW + 7.0

    def test_the_answer_to_a_request_is_waited_for(self) -> None:
        """It is counted from the request, also while the transport is still being opened."""
        connection = Connection(requestor=True, timeouts=self.TIMES)
        connection.associate(requested(), NOW)
        assert connection.deadline == NOW + 11.0
        connection.connected(NOW + 4)
        everything_to_send(connection)
        connection.sent(len(RQ), NOW + 4)
        assert connection.deadline == NOW + 11.0
        assert self.expire(connection) == [TimedOut("the answer to the association request", 11.0)]
        assert everything_to_send(connection) == ABORTED

    def test_a_transport_that_never_opens_is_given_up(self) -> None:
        """In Sta4 there is nothing to abort, so the transport is closed."""
        connection = Connection(requestor=True, timeouts=self.TIMES)
        connection.associate(requested(), NOW)
        assert self.expire(connection) == [TimedOut("the answer to the association request", 11.0)]
        assert everything_to_send(connection) == [CLOSE]
        assert connection.state is State.IDLE

    @pytest.mark.parametrize("answer", [AC, RJ, ABORT_BY_USER])
    def test_an_answer_ends_the_wait(self, answer: bytes) -> None:
        """Whatever the answer is."""
        connection = asking(timeouts=Timeouts(associate=11.0, idle=None))
        connection.receive(answer, NOW)
        assert connection.deadline is None

    def test_the_answer_to_a_release_is_waited_for(self) -> None:
        """Data that come meanwhile do not prolong the wait."""
        connection = requestor(timeouts=self.TIMES)
        connection.release(NOW)
        everything_to_send(connection)
        connection.sent(10, NOW)
        connection.receive(P_DATA, NOW + 5)
        assert connection.deadline == NOW + 13.0
        assert self.expire(connection) == [TimedOut("the answer to the release request", 13.0)]
        assert everything_to_send(connection) == ABORTED

    def test_the_answer_to_a_release_is_waited_for_through_a_collision(self) -> None:
        """Both sides still have to hear the reply to their own request, and wait no longer for it than else."""
        ours = requestor(timeouts=self.TIMES)
        ours.release(NOW)
        ours.receive(RELEASE_RQ, NOW + 1)
        ours.answer_release(NOW + 2)
        assert ours.state is State.COLLISION_REQUESTOR_REPLY
        everything_to_send(ours)
        ours.sent(20, NOW + 2)
        assert ours.deadline == NOW + 13.0
        theirs = acceptor(timeouts=self.TIMES)
        theirs.release(NOW)
        theirs.receive(RELEASE_RQ, NOW + 1)
        everything_to_send(theirs)
        theirs.sent(10, NOW + 2)
        assert theirs.deadline == NOW + 13.0
        theirs.receive(RELEASE_RP, NOW + 3)
        assert theirs.state is State.COLLISION_ACCEPTOR_LOCAL
        assert theirs.deadline == NOW + 3 + 17.0  # now the local user is waited for

    def test_an_idle_association_is_aborted(self) -> None:
        """Every byte, in either direction, is activity."""
        connection = acceptor(timeouts=self.TIMES)
        assert connection.deadline == NOW + 17.0
        connection.receive(P_DATA, NOW + 5)
        assert connection.deadline == NOW + 5 + 17.0
        connection.send_data(P_DATA, len(P_DATA), NOW + 6)
        everything_to_send(connection)
        connection.sent(len(P_DATA), NOW + 8)
        assert connection.deadline == NOW + 8 + 17.0
        assert self.expire(connection) == [TimedOut("any activity", 17.0)]
        assert everything_to_send(connection) == ABORTED

    def test_what_the_user_does_is_activity(self) -> None:
        """From an acceptance, a message or a release on, the idle time runs anew, however long the user thought about it."""
        times = Timeouts(idle=17.0, release=None, stall=None)
        accepting, sending, releasing = asked(timeouts=times), acceptor(timeouts=times), acceptor(timeouts=times)
        accepting.accept(accepted(), NOW + 10)
        sending.send_data(P_DATA, len(P_DATA), NOW + 10)
        releasing.release(NOW + 10)
        assert [c.deadline for c in (accepting, sending, releasing)] == [NOW + 10 + 17.0] * 3

    def test_artim_runs_from_what_ended_the_association(self) -> None:
        """Not from what was read last."""
        rejecting, releasing, violated = (make(timeouts=self.TIMES) for make in (asked, acceptor, acceptor))
        rejecting.reject(AssociateReject(1, 1, 1), NOW + 10)
        releasing.receive(RELEASE_RQ, NOW)
        releasing.answer_release(NOW + 10)
        violated.violated(InvalidMessage("data without a command"), NOW + 10)
        assert [c.deadline for c in (rejecting, releasing, violated)] == [NOW + 10 + 7.0] * 3

    def test_an_association_at_work_is_not_idle(self) -> None:
        """While operations are outstanding it is not for this layer to be impatient."""
        connection = acceptor(timeouts=self.TIMES)
        connection.operations_outstanding = True
        assert connection.deadline is None
        connection.operations_outstanding = False
        assert connection.deadline == NOW + 17.0

    def test_a_transport_without_an_association_is_idle_too(self) -> None:
        """A requestor that connects and never asks is closed, without an A-ABORT that nobody would understand."""
        connection = Connection(requestor=True, timeouts=self.TIMES)
        connection.connected(NOW)
        assert self.expire(connection) == [TimedOut("any activity", 17.0)]
        assert everything_to_send(connection) == [CLOSE]

    def test_a_message_stalls(self) -> None:
        """Wherever in a PDU the peer stops, it is given the stall time and no more; between PDUs nothing stalls."""
        stalled = 0
        for at in range(1, len(STREAM) - len(RELEASE_RQ)):
            connection = acceptor(timeouts=Timeouts(stall=19.0, idle=None))
            connection.receive(STREAM[:at], NOW)
            if not connection.mid_pdu:
                assert connection.deadline is None
                continue
            stalled += 1
            assert connection.deadline == NOW + 19.0
            assert self.expire(connection) == [TimedOut("the rest of a message", 19.0)]
            assert everything_to_send(connection) == ABORTED
        assert stalled == len(STREAM) - len(RELEASE_RQ) - 1 - 2

    @pytest.mark.parametrize("at", range(1, len(RELEASE_RQ)))
    def test_a_release_stalls(self, at: int) -> None:
        """The same goes for PDUs that are read whole."""
        connection = acceptor(timeouts=Timeouts(stall=19.0, idle=None))
        connection.receive(RELEASE_RQ[:at], NOW)
        assert connection.deadline == NOW + 19.0

    def test_a_message_goes_on_between_its_pdus(self) -> None:
        """That a message is open is known only above; said so, the stall time runs though no PDU is."""
        connection = acceptor(timeouts=Timeouts(stall=19.0, idle=None))
        connection.receive(P_DATA, NOW)
        assert connection.deadline is None
        connection.message_open = True
        assert connection.deadline == NOW + 19.0
        connection.message_open = False
        assert connection.deadline is None

    def test_a_trickle_of_pdus_does_not_keep_a_message_alive(self) -> None:
        """While a message is open, whole PDUs count for no more than their bytes."""
        connection = acceptor(timeouts=Timeouts(stall=60.0, idle=None), limits=Limits(minimum_progress=1000))
        connection.message_open = True
        for second in range(1, 60):
            connection.receive(P_DATA, NOW + second)
            connection.message_open = True
        assert connection.deadline == NOW + 60.0

    @pytest.mark.parametrize("tap", [False, True])
    @pytest.mark.parametrize(
        "data",
        [
            pytest.param(p_data(*[pdv(b"")] * 100), id="many in a PDU"),
            pytest.param(p_data(pdv(b"")) * 100, id="many PDUs"),
            pytest.param(p_data(pdv(b"", control=2)) * 100, id="last ones"),
        ],
    )
    def test_values_without_data_do_not_keep_a_message_alive(self, data: bytes, tap: bool) -> None:
        """However many come, their headers are no progress."""
        times, limits = Timeouts(stall=60.0, idle=None), Limits(minimum_progress=100)
        connection = acceptor(announced=0, timeouts=times, limits=limits, tap=tap)
        connection.message_open = True
        for second in range(1, 60):
            connection.receive(data, NOW + second)
        assert connection.deadline == NOW + 60.0
        assert self.expire(connection) == [TimedOut("the rest of a message", 60.0)]

    @pytest.mark.parametrize("tap", [False, True])
    def test_only_data_keep_a_message_alive(self, tap: bool) -> None:
        """Fragments count for their bytes, and for neither of their headers."""
        times, limits = Timeouts(stall=60.0, idle=None), Limits(minimum_progress=100)
        connection = acceptor(timeouts=times, limits=limits, tap=tap)
        connection.message_open = True
        for second in range(1, 50):
            connection.receive(P_DATA, NOW + second)
        assert connection.deadline == NOW + 60.0
        connection.receive(P_DATA, NOW + 50)
        assert connection.deadline == NOW + 50 + 60.0

    def test_a_message_ends_where_the_next_has_begun(self) -> None:
        """That the last message is complete does not stop the clock of a PDU that is not."""
        connection = acceptor(timeouts=Timeouts(stall=60.0, idle=None))
        connection.message_open = True
        connection.receive(P_DATA + P_DATA[:8], NOW)
        connection.message_open = False
        assert connection.deadline == NOW + 60.0
        connection.receive(P_DATA[8:], NOW)
        assert connection.deadline is None

    def test_a_trickle_does_not_keep_a_message_alive(self) -> None:
        """Less than the minimum in each stall time is no progress."""
        connection = acceptor(timeouts=Timeouts(stall=60.0, idle=None), limits=Limits(minimum_progress=1000))
        connection.receive(p_data(pdv(bytes(10**6)))[:12], NOW)
        for second in range(1, 60):
            connection.receive(bytes(16), NOW + second)
        assert connection.deadline == NOW + 60.0
        assert self.expire(connection) == [TimedOut("the rest of a message", 60.0)]

    def test_a_slow_stream_keeps_a_message_alive(self) -> None:
        """The minimum within each stall time is enough, however long it goes on."""
        connection = acceptor(timeouts=Timeouts(stall=60.0, idle=None), limits=Limits(minimum_progress=1000))
        connection.receive(p_data(pdv(bytes(10**6)))[:12], NOW)
        for step in range(1, 200):
            connection.receive(bytes(500), NOW + 29 * step)
            assert connection.handle_deadline(NOW + 29 * step) == []
        assert connection.state is State.ASSOCIATED

    def test_we_stop_reading_in_a_message(self) -> None:
        """While we do, nothing of the peer is overdue; the stall time goes on when we do."""
        connection = acceptor(timeouts=Timeouts(stall=19.0, idle=17.0))
        connection.receive(P_DATA[:8], NOW)
        connection.reading(True, NOW + 1)
        assert connection.deadline is None
        assert connection.handle_deadline(NOW + 10**6) == []
        connection.reading(False, NOW + 100)
        assert connection.deadline == NOW + 100 + 17.0
        assert connection.handle_deadline(NOW + 100 + 16.9) == []

    def test_stopping_again_and_again_excuses_no_more_than_it_lasted(self) -> None:
        """Or a peer whose bytes make us pause could go on for ever without a message getting any further."""
        connection = acceptor(timeouts=Timeouts(stall=19.0, idle=None))
        connection.receive(P_DATA[:8], NOW)
        for pause in range(1, 11):
            connection.reading(True, NOW + pause)
            connection.reading(False, NOW + pause + 0.25)
        assert connection.deadline == NOW + 19.0 + 2.5

    def test_we_stop_reading_between_messages(self) -> None:
        """Going on does not begin a stall where there is no message."""
        connection = acceptor(timeouts=Timeouts(stall=19.0, idle=None))
        connection.reading(True, NOW)
        connection.reading(False, NOW + 1)
        assert connection.deadline is None

    def test_we_stop_reading_while_the_peer_owes_an_answer(self) -> None:
        """The time in which we did not read is not the peer's: its deadline moves by as much."""
        connection = requestor(timeouts=Timeouts(release=13.0, idle=None))
        connection.release(NOW)
        everything_to_send(connection)
        connection.sent(10, NOW)
        connection.reading(True, NOW + 3)
        assert connection.deadline is None
        connection.reading(False, NOW + 103)
        assert connection.deadline == NOW + 113.0

    def test_artim_does_not_care_whether_we_read(self) -> None:
        """At the end a connection is closed, whatever we are busy with."""
        connection = acceptor(timeouts=self.TIMES)
        connection.reading(True, NOW)
        connection.abort(NOW)
        assert connection.deadline == NOW + 7.0

    def test_a_peer_stops_taking_what_we_send(self) -> None:
        """A send that does not move by the minimum in the stall time ends the association."""
        connection = acceptor(timeouts=Timeouts(stall=60.0, idle=None), limits=Limits(minimum_progress=1000))
        connection.send_data(bytes(100_000), 100_000, NOW)
        everything_to_send(connection)
        assert connection.deadline == NOW + 60.0
        connection.sent(999, NOW + 30)
        assert connection.deadline == NOW + 60.0
        connection.sent(1, NOW + 40)
        assert connection.deadline == NOW + 100.0
        assert self.expire(connection) == [TimedOut("the peer to take what we send", 60.0)]
        assert everything_to_send(connection) == ABORTED

    def test_a_send_is_over_when_all_of_it_is_out(self) -> None:
        """Then nothing is waited for."""
        connection = acceptor(timeouts=Timeouts(stall=60.0, idle=None))
        connection.send_data(bytes(10), 10, NOW)
        everything_to_send(connection)
        connection.sent(9, NOW + 1)
        assert connection.deadline is not None
        connection.sent(1, NOW + 2)
        assert connection.deadline is None

    def test_a_send_stalls_though_we_do_not_read(self) -> None:
        """That is the peer's silence alone."""
        connection = acceptor(timeouts=Timeouts(stall=60.0, idle=None))
        connection.send_data(bytes(10), 10, NOW)
        connection.reading(True, NOW)
        assert connection.deadline == NOW + 60.0

    def test_a_shell_comes_late(self) -> None:
        """Of several deadlines that have passed the first decides, and what follows from it makes the others void."""
        connection = acceptor(timeouts=self.TIMES)
        connection.receive(P_DATA[:8], NOW)
        connection.send_data(bytes(10), 10, NOW)
        late = NOW + 10**6
        assert connection.handle_deadline(late) == [TimedOut("any activity", 17.0)]
        assert everything_to_send(connection) == ABORTED
        assert connection.deadline == late + 7.0
        assert connection.handle_deadline(late) == []

    @pytest.mark.parametrize("make", [asked, asking, acceptor, requestor])
    def test_every_time_can_be_switched_off(self, make: Make) -> None:
        """Without times nothing is ever overdue, but at both ends of an association there is ARTIM."""
        connection = make(timeouts=Timeouts(associate=None, release=None, idle=None, stall=None))
        connection.receive(P_DATA[:3], NOW)
        assert connection.deadline is None
        connection.abort(NOW)
        assert connection.deadline is not None


class TestSending:
    def test_what_was_queued_is_told_when_it_is_out(self) -> None:
        """In the order it was queued, each as a whole, with what the sender gave to know it by."""
        connection = acceptor()
        for ticket, size in ("a", 10), ("b", 20), ("c", 30):
            connection.send_data(bytes(size), size, NOW, ticket)
        assert connection.sent(9, NOW) == []
        assert connection.sent(1, NOW) == [Sent(PduType.P_DATA_TF, 10, "a")]
        assert connection.sent(45, NOW) == [Sent(PduType.P_DATA_TF, 20, "b")]
        assert connection.sent(5, NOW) == [Sent(PduType.P_DATA_TF, 30, "c")]
        assert connection.sent(0, NOW) == []

    def test_every_pdu_is_told(self) -> None:
        """Not only data: a request, an acceptance and a release have left too at some time."""
        connection = Connection(requestor=True)
        connection.associate(requested(), NOW)
        connection.connected(NOW)
        assert connection.sent(len(RQ), NOW) == [Sent(PduType.ASSOCIATE_RQ, len(RQ))]
        connection.receive(AC, NOW)
        connection.release(NOW)
        assert connection.sent(10, NOW) == [Sent(PduType.RELEASE_RQ, 10)]

    def test_an_abort_overtakes_what_waits(self) -> None:
        """What the shell has not taken yet is never sent, and is not told as sent either."""
        connection = acceptor()
        connection.send_data(b"taken", 5, NOW, "taken")
        assert connection.data_to_send() == [b"taken"]
        connection.send_data(b"waiting", 7, NOW, "waiting")
        connection.abort(NOW)
        assert everything_to_send(connection) == ABORTED
        assert [sent.ticket for sent in connection.sent(15, NOW)] == [None]

    def test_an_item_is_the_last_of_its_batch(self) -> None:
        """What the shell still has to fill must be out before anything that follows it."""
        connection = acceptor()
        item = Item()
        connection.send_data(b"before", 6, NOW)
        connection.send_data(item, 100, NOW)
        connection.send_data(b"behind", 6, NOW)
        assert connection.data_to_send() == [b"before", item]
        assert connection.data_to_send() == [b"behind"]
        assert connection.data_to_send() == []

    def test_bytes_are_given_in_portions(self) -> None:
        """A shell that joins them does not copy everything that was ever queued."""
        connection = acceptor()
        for _ in range(5):
            connection.send_data(bytes(SENT_AT_ONCE // 2), SENT_AT_ONCE // 2, NOW)
        assert [len(connection.data_to_send()) for _ in range(4)] == [2, 2, 1, 0]

    @pytest.mark.parametrize("end", ["abort", "abort of the peer", "end of file", "close"])
    def test_the_end_drops_what_is_on_its_way(self, end: str) -> None:
        """The item that the shell is busy with learns of it, and one that it never saw is freed; each once."""
        connection = acceptor()
        finished, taken, waiting = Item(), Item(), Item()
        for item in finished, taken, waiting:
            connection.send_data(item, 100, NOW)
        assert connection.data_to_send() == [finished]
        connection.sent(100, NOW)
        assert connection.data_to_send() == [taken]
        if end == "abort":
            connection.abort(NOW)
        elif end == "close":
            connection.close_transport()
        else:
            connection.receive(ABORT_BY_USER if end == "abort of the peer" else b"", NOW)
        connection.close_transport()
        assert finished.drops == []
        assert taken.drops == [True]
        assert waiting.drops == [False]

    def test_an_item_turns_out_shorter(self) -> None:
        """It, and what follows it, is out earlier; what went before it is not."""
        connection = acceptor()
        item = Item()
        connection.send_data(b"before", 6, NOW, "before")
        connection.send_data(item, 100, NOW, "item")
        connection.send_data(b"behind", 6, NOW, "behind")
        connection.shorten(item, 60)
        assert connection.sent(5, NOW) == []
        assert connection.sent(1, NOW) == [Sent(PduType.P_DATA_TF, 6, "before")]
        assert connection.sent(40, NOW) == [Sent(PduType.P_DATA_TF, 40, "item")]
        assert connection.sent(6, NOW) == [Sent(PduType.P_DATA_TF, 6, "behind")]
        connection.timeouts = Timeouts(idle=None)
        assert connection.deadline is None

    @pytest.mark.parametrize("forgotten", [None, "before the abort", "after the abort"])
    def test_an_abort_is_out_after_what_was_handed_out_before_it(self, forgotten: str | None) -> None:
        """Bytes that the shell had by then leave first, unless it says that they never will."""
        connection = acceptor()
        item = Item()
        connection.send_data(b"before", 6, NOW, "before")
        connection.send_data(item, 100, NOW, "item")
        connection.send_data(b"behind", 6, NOW, "behind")
        assert connection.data_to_send() == [b"before", item]
        item.laid_out = 40
        if forgotten == "before the abort":
            connection.forget(30)
        connection.abort(NOW)
        if forgotten == "after the abort":
            connection.forget(30)
        assert everything_to_send(connection) == ABORTED
        assert connection.sent(6 + (10 if forgotten else 40) + 9, NOW) == []
        assert connection.sent(1, NOW) == [Sent(PduType.ABORT, 10)]

    @pytest.mark.parametrize("taken", [False, True])
    def test_an_abort_is_out_after_an_item_that_had_its_turn(self, taken: bool) -> None:
        """Whether it was reported as sent or not, and whether something was handed out behind it."""
        connection = acceptor()
        item = Item()
        connection.send_data(item, 100, NOW, "item")
        assert connection.data_to_send() == [item]
        item.laid_out = 100
        if taken:
            connection.send_data(b"behind", 6, NOW, "behind")
            assert connection.data_to_send() == [b"behind"]
        connection.sent(60, NOW)
        connection.abort(NOW)
        assert item.drops == ([] if taken else [True])
        assert everything_to_send(connection) == ABORTED
        assert connection.sent(40 + 6 * taken + 9, NOW) == []
        assert connection.sent(1, NOW) == [Sent(PduType.ABORT, 10)]

    def test_what_is_forgotten_is_not_waited_for(self) -> None:
        """What was queued behind it is out earlier."""
        connection = acceptor(timeouts=Timeouts(idle=None))
        connection.send_data(b"first", 5, NOW, "first")
        connection.send_data(b"second", 6, NOW, "second")
        everything_to_send(connection)
        connection.sent(2, NOW)
        connection.forget(3)
        assert connection.sent(6, NOW) == [Sent(PduType.P_DATA_TF, 5, "first"), Sent(PduType.P_DATA_TF, 6, "second")]
        assert connection.deadline is None

    def test_an_item_that_is_out_is_let_go(self) -> None:
        """It may hold a whole data set, and the connection may live for hours."""
        connection = acceptor()
        item = Item()
        gone = weakref.ref(item)
        connection.send_data(item, 100, NOW)
        item.laid_out = 100
        assert connection.data_to_send() == [item]
        del item
        assert gone() is not None
        connection.sent(100, NOW)
        assert gone() is None
        connection.abort(NOW)
        assert connection.sent(10, NOW) == [Sent(PduType.ABORT, 10)]

    def test_an_item_that_is_gone_is_not_shortened(self) -> None:
        """After an abort there is nothing left to shorten."""
        connection = acceptor()
        item = Item()
        connection.send_data(item, 100, NOW)
        connection.abort(NOW)
        connection.shorten(item, 60)
        assert [sent.pdu_type for sent in connection.sent(10, NOW)] == [PduType.ABORT]

    def test_a_request_that_cannot_be_written_is_refused(self) -> None:
        """InvalidValue, and the connection is where it was."""
        connection = Connection(requestor=True)
        with pytest.raises(InvalidValue):
            connection.associate(requested(contexts=()), NOW)
        assert connection.state is State.IDLE
        connection.associate(requested(), NOW)

    @pytest.mark.parametrize(
        "answer",
        [
            pytest.param(accepted(contexts=()), id="no context"),
            pytest.param(accepted(contexts=(ContextResult(3, 0, IMPLICIT_LE),)), id="another context"),
            pytest.param(accepted(contexts=(ContextResult(1, 0, EXPLICIT_LE),)), id="another syntax"),
            pytest.param(
                accepted(replace(INFORMATION, roles=(RoleSelection(VERIFICATION, scu=True, scp=True),))), id="a role"
            ),
            pytest.param(accepted(replace(INFORMATION, asynchronous_window=AsynchronousWindow(5, 5))), id="a window"),
            pytest.param(
                accepted(replace(INFORMATION, extended=(ExtendedNegotiation(VERIFICATION, b"a"),))), id="an extension"
            ),
            pytest.param(accepted(replace(INFORMATION, user_identity_response=b"ticket")), id="an identity"),
        ],
    )
    def test_an_answer_that_does_not_fit_is_refused(self, answer: AssociateAccept) -> None:
        """InvalidValue, the peer hears nothing of it, and a better one may follow."""
        connection = asked()
        with pytest.raises(InvalidValue):
            connection.accept(answer, NOW + 5)
        assert connection.state is State.AWAITING_LOCAL_ANSWER
        assert connection.terms is None
        assert everything_to_send(connection) == []
        connection.accept(accepted(), NOW)
        assert everything_to_send(connection) == [AC]

    def test_nobody_asked_for_an_answer(self) -> None:
        """Then it is not the answer that is wrong."""
        for connection in connected(), acceptor():
            with pytest.raises(StateError):
                connection.accept(accepted(), NOW)

    def test_data_may_be_sent_in_two_states(self) -> None:
        """In an association, and after the peer has asked to release it; not after we have."""
        connection = acceptor()
        assert connection.takes_data
        connection.receive(RELEASE_RQ, NOW)
        assert connection.takes_data
        connection.answer_release(NOW)
        assert not connection.takes_data
        connection = requestor()
        connection.release(NOW)
        assert connection.is_associated
        assert not connection.takes_data

    def test_an_answer_echoes_what_was_asked(self) -> None:
        """The titles and reserved bytes of the request go back byte by byte (PS3.8 Table 9-17)."""
        connection = connected()
        echo = b" STORE\xff\0         MODALITY       " + bytes(range(32))
        (event,) = connection.receive(RQ[:10] + echo + RQ[74:], NOW)
        assert isinstance(event, AssociateRequested)
        answer = accepted()
        connection.accept(type(answer)(**{**_fields(answer), "echo": event.request.echo}), NOW)
        (pdu,) = everything_to_send(connection)
        assert pdu[10:74] == echo


def _fields(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__dataclass_fields__ if name != "pdu_type"}


class Item:
    """Something to send that is not bytes."""

    def __init__(self) -> None:
        self.drops: list[bool] = []
        self.laid_out = 0

    def drop(self, *, taken: bool) -> None:
        self.drops.append(taken)


class TestTap:
    """What somebody sees who listens in."""

    def test_a_pdu_is_told_before_what_follows_from_it(self) -> None:
        """Each PDU, whole and copied, and then what it means."""
        connection = acceptor(tap=True)
        buffer = bytearray(P_DATA + RELEASE_RQ)
        events = connection.receive(buffer, NOW)
        assert told(events) == [
            repr(PduReceived(PduType.P_DATA_TF, P_DATA)),
            (1, 2, b"ab", True),
            repr(PduReceived(PduType.RELEASE_RQ, RELEASE_RQ)),
            "ReleaseRequested(collision=False)",
        ]
        first = events[0]
        assert isinstance(first, PduReceived)
        buffer[:] = bytes(len(buffer))
        assert first.data == P_DATA

    @pytest.mark.parametrize(("make", "data"), [(connected, RQ), (asking, AC), (asking, RJ), (acceptor, ABORT_BY_USER)])
    def test_every_pdu_is_told(self, make: Make, data: bytes) -> None:
        """The tap sees those that are read whole as well."""
        connection = make(tap=True)
        first, *_ = connection.receive(data, NOW)
        assert first == PduReceived(data[0], data)
        assert isinstance(first, PduReceived)
        assert first.data == data

    def test_a_pdu_that_is_refused_is_told(self) -> None:
        """One that cannot be read is the most interesting."""
        connection = acceptor(tap=True)
        broken = p_data(pdv(b"ab"), b"\0")
        first, *_ = connection.receive(broken, NOW)
        assert first == PduReceived(PduType.P_DATA_TF, broken)

    def test_of_a_large_pdu_the_header_is_told(self) -> None:
        """Above 1 MiB a copy would cost what the data path is built to avoid; its data come as they are read."""
        connection = acceptor(tap=True, announced=2 * MIB)
        data = p_data(pdv(bytes(MIB)))
        tapped, first = connection.receive(data[:100], NOW)
        assert isinstance(tapped, PduReceived)
        assert tapped.data == data[:6]
        assert isinstance(first, Fragment)
        assert len(first.data) == 100 - 12

    def test_a_large_pdu_at_the_limit_is_told_whole(self) -> None:
        """Just 1 MiB is still copied."""
        connection = acceptor(tap=True, announced=2 * MIB)
        data = p_data(pdv(bytes(MIB - 6)))
        tapped, fragment = connection.receive(data, NOW)
        assert isinstance(tapped, PduReceived)
        assert tapped.data == data
        assert isinstance(fragment, Fragment)
        assert len(fragment.data) == MIB - 6

    @given(st.lists(st.sampled_from(_WHOLE_PDUS), min_size=1, max_size=5))
    def test_a_tap_changes_nothing(self, stream: list[bytes]) -> None:
        """Apart from what it is told, everything is as without it."""
        said, *rest = outcome(acceptor, [b"".join(stream)], tap=True)
        without = [one for one in said if not str(one).startswith("PduReceived")]
        assert [without, *rest] == list(outcome(acceptor, [b"".join(stream)]))
