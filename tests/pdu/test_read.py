from __future__ import annotations

import contextlib
import struct

import pytest
from hypothesis import given, strategies as st

from dicomnet.errors import AbortReason, AbortSource, InvalidPdu, InvalidValue
from dicomnet.limits import MOST_ITEMS, MOST_TRANSFER_SYNTAXES, Limits
from dicomnet.pdu import AssociateRequest, PduType, UserInformation
from dicomnet.pdu.read import decode, pull_header, pull_pdu
from dicomnet.pdu.write import push_pdu
from pdu.vectors import REFUSED, VECTORS, Refused, Vector, accept_with, request_with

every_vector = pytest.mark.parametrize("vector", VECTORS.values(), ids=VECTORS)
every_refused = pytest.mark.parametrize("refused", REFUSED.values(), ids=REFUSED)
every_type = pytest.mark.parametrize("pdu_type", PduType)


class TestWhole:
    @every_vector
    def test_a_pdu_is_read(self, vector: Vector) -> None:
        """Every vector is read as the value it stands for, and all of its bytes are taken."""
        assert pull_pdu(vector.data) == (vector.value, len(vector.data))

    @every_vector
    def test_a_body_is_read(self, vector: Vector) -> None:
        """The body alone, as bytes or as a view, says the same as the whole."""
        assert decode(vector.data[0], vector.data[6:]) == vector.value
        assert decode(vector.data[0], memoryview(vector.data)[6:]) == vector.value

    @every_refused
    def test_a_broken_pdu_is_refused(self, refused: Refused) -> None:
        """Lengths that do not fit raise InvalidPdu with the abort of the provider that answers them."""
        with pytest.raises(InvalidPdu) as caught:
            pull_pdu(refused.data)
        assert (caught.value.source, caught.value.reason) == (AbortSource.SERVICE_PROVIDER, refused.reason)

    @pytest.mark.parametrize(
        ("refused", "beyond"),
        [("PDV beyond the PDU", 1), ("58H with a primary field beyond it", 1), ("item beyond the PDU", 1)],
    )
    def test_the_error_says_by_how_much_a_length_is_wrong(self, refused: str, beyond: int) -> None:
        """One byte is a slip, sixty thousand are junk."""
        with pytest.raises(InvalidPdu, match=f"reaches {beyond} bytes beyond"):
            pull_pdu(REFUSED[refused].data)

    @every_vector
    def test_what_was_read_does_not_hold_the_buffer(self, vector: Vector) -> None:
        """A value is a copy: the buffer it came from can be resized, and may change."""
        buffer = bytearray(vector.data)
        pulled = pull_pdu(memoryview(buffer))
        buffer[:] = b"\xaa" * len(buffer)
        buffer.clear()
        assert pulled == (vector.value, len(vector.data))

    def test_the_echo_is_kept_as_it_came(self) -> None:
        """The 64 bytes behind the reserved field are kept byte by byte, NULs and rubbish included."""
        echo = b" \0STORE\xff\xfe" + bytes(range(55))
        data = b"\1\0\0\0\0\x44" + b"\0\1\0\0" + echo
        pulled = pull_pdu(data)
        assert pulled is not None
        assert isinstance(pulled[0], AssociateRequest)
        assert pulled[0].echo == echo


class TestPieces:
    @every_vector
    def test_a_pdu_is_not_read_before_its_last_byte(self, vector: Vector) -> None:
        """Fed byte by byte, every vector asks for more until it is complete."""
        for size in range(len(vector.data)):
            assert pull_pdu(vector.data[:size]) is None
        assert pull_pdu(vector.data) is not None

    @every_vector
    def test_what_follows_a_pdu_is_left(self, vector: Vector) -> None:
        """Bytes behind a PDU are not taken with it, whatever they are."""
        for rest in (b"\0", b"\1\0\0\0\0\xff", vector.data):
            assert pull_pdu(vector.data + rest) == (vector.value, len(vector.data))

    @every_vector
    def test_a_body_cut_off_is_read_only_where_an_item_ends(self, vector: Vector) -> None:
        """A body with its end missing is refused, unless what is missing begins with a new item."""
        pdu_type, body = vector.data[0], vector.data[6:]
        for size in range(len(body)):
            if size in ends(pdu_type, body):
                decode(pdu_type, body[:size])
            else:
                with pytest.raises(InvalidPdu) as caught:
                    decode(pdu_type, body[:size])
                assert caught.value.reason == AbortReason.INVALID_PARAMETER_VALUE

    @pytest.mark.parametrize("cut", range(1, 5))
    @every_vector
    def test_a_length_too_small_by_a_little_is_not_believed(self, vector: Vector, cut: int) -> None:
        """A PDU whose length lost a few bytes is refused or reads as a PDU of that length, never anything else."""
        data = vector.data[:2] + (len(vector.data) - 6 - cut).to_bytes(4, "big") + vector.data[6:]
        with contextlib.suppress(InvalidPdu):
            pulled = pull_pdu(data)
            assert pulled is not None
            assert pulled[1] == len(vector.data) - cut


class TestHeaders:
    @pytest.mark.parametrize("begin", [b"\0", b"\x08", b"\xff", b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01"])
    def test_what_is_not_dicom_is_known_by_its_first_byte(self, begin: bytes) -> None:
        """An unknown type is refused at the first byte, before anybody waits for a length."""
        for data in (begin[:1], begin):
            with pytest.raises(InvalidPdu) as caught:
                pull_pdu(data)
            assert caught.value.reason == AbortReason.UNRECOGNIZED_PDU

    @pytest.mark.parametrize(
        ("first", "said"),
        [
            (0x16, "16H is unknown (this is how a TLS hello begins; the peer wants TLS where there is none)"),
            (0x15, "15H is unknown (this is a TLS alert: the peer speaks TLS there, so give tls=)"),
            (ord("G"), "47H is unknown (perhaps HTTP)"),
            (0x14, "14H is unknown"),
            (0x80, "80H is unknown"),
        ],
    )
    def test_the_error_says_who_the_stranger_may_be(self, first: int, said: str) -> None:
        """TLS where none is wanted is what an administrator gets wrong; of the rest nothing is guessed."""
        with pytest.raises(InvalidPdu) as caught:
            pull_pdu(bytes([first]))
        assert str(caught.value) == f"PDU type {said}"

    @pytest.mark.parametrize("pdu_type", [-1, 0, 8, 256])
    def test_no_body_has_an_unknown_type(self, pdu_type: int) -> None:
        """A type outside 1 to 7 is refused with a body too, also one that is no byte."""
        with pytest.raises(InvalidPdu) as caught:
            decode(pdu_type, bytes(4))
        assert caught.value.reason == AbortReason.UNRECOGNIZED_PDU

    @every_type
    def test_an_absurd_length_is_refused_with_the_header(self, pdu_type: int) -> None:
        """A length above the limit is refused as soon as it is known, and one at the limit is waited for."""
        limits = Limits()
        limit = limits.received_pdu if pdu_type == PduType.P_DATA_TF else limits.association_pdu
        assert pull_pdu(bytes([pdu_type, 0]) + limit.to_bytes(4, "big")) is None
        for length in (limit + 1, 0xFFFFFFFF):
            with pytest.raises(InvalidPdu, match=f"{length} bytes, at most {limit}") as caught:
                pull_pdu(bytes([pdu_type, 0]) + length.to_bytes(4, "big"))
            assert caught.value.reason == AbortReason.INVALID_PARAMETER_VALUE

    @every_type
    def test_a_header_tells_type_and_length(self, pdu_type: int) -> None:
        """Six bytes are a header, fewer ask for more."""
        data = bytes([pdu_type, 0xFF, 0, 1, 2, 3])
        for size in range(6):
            assert pull_header(data[:size]) is None
        assert pull_header(data) == (pdu_type, 0x010203)

    def test_bytes_of_nothing_ask_for_more(self) -> None:
        """No bytes are not yet a mistake."""
        assert pull_pdu(b"") is None
        assert pull_pdu(memoryview(b"")) is None


class TestMany:
    def test_as_many_items_as_anybody_has_are_read(self) -> None:
        """A request full of unknown items, as many as are taken, reads as one without."""
        pdu = decode(PduType.ASSOCIATE_RQ, bytes(68) + b"\xee\0\0\0" * MOST_ITEMS)
        assert pdu == AssociateRequest("", "", (), UserInformation(), "", 0)  # type: ignore[arg-type]

    @pytest.mark.parametrize("item_type", [0xEE, 0x20])
    def test_more_items_are_refused(self, item_type: int) -> None:
        """The largest request there may be has room for a quarter million, which would take half a second each time."""
        size = Limits().association_pdu - 68
        items = bytes([item_type, 0, 0, 4, 2, 0, 0, 0]) * (size // 8)
        with pytest.raises(InvalidPdu, match="more than 4096 items in one place"):
            decode(PduType.ASSOCIATE_RQ, bytes(68) + items)

    def test_more_syntaxes_in_a_context_are_refused(self) -> None:
        """One context of 64 KiB has room for 16,000."""
        context = bytes([1, 0, 0, 0]) + b"\x40\0\0\0" * (MOST_TRANSFER_SYNTAXES + 1)
        request = bytes(68) + struct.pack(">BxH", 0x20, len(context)) + context
        with pytest.raises(InvalidPdu, match="more than 512 items"):
            decode(PduType.ASSOCIATE_RQ, request)

    def test_more_subitems_of_the_user_information_are_refused(self) -> None:
        """The same of those that are no contexts."""
        information = b"\x99\0\0\0" * (MOST_ITEMS + 1)
        request = bytes(68) + struct.pack(">BxH", 0x50, len(information)) + information
        with pytest.raises(InvalidPdu, match="more than 4096 items"):
            decode(PduType.ASSOCIATE_RQ, request)

    def test_contexts_that_do_not_count_are_not_read(self) -> None:
        """Nobody looks into the second one of a number, nor into one of an even number."""
        whole = bytes([1, 0, 0, 0])
        broken = b"\x20\0\0\6" + whole + b"\x30\0"
        even = b"\x20\0\0\6" + bytes([2, 0, 0, 0]) + b"\x30\0"
        request = decode(PduType.ASSOCIATE_RQ, bytes(68) + b"\x20\0\0\4" + whole + broken + even)
        assert isinstance(request, AssociateRequest)
        assert [context.context_id for context in request.contexts] == [1]

    def test_as_many_contexts_are_kept_as_there_are_ids(self) -> None:
        """Of a thousand presentation contexts 128 remain, one for each odd ID."""
        items = b"".join(b"\x20\0\0\4" + bytes([number % 256, 0, 0, 0]) for number in range(1000))
        pdu = decode(PduType.ASSOCIATE_RQ, bytes(68) + items)
        assert isinstance(pdu, AssociateRequest)
        assert [context.context_id for context in pdu.contexts] == list(range(1, 256, 2))


class TestGarbage:
    @given(st.binary(max_size=300))
    def test_random_bytes_make_no_other_error(self, data: bytes) -> None:
        """Bytes of any kind are a PDU, the beginning of one, or InvalidPdu."""
        with contextlib.suppress(InvalidPdu):
            pull_pdu(data)

    @given(st.sampled_from(PduType), st.binary(max_size=300))
    def test_random_bodies_make_no_other_error(self, pdu_type: int, body: bytes) -> None:
        """A known type with any body is a PDU or InvalidPdu."""
        check_reading(pdu_type, body)

    @given(st.sampled_from([PduType.ASSOCIATE_RQ, PduType.ASSOCIATE_AC]), st.data())
    def test_items_of_random_content_make_no_other_error(self, pdu_type: int, data: st.DataObject) -> None:
        """Items with the right headers and any content are a PDU or InvalidPdu."""
        contents = st.lists(st.tuples(st.sampled_from(ITEM_TYPES), st.binary(max_size=24)), max_size=6)
        check_reading(pdu_type, bytes(68) + data.draw(contents.map(framed)))

    @pytest.mark.parametrize("whole", [request_with, accept_with])
    @given(st.lists(st.tuples(st.integers(0x51, 0x5A), st.binary(max_size=24)), max_size=4))
    def test_sub_items_of_random_content_make_no_other_error(self, whole, sub_items: list[tuple[int, bytes]]) -> None:
        """User information with any content in its sub-items is a PDU or InvalidPdu."""
        data = whole(framed(sub_items))
        check_reading(data[0], data[6:])

    @given(st.sampled_from(sorted(VECTORS)), st.data())
    def test_altered_vectors_make_no_other_error(self, name: str, data: st.DataObject) -> None:
        """A PDU with bytes changed, taken out or put in is a PDU or InvalidPdu."""
        body = bytearray(VECTORS[name].data[6:])
        for _ in range(data.draw(st.integers(1, 4))):
            at = data.draw(st.integers(0, max(0, len(body) - 1)))
            body[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
        check_reading(VECTORS[name].data[0], bytes(body))


def check_reading(pdu_type: int, body: bytes) -> None:
    """What is read and may be sent at all says the same when it was written and read again."""
    try:
        pdu = decode(pdu_type, body)
        again = push_pdu(pdu)
    except (InvalidPdu, InvalidValue):
        return
    assert pull_pdu(again) == (pdu, len(again))


def ends(pdu_type: int, body: bytes) -> set[int]:
    """Where in a body it may end: behind each item, each PDV, or the four bytes that are always the same."""
    if pdu_type in (PduType.ASSOCIATE_RQ, PduType.ASSOCIATE_AC):
        at, before, size = 68, 2, 2
    elif pdu_type == PduType.P_DATA_TF:
        at, before, size = 0, 0, 4
    else:
        return set(range(4, len(body)))
    found = {at} if before else set()
    while at < len(body):
        at += before
        at += size + int.from_bytes(body[at : at + size], "big")
        found.add(at)
    return found


def framed(items: list[tuple[int, bytes]]) -> bytes:
    """Each content behind the header of its item."""
    return b"".join(bytes([kind, 0]) + len(content).to_bytes(2, "big") + content for kind, content in items)


ITEM_TYPES = [0x10, 0x20, 0x21, 0x30, 0x40, 0x50, 0x60]
