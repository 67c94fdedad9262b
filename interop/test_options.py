"""DCMTK's programs as they are seldom run: options that change what they say, refuse, cut off or leave unanswered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pydicom
import pytest

import dcmtk
import dicomnet
import peers
from archives import Archive
from dcmtk import check_content
from dicomnet import AssociationRejected, Caller, DicomTimeout, Limits, Outcome, Status, Timeouts, TlsConfig, TlsFailed
from dicomnet.cli._certificate import self_signed
from dicomnet.tls import VerifyMode
from holdings import STUDY, archived, known

PATHS = [i.path for i in archived()]
STORAGE_PROFILE = ("-xf", "/etc/dcmtk/storescp.cfg", "Default")
"""What makes dcmrecv take more than echoes."""

VIDEO = {
    "1.2.840.10008.1.2.4.100": "m",
    "1.2.840.10008.1.2.4.101": "h",
    "1.2.840.10008.1.2.4.102": "n",
    "1.2.840.10008.1.2.4.103": "l",
    "1.2.840.10008.1.2.4.104": "2",
    "1.2.840.10008.1.2.4.105": "3",
    "1.2.840.10008.1.2.4.106": "o",
    "1.2.840.10008.1.2.4.107": "4",
    "1.2.840.10008.1.2.4.108": "5",
}
"""The transfer syntaxes that DCMTK knows and pydicom has no file of, with the option as in `dcmtk.OPTION_OF`."""


def ask(scp: peers.Listener, **options: Any) -> dicomnet.Peer:
    """A peer of ours for one that listens."""
    return dicomnet.Peer(f"ANY-SCP@127.0.0.1:{scp.port}", **options)


def storescu(server: dicomnet.Server, *options: str | Path | int, program: str = dcmtk.STORESCU) -> str:
    """Stores with our server; returns what it wrote."""
    reply = peers.run(program, "-aec", "OURS", *options[:-1], "127.0.0.1", server.port, options[-1])
    assert reply.returncode == 0, reply.stdout
    return reply.stdout


# DCMTK asks.


@pytest.mark.parametrize("syntax", VIDEO)
def test_video_goes_both_ways(syntax: str, tmp_path: Path) -> None:
    """An object that says of itself to be in one of DCMTK's video syntaxes arrives bit for bit, here and there."""
    dataset = pydicom.dcmread(dcmtk.sendable("1.2.840.10008.1.2.4.50")[0].path)
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.save_as(tmp_path / "video.dcm")
    sent = peers.instance(tmp_path / "video.dcm")
    with Archive(tmp_path / "ours") as server:
        storescu(server, "-R", f"-x{VIDEO[syntax]}", sent.path)
        [here] = server.paths()
    (tmp_path / "theirs").mkdir()
    with peers.listening(dcmtk.STORESCP, f"+x{VIDEO[syntax]}", "+B", "-od", tmp_path / "theirs") as scp:
        assert ask(scp).store(sent.path).ok
    [there] = (tmp_path / "theirs").iterdir()
    for kept in map(peers.instance, (here, there)):
        assert (kept.transfer_syntax, kept.digest) == (syntax, sent.digest)


@pytest.mark.parametrize(
    "options",
    [("-pdu", 4096), ("-pdu", 131072), ("--repeat", 3), ("--abort",), ("+C", "-xr"), ("-aet", "A B C"), ("-xb",)],
    ids=lambda options: " ".join(map(str, options)),
)
def test_storescu_with_options_stores_with_our_server(options: tuple[str | int, ...], tmp_path: Path) -> None:
    """With small PDUs and large ones, thrice, without a release, with several transfer syntaxes in a context."""
    [sent, *_] = dcmtk.sendable("1.2.840.10008.1.2.1")
    with Archive(tmp_path) as server:
        storescu(server, *options, sent.path)
        check_content(server.paths(), [sent])


@pytest.mark.parametrize(
    ("options", "kind", "primary", "secondary"),
    [
        (("-usr", "jan"), 1, b"jan", b""),
        (("-usr", "jan", "-pwd", "secret"), 2, b"jan", b"secret"),
        (("-kt",), 3, b"ticket", b""),
        (("--saml",), 4, b"ticket", b""),
        (("--jwt",), 5, b"ticket", b""),
    ],
)
@pytest.mark.parametrize("answer", [(), ("-rsp",)], ids=["silent", "answered"])
def test_identities_that_dcmtk_shows(
    options: tuple[str, ...], answer: tuple[str, ...], kind: int, primary: bytes, secondary: bytes, tmp_path: Path
) -> None:
    """Each of the five kinds arrives; where an answer is asked for it is given, without which storescu would stop."""
    callers: list[Caller] = []

    def know(caller: Caller) -> bytes:
        callers.append(caller)
        return b"welcome"

    (tmp_path / "ticket").write_bytes(b"ticket")
    given = options if "-usr" in options else (*options, tmp_path / "ticket")
    [sent, *_] = dcmtk.sendable("1.2.840.10008.1.2.1")
    with Archive(tmp_path / "kept", user_identity=know) as server:
        storescu(server, *given, *answer, sent.path)
        assert len(server.paths()) == 1
    identity = callers[0].identity
    assert identity is not None
    assert (identity.kind, identity.primary, identity.secondary) == (kind, primary, secondary)


def test_dcmsend_sends_to_our_server(tmp_path: Path) -> None:
    """DCMTK's other sender, which takes one association for all, arrives with everything."""
    with Archive(tmp_path) as server:
        reply = peers.run(dcmtk.DCMSEND, "-v", "-aec", "OURS", "127.0.0.1", server.port, *PATHS)
        assert reply.returncode == 0, reply.stdout
        check_content(server.paths(), archived())


def test_termscu_terminates_nothing(tmp_path: Path) -> None:
    """The private class that it asks for is refused, and the next is served."""
    with Archive(tmp_path) as server:
        reply = peers.run(dcmtk.TERMSCU, "-aec", "OURS", "127.0.0.1", server.port)
        assert "No Acceptable Presentation Contexts" in reply.stdout
        assert dicomnet.Peer(f"OURS@127.0.0.1:{server.port}").echo() == Status.SUCCESS


def test_storescu_without_a_certificate_is_not_served(tmp_path: Path) -> None:
    """Where our server demands one: neither with none, nor without TLS."""
    certificate, key = self_signed(tmp_path)
    tls = TlsConfig(certificate=certificate, private_key=key, ca_file=certificate, verify=VerifyMode.REQUIRED)
    with Archive(tmp_path / "kept", tls=tls) as server:
        for options in ("+tla", "+cf", certificate), ():
            reply = peers.run(dcmtk.STORESCU, "-aec", "OURS", *options, "127.0.0.1", server.port, PATHS[0])
            assert reply.returncode != 0
        assert not server.paths()


# DCMTK answers.


@pytest.mark.parametrize("window", [None, 16])
@pytest.mark.parametrize("options", [(), ("-pdu", 4096), ("-pdu", 131072)], ids=lambda given: " ".join(map(str, given)))
def test_dcmrecv_keeps_every_bit(options: tuple[str | int, ...], window: int | None, tmp_path: Path) -> None:
    """DCMTK's other receiver, also with sixteen operations offered, which it passes over."""
    with peers.listening(dcmtk.DCMRECV, *STORAGE_PROFILE, "+B", *options, "-od", tmp_path) as scp:
        assert ask(scp, window=window).store(PATHS).ok
    kept = {i.sop_instance: i.digest for i in map(peers.instance, tmp_path.iterdir())}
    assert kept == {i.sop_instance: i.digest for i in archived()}


def test_dcmrecv_that_takes_echoes_only_says_so() -> None:
    """What it has refused the report names, and it is asked once."""
    with peers.listening(dcmtk.DCMRECV, "--verbose") as scp:
        report = ask(scp).store(PATHS[:3], check=False)
        assert scp.output().count("DICOMNET -> ANY-SCP") == 1
    assert [result.outcome for result in report] == [Outcome.FAILED] * 3
    assert (
        "the peer accepted no presentation context for Computed Radiography Image Storage" in report.results[0].detail
    )


def test_storescp_refuses_our_peer() -> None:
    """The three numbers of its rejection are in the exception."""
    with peers.listening(dcmtk.STORESCP, "--refuse") as scp, pytest.raises(AssociationRejected) as caught:
        ask(scp).store(PATHS)
    assert (caught.value.result, caught.value.source, caught.value.reason) == (1, 1, 1)


def test_storescp_rejects_nobody_who_says_what_he_is() -> None:
    """It wants an implementation class UID."""
    with peers.listening(dcmtk.STORESCP, "--reject", "--ignore") as scp:
        assert ask(scp).store(PATHS).ok


@pytest.mark.parametrize("when", ["--abort-after", "--abort-during"])
def test_storescp_aborts_our_peer(when: str, tmp_path: Path) -> None:
    """What became of the instance that it had is not known, and the report says so; the peer is good for the next call."""
    with peers.listening(dcmtk.STORESCP, when, "-od", tmp_path) as scp:
        report = ask(scp).store(PATHS[0], check=False)
        assert [result.outcome for result in report] == [Outcome.UNKNOWN]
        assert ask(scp).echo() == Status.SUCCESS


def test_storescp_sleeps_before_it_lets_us_go(tmp_path: Path) -> None:
    """Its answer to our release comes late, and is waited for."""
    with peers.listening(dcmtk.STORESCP, "--verbose", "--sleep-after", 1, "-od", tmp_path) as scp:
        assert ask(scp).store(PATHS[0]).ok
        assert scp.output().count("Association Release") == 1


def test_storescp_sleeps_while_it_receives(tmp_path: Path) -> None:
    """When the time for an answer is over, what became of the instance is not known."""
    with peers.listening(dcmtk.STORESCP, "--sleep-during", 1, "-od", tmp_path, kill=True) as scp:
        report = ask(scp, timeouts=Timeouts(store_response=0.1)).store(PATHS[0], check=False)
    assert [result.outcome for result in report] == [Outcome.UNKNOWN]
    assert isinstance(report.results[0].error, DicomTimeout)


def test_storescp_asks_for_our_certificate(tmp_path: Path) -> None:
    """Without one the error says what is missing; with it everything is stored."""
    certificate, key = self_signed(tmp_path)
    with peers.listening(dcmtk.STORESCP, "+tls", key, certificate, "+cf", certificate, "--ignore") as scp:
        with pytest.raises(TlsFailed, match="asks for a client certificate and none was given"):
            ask(scp, tls=TlsConfig(ca_file=certificate)).store(PATHS)
        tls = TlsConfig(certificate=certificate, private_key=key, ca_file=certificate)
        assert ask(scp, tls=tls).store(PATHS).ok


def test_storescp_serves_one_association_after_another(tmp_path: Path) -> None:
    """Four are asked for, of which it accepts the next when the last is over: nothing waits for nothing."""
    with peers.listening(dcmtk.STORESCP, "+B", "-od", tmp_path) as scp:
        assert ask(scp).store(PATHS, associations=4).ok
    check_content(tmp_path.iterdir(), archived())


def test_dcmqrscp_has_one_association_to_spare(tmp_path: Path) -> None:
    """Of four that are asked for it rejects three for now, and the one that it accepts brings everything."""
    (tmp_path / "archive").mkdir()
    with dcmtk.archive(tmp_path / "archive", "+B", associations=1) as scp:
        assert dicomnet.Peer(f"ARCHIVE@127.0.0.1:{scp.port}").store(PATHS, associations=4).ok
        assert scp.output().count("DICOMNET") <= 4
    check_content((path for path in (tmp_path / "archive").iterdir() if path.name != "index.dat"), archived())


def test_dcmqrscp_moves_for_those_who_may_query(tmp_path: Path) -> None:
    """With --require-find it accepts a retrieve only together with the query of its model."""
    (tmp_path / "archive").mkdir()
    with Archive(tmp_path / "own") as server:
        moves = {"OURS": server.port}
        with dcmtk.archive(tmp_path / "archive", "+B", "--require-find", moves=moves) as scp:
            archive = f"ARCHIVE@127.0.0.1:{scp.port}"
            dicomnet.Peer(archive).store(PATHS)
            with server.peer(archive) as peer:
                moved = peer.move(tmp_path / "moved", StudyInstanceUID=STUDY)
            got = dicomnet.Peer(archive).get(tmp_path / "got", StudyInstanceUID=STUDY)
    for report in moved, got:
        check_content(report.paths, known(PATHS, StudyInstanceUID=STUDY))


def test_our_server_has_one_association_to_spare(tmp_path: Path) -> None:
    """DCMTK reads that it is a matter of time."""
    with Archive(tmp_path, limits=Limits(associations=1)) as server:
        with dicomnet.associate(f"OURS@127.0.0.1:{server.port}", contexts=["verification"]):
            reply = peers.run(dcmtk.ECHOSCU, "-aec", "OURS", "127.0.0.1", server.port)
            assert "Rejected Transient" in reply.stdout
        assert peers.run(dcmtk.ECHOSCU, "-aec", "OURS", "127.0.0.1", server.port).returncode == 0
