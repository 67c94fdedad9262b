"""What can be fuzzed: a function of some bytes each, which fails when they do what no bytes may do.

What may come out of a reader beside a value is the one error that its
docstring names; everything else is a finding, also a value that cannot be
written and read again.
"""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address

from dicomnet import part10
from dicomnet.dimse import codec
from dicomnet.dimse.commands import UnknownCommand
from dicomnet.errors import InvalidMessage, InvalidPdu, InvalidValue, StorageError
from dicomnet.pdu.read import decode, pull_pdu
from dicomnet.pdu.write import push_pdu
from dicomnet.proxied import MOST_FOLLOWING, NoProxyHeader, missing, pull_proxied
from dicomnet.server.layout import HeadReader, Layout
from dicomnet.storage.walk import Walk
from dicomnet.tls import der
from dicomnet.uids import TRANSFER_SYNTAXES
from fuzz.conversation import CT_IMAGE_STORAGE, EXPLICIT_LE, Conversation, cut

Target = Callable[[bytes], None]


def acceptor(data: bytes) -> None:
    """An association-acceptor; see `_talk` for the first two bytes."""
    _talk(data, requestor=False)


def requestor(data: bytes) -> None:
    """An association-requestor that has asked for an association."""
    _talk(data, requestor=True)


def pdus(data: bytes) -> None:
    """One PDU after the other; what is read can be written, if it is not against the standard, and is read the same."""
    read_pdus(data)


def command_set(data: bytes) -> None:
    """A command set."""
    read_command_set(data)


def file_head(data: bytes) -> None:
    """A file, whole or its beginning."""
    read_file_head(data)


def data_set(data: bytes) -> None:
    """A data set: its walk whole and in pieces, its head for a layout, its group lengths. The first byte is its syntax."""
    read_data_set(data)


def certificate(data: bytes) -> None:
    """A certificate in DER."""
    read_certificate(data)


def proxy_header(data: bytes) -> None:
    """What a proxy writes in front of the first byte."""
    read_proxy_header(data)


TARGETS: dict[str, Target] = {
    target.__name__: target
    for target in (acceptor, requestor, pdus, command_set, file_head, data_set, certificate, proxy_header)
}


# The same with what came of it, which must be the same in every run.


def read_pdus(data: bytes) -> str:
    told = []
    rest = memoryview(data)
    while len(rest):
        try:
            found = pull_pdu(rest)
        except InvalidPdu as error:
            return f"{told} {error}"
        if found is None:
            return f"{told} and {len(rest)} bytes"
        pdu, size = found
        assert 6 <= size <= len(rest)
        rest = rest[size:]
        told.append(repr(pdu))
        try:
            written = push_pdu(pdu)
        except InvalidValue:
            continue
        assert decode(written[0], written[6:]) == pdu
    return str(told)


def read_command_set(data: bytes) -> str:
    try:
        command = codec.decode(data)
    except InvalidMessage as error:
        return str(error)
    if not isinstance(command, UnknownCommand):
        try:
            written = codec.encode(command)
        except InvalidValue as error:
            return f"{command} {error}"
        # Text is cleaned on its way out (PS3.7 E.1), so what is written is what must be the same again.
        assert codec.encode(codec.decode(written)) == written
    return repr(command)


def read_file_head(data: bytes) -> str:
    told = []
    for complete in (False, True):
        try:
            told.append(repr(part10.read_head(data, complete=complete)))
        except StorageError as error:
            told.append(str(error))
    return " ".join(told)


def read_data_set(data: bytes) -> str:
    syntax = _SYNTAXES[data[0] % len(_SYNTAXES)] if data else EXPLICIT_LE
    body = memoryview(data)[1:]
    problems = []
    for size in (max(len(body), 1), 7):
        walk = Walk(syntax, CT_IMAGE_STORAGE, "1.2.3")
        for start in range(0, len(body), size):
            walk.feed([body[start : start + size]])
            assert len(walk._held) <= _MOST_HELD
        problems.append(walk.end())
    one, other = problems
    assert (one is None) == (other is None), problems
    # Of a stream that cannot be inflated more comes out in small pieces than in one, and what is wrong is found in that.
    assert TRANSFER_SYNTAXES[syntax].deflated or one is None or other is None or one.status == other.status, problems
    reader = HeadReader(_LAYOUT.representations, syntax)
    if not reader.done:
        reader.feed(body[: reader.room])
    told = [problems[0], sorted(reader.values.items()), part10.data_set_start_problem(bytes(body), syntax)]
    told += [part10.data_set_identity(bytes(body), syntax, complete=complete) for complete in (False, True)]
    if not TRANSFER_SYNTAXES[syntax].deflated:
        try:
            told.append(len(part10.with_group_lengths(bytes(body), syntax)))
        except InvalidValue as error:
            told.append(error)
    return " ".join(map(str, told))


def read_certificate(data: bytes) -> str:
    return str(der.facts_of(data))


def read_proxy_header(data: bytes) -> str:
    head, rest = b"", data
    try:
        while lacking := missing(head):
            assert 0 < lacking <= 16 + MOST_FOLLOWING - len(head)
            if not rest:
                return f"{len(head)} bytes, and at least {lacking} more"
            head, rest = head + rest[:lacking], rest[lacking:]
        says = pull_proxied(head)
        assert not says.host or ip_address(says.host)
        return f"{says} before {len(rest)} bytes"
    except NoProxyHeader as error:
        return str(error)


def _talk(data: bytes, *, requestor: bool) -> None:
    """The first byte says how the stream is cut, the second how it ends and what is watched; the rest is the stream."""
    if len(data) < 2:
        return
    talk = Conversation(requestor=requestor, tap=bool(data[1] & 2), traced=bool(data[1] & 4))
    stream = data[2:]
    size = _CUTS[data[0] % len(_CUTS)]
    talk.feed(cut(stream, [size] * (len(stream) // size)))
    if data[1] & 1:
        talk.wait()
    else:
        talk.hang_up()


_LAYOUT = Layout("{PatientID}/{StudyDate}/{instance}.dcm")
_SYNTAXES = (EXPLICIT_LE, "1.2.840.10008.1.2", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99")
_CUTS = (1 << 20, 1, 7, 64, 1000)
_MOST_HELD = 8 + 4 + 256
