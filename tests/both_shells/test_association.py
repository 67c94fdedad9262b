"""How an association begins and ends, whatever the peer does to it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable

import pytest

from both_shells.archive import CT, PATIENCE, Archive, raw_acceptor, take_pdu, take_rest
from both_shells.faces import Shell
from dicomnet import (
    AssociationAborted,
    AssociationError,
    AssociationRejected,
    ConnectFailed,
    ConnectionLost,
    ContextRefused,
    DicomTimeout,
    InvalidValue,
    StateError,
    Status,
    StatusError,
    Timeouts,
    TlsConfig,
    TlsFailed,
    Wanted,
)
from listeners import V4, listening, port_of
from raw import RELEASE_RP, RELEASE_RQ

QUICK = Timeouts(response=0.3, release=0.3, associate=0.3, store_response=0.3, stall=0.5, artim=0.5)
"""For peers that never answer."""

ECHO = "1.2.840.10008.1.1"


# Beginning.


def test_an_echo_is_answered(shell: Shell, archive: Archive) -> None:
    """The association says what was agreed on, and is released at the end of its block."""
    with shell.associate(archive.address, aet="ME") as association:
        assert association.is_established
        assert association.terms.contexts
        assert (association.calling_ae, association.called_ae) == ("ME", "ARCHIVE")
        assert association.id
        assert association.echo() == Status.SUCCESS
    assert not association.is_established
    archive.expect("released")


def test_accepted_contexts_are_there_to_be_seen(shell: Shell, archive: Archive) -> None:
    """With the transfer syntax that the peer has picked among those that were wanted."""
    archive.syntax = "1.2.840.10008.1.2.4.50"
    image = Wanted("CTImageStorage", ["ExplicitVRLittleEndian", "JPEGBaseline8Bit"])
    association = shell.associate(archive.address, contexts=["verification", image])
    assert [(one.abstract_syntax, one.transfer_syntax) for one in association.contexts] == [(CT, archive.syntax)]
    association.release()
    with pytest.raises(StateError):
        _ = association.contexts


def test_another_title_is_rejected_in_words_and_numbers(shell: Shell, archive: Archive) -> None:
    """The error has the numbers of PS3.8 9.3.4."""
    with pytest.raises(AssociationRejected) as caught:
        shell.associate(archive.address.replace("ARCHIVE", "OTHER"))
    assert (caught.value.result, caught.value.source, caught.value.reason) == (1, 1, 7)
    assert not caught.value.transient


def test_where_nobody_listens_nobody_can_be_called(shell: Shell) -> None:
    """The error names the address."""
    with listening() as sockets:
        port = port_of(sockets)
    with pytest.raises(ConnectFailed) as caught:
        shell.associate(f"ARCHIVE@{V4}:{port}")
    assert caught.value.address == f"{V4}:{port}"
    assert "refused" in caught.value.detail


def test_an_association_can_be_secure(shell: Shell, make_archive: Callable[..., Archive], tls: TlsConfig) -> None:
    """With settings that know the peer's authority."""
    archive = make_archive(tls=tls)
    with shell.associate(archive.address, tls=tls) as association:
        assert association.echo() == Status.SUCCESS
    archive.expect("released")


def test_a_peer_with_a_strange_certificate_is_not_spoken_to(
    shell: Shell, make_archive: Callable[..., Archive], tls: TlsConfig
) -> None:
    """The error says what TLS says; no association was asked for."""
    archive = make_archive(tls=tls)
    with pytest.raises(TlsFailed, match="certificate"):
        shell.associate(archive.address, tls=TlsConfig())
    assert "associated" not in archive.log


def test_an_association_without_contexts_is_none(shell: Shell, archive: Archive) -> None:
    """It is released, and the error names what was refused."""
    archive.refused.add(ECHO)
    with pytest.raises(ContextRefused) as caught:
        shell.associate(archive.address)
    assert caught.value.abstract_syntax == ECHO
    assert caught.value.proposed
    archive.expect("released")


def test_what_was_not_proposed_cannot_be_asked_for(shell: Shell, archive: Archive) -> None:
    """The association goes on."""
    with shell.associate(archive.address) as association:
        with pytest.raises(ContextRefused) as caught:
            association.n_delete("mpps", "1.2.3")
        assert not caught.value.proposed
        assert association.echo() == Status.SUCCESS


def test_what_is_no_service_is_told_before_anything_is_opened(shell: Shell, archive: Archive) -> None:
    """The error comes from the argument."""
    with pytest.raises(InvalidValue, match="verifcation"):
        shell.associate(archive.address, contexts=["verifcation"])
    assert archive.lines == []


def test_a_peer_that_does_not_answer_the_request_is_left(shell: Shell) -> None:
    """After the time for it."""
    with listening() as sockets, pytest.raises(DicomTimeout) as caught:
        shell.associate(f"X@{V4}:{port_of(sockets)}", timeouts=QUICK)
    assert caught.value.seconds == QUICK.associate


# Answers.


def test_a_failure_status_is_an_error_with_all_that_was_said(shell: Shell, archive: Archive) -> None:
    """Status, meaning, comment and the whole response."""

    def refuse(line: object, message: object) -> None:
        line.on("before_send_command_set", lambda command: setattr(command, "error_comment", "not today"))  # type: ignore[attr-defined]
        line.send_c_echo_response(message, 0x0122)  # type: ignore[attr-defined]

    archive.reactions["echo"] = refuse
    with shell.associate(archive.address) as association:
        with pytest.raises(StatusError) as caught:
            association.echo()
        assert caught.value.status == 0x0122
        assert caught.value.operation == "C-ECHO"
        assert caught.value.response is not None
        assert association.is_established


def test_a_peer_that_does_not_answer_an_echo_is_aborted(shell: Shell, archive: Archive) -> None:
    """The association is over after the time for a response, and every call says so again."""
    archive.reactions["echo"] = lambda line, message: None
    with shell.associate(archive.address, timeouts=QUICK) as association:
        for _ in range(2):
            with pytest.raises(DicomTimeout) as caught:
                association.echo()
            assert caught.value.seconds == QUICK.response
        assert not association.is_established
    archive.expect("aborted")


# Ends.


def test_an_error_within_the_block_aborts(shell: Shell, archive: Archive) -> None:
    """And is what the block raises."""
    with pytest.raises(ZeroDivisionError), shell.associate(archive.address):
        raise ZeroDivisionError
    archive.expect("aborted")


def test_after_its_end_an_association_only_says_that_it_is_over(shell: Shell, archive: Archive) -> None:
    """To be released or aborted again does nothing."""
    association = shell.associate(archive.address)
    association.release()
    with pytest.raises(StateError):
        association.echo()
    with pytest.raises(StateError):
        _ = association.terms
    association.release()
    association.abort()
    archive.expect("released")
    assert "aborted" not in archive.log


def test_a_peer_that_closes_without_a_word_is_noticed(shell: Shell, archive: Archive) -> None:
    """By whatever is asked next, and by release, which does nothing."""
    archive.reactions["echo"] = lambda line, message: line.close(force=True)
    association = shell.associate(archive.address)
    for _ in range(2):
        with pytest.raises(ConnectionLost):
            association.echo()
    association.release()
    assert not association.is_established


def test_a_peer_that_aborts_is_named_as_who_did(shell: Shell, archive: Archive) -> None:
    """With source and reason."""
    archive.reactions["echo"] = lambda line, message: line.send_abort(2, 6)
    with shell.associate(archive.address) as association, pytest.raises(AssociationAborted) as caught:
        association.echo()
    assert (caught.value.source, caught.value.reason, caught.value.by_peer) == (2, 6, True)


def test_a_peer_that_releases_is_waited_for(shell: Shell, archive: Archive) -> None:
    """`wait` says that the association is over, or that time is."""
    association = shell.associate(archive.address)
    assert association.wait(0.05) is False
    archive.lines[0].send_release_request()
    assert association.wait(PATIENCE) is True
    with pytest.raises(AssociationError):
        association.echo()
    association.release()


def test_a_peer_that_does_not_answer_a_release_is_aborted(shell: Shell) -> None:
    """Release returns after its time."""
    said: list[bytes] = []
    with raw_acceptor(lambda sock: said.append(take_rest(sock))) as address:
        shell.associate(address, timeouts=QUICK).release()
    assert said[0].startswith(RELEASE_RQ)
    assert said[0][len(RELEASE_RQ) :][:1] == b"\7"


def test_both_sides_may_ask_for_release_at_the_same_time(shell: Shell) -> None:
    """The collision is resolved as in PS3.8 7.2.2.7: the requestor answers first."""
    said: list[bytes] = []

    def collide(sock: socket.socket) -> None:
        said.append(take_pdu(sock))
        sock.sendall(RELEASE_RQ)
        said.append(take_pdu(sock))
        sock.sendall(RELEASE_RP)
        said.append(take_rest(sock))

    with raw_acceptor(collide) as address:
        association = shell.associate(address)
        association.release()
    assert said == [RELEASE_RQ, RELEASE_RP, b""]
    assert not association.is_established


def test_abort_ends_what_another_thread_waits_for(shell: Shell, archive: Archive) -> None:
    """He is told that this side has aborted."""
    archive.reactions["echo"] = lambda line, message: None
    association = shell.associate(archive.address)
    errors: list[BaseException] = []

    def wait() -> None:
        try:
            association.echo()
        except AssociationAborted as error:
            errors.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    archive.expect("echo")
    association.abort()
    thread.join(PATIENCE)
    (error,) = errors
    assert isinstance(error, AssociationAborted)
    assert not error.by_peer
    archive.expect("aborted")


def test_a_callback_may_abort(shell: Shell, archive: Archive, folder: Callable[..., object]) -> None:
    """The store that calls it ends with a report that says so."""
    files = folder(3)
    association = shell.associate(archive.address, contexts=[files])
    inner = getattr(association, "_inner", association)
    report = association.store(files, on_result=lambda result: inner.abort(), check=False)
    assert isinstance(report.error, AssociationAborted)
    assert not report.error.by_peer
    assert len(report) == 3
    archive.expect("aborted")


def test_the_contexts_may_be_what_is_to_be_stored(
    shell: Shell, archive: Archive, folder: Callable[..., object]
) -> None:
    """A folder among the contexts proposes what its files need."""
    with shell.associate(archive.address, contexts=["verification", folder(1)]) as association:
        assert association.echo() == Status.SUCCESS
        assert {context.abstract_syntax for context in association.terms.contexts.values()} == {ECHO, CT}
