"""What the dissector is shown and what it says: that it would say so if something were wrong, and where its own limit is."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

import dcmtk
import peers
from captures import TSHARK, dissect, dissect_commands, write_capture
from relay import Exchange, pdus, relay_to
from shapes import shape, without_data
from taps import DISSECTOR_LIMIT, faults


@pytest.fixture(scope="module")
def echo() -> Exchange:
    """DCMTK asks DCMTK."""
    with peers.listening(dcmtk.STORESCP, "--ignore") as scp, relay_to(scp.port) as relay:
        assert peers.run(dcmtk.ECHOSCU, "127.0.0.1", relay.port).returncode == 0
    return next(exchange for exchange in relay.exchanges if exchange.asked)


def test_the_dissector_reads_an_association(echo: Exchange) -> None:
    """Request, echo and release in each direction, and nothing to complain of."""
    [found] = dissect([echo])
    assert (found.asked.pdus, found.answered.pdus) == ([1, 4, 5], [2, 4, 6])
    assert found.complaints == []


def test_the_dissector_tells_several_associations_apart(echo: Exchange) -> None:
    """Each exchange is a connection of its own, in the order they are given."""
    silent = Exchange()
    found = dissect([echo, silent, echo])
    assert [one.asked.pdus for one in found] == [[1, 4, 5], [], [1, 4, 5]]


def test_the_dissector_reads_what_came_in_many_pieces(echo: Exchange) -> None:
    """PDUs that are cut anywhere, and several in one segment, are the same PDUs."""
    order = [(True, 1)] * len(echo.asked) + [(False, len(echo.answered))]
    [found] = dissect([Exchange(echo.asked, echo.answered, order)])
    assert (found.asked.pdus, found.answered.pdus) == ([1, 4, 5], [2, 4, 6])


def test_the_dissector_complains_of_a_fault(echo: Exchange) -> None:
    """An item of an association request that is longer than its PDU is not passed over in silence."""
    broken = bytearray(echo.asked)
    struct.pack_into(">H", broken, 74 + 2, 0x7000)  # the length of the application context, the first item
    [found] = dissect([Exchange(broken, echo.answered, echo.order)])
    assert found.complaints


def test_no_wrong_length_passes(echo: Exchange) -> None:
    """Each length of each PDU, item, fragment and element of both sides, made longer or shorter: none goes unnoticed.

    More than a third of these the dissector alone passes over in silence.
    """
    broken = []
    for asks, stream in (True, echo.asked), (False, echo.answered):
        for at, packed in shape(bytes(stream)).lengths:
            [length] = struct.unpack_from(packed, stream, at)
            for wrong in {length + 1, length + 2, max(0, length - 2), length + 100} - {length}:
                other = bytearray(stream)
                struct.pack_into(packed, other, at, wrong)
                sides = (other, echo.answered) if asks else (echo.asked, other)
                broken.append(Exchange(*sides, echo.order))
    assert len(broken) > 100
    assert all(faults(broken))
    assert faults([echo]) == [[]]


def test_what_is_no_data_set_is_read_also_where_data_sets_are_not(tmp_path: Path) -> None:
    """Requests and responses about a compressed image, whose pixel data keep the dissector from reading the response."""
    [instance, *_] = dcmtk.sendable("1.2.840.10008.1.2.4.70")
    with peers.listening(dcmtk.STORESCP, "+xs", "+B", "-od", tmp_path) as scp, relay_to(scp.port) as relay:
        assert peers.run(dcmtk.STORESCU, "-R", "-xs", "127.0.0.1", relay.port, instance.path).returncode == 0
    exchange = next(exchange for exchange in relay.exchanges if exchange.asked)
    [bare] = dissect([without_data(exchange)])
    assert (bare.asked.pdus, bare.answered.pdus) == ([1, 4, 5], [2, 4, 6])
    assert bare.complaints == []
    [(asked, answered)] = dissect_commands([without_data(exchange)])
    assert (0x0700, 2) in asked  # the priority of the request
    assert (0x0900, 2) in answered  # the status of the response


def test_a_capture_holds_every_byte(echo: Exchange, tmp_path: Path) -> None:
    """The TCP payload of each direction, put together by tshark, is what went over the wire."""
    write_capture(tmp_path / "echo.pcap", [echo])
    follow = ("-q", "-z", "follow,tcp,raw,0")
    reply = peers.run(TSHARK, "-n", "-r", tmp_path / "echo.pcap", *follow)
    lines = reply.stdout.splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("Node 1"))
    there = "".join(line for line in lines[first + 1 : -1] if not line.startswith("\t"))
    back = "".join(line.strip() for line in lines[first + 1 : -1] if line.startswith("\t"))
    assert (bytes.fromhex(there), bytes.fromhex(back)) == (bytes(echo.asked), bytes(echo.answered))


def test_the_dissector_has_a_limit_also_with_dcmtk_alone(tmp_path: Path) -> None:
    """Data sets with encapsulated pixel data, and deflated ones, it does not read to their end, whoever sends them.

    What our own tests allow it to say is what it says here, where nothing of
    ours takes part.
    """
    chosen = [dcmtk.sendable(syntax)[0] for syntax in dcmtk.OPTION_OF if syntax not in dcmtk.UNCOMPRESSED]
    with peers.listening(dcmtk.STORESCP, "+xa", "+B", "-od", tmp_path) as scp, relay_to(scp.port) as relay:
        for instance in chosen:
            option = "-x" + dcmtk.OPTION_OF[instance.transfer_syntax]
            reply = peers.run(dcmtk.STORESCU, "-R", option, "127.0.0.1", relay.port, instance.path)
            assert reply.returncode == 0, reply.stdout
    exchanges = [exchange for exchange in relay.exchanges if exchange.asked]
    found = dissect(exchanges)
    for exchange, one in zip(exchanges, found, strict=True):
        assert one.asked.pdus == [kind for kind, _ in pdus(bytes(exchange.asked))]
        assert set(one.complaints) <= DISSECTOR_LIMIT
    assert {complaint for one in found for complaint in one.complaints} == DISSECTOR_LIMIT
