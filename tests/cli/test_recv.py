from __future__ import annotations

import json
import os
import queue
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import dicomnet
from announcing import announce
from cli.helpers import CT, EXPLICIT, Outcome, assert_plain
from dicomnet import Associate, Association, DicomNet, Status
from dicomnet.cli._certificate import self_signed
from dicomnet.pdu.write import push_pdu
from dicomnet.storage.source import InstanceFile
from raw import RELEASE_RP, RELEASE_RQ, RawPeer, associate

Command = Callable[..., Outcome]
Write = Callable[..., Path]


STOPPING = "no more connections are accepted"


class Hand(DicomNet):
    """Sends a C-STORE-RQ that says to have no data set."""

    def __init__(self) -> None:
        super().__init__()
        self.status: queue.Queue[int] = queue.Queue()

    def on_connect(self, error: Exception | None) -> None:
        request = Associate.request(called_ae="ARCHIVE", calling_ae="TESTER")
        request.add(CT, EXPLICIT)
        self.send_associate_request(request)

    def on_receive_associate_accept(self, associate: Associate) -> None:
        command_set = {2: CT, 0x100: 1, 0x110: 1, 0x700: 0, 0x800: 0x0101, 0x1000: "1.2.3"}
        self.send_data(associate.contexts[0].context_id, command_set)

    def on_receive_c_store_response(self, message: Any) -> None:
        self.status.put(message.status)
        self.send_release_request()


class Receiver:
    """`dicomnet recv` in a process of its own."""

    def __init__(self, process: subprocess.Popen[str], output: Path) -> None:
        self.process = process
        self.output = output
        assert process.stdout is not None
        self.line = process.stdout.readline()
        found = re.fullmatch(r"listening on (.*):([0-9]+), keeping instances in (.*)\n", self.line)
        assert found, self.line or process.communicate()
        self.port = int(found[2])

    @property
    def address(self) -> str:
        return f"ARCHIVE@127.0.0.1:{self.port}"

    @property
    def files(self) -> list[str]:
        return sorted(path.name for path in self.output.iterdir())

    def stop(self, number: int = signal.SIGTERM) -> str:
        """Ends it and returns what it logged."""
        self.process.send_signal(number)
        return self.end()

    def end(self) -> str:
        out, err = self.process.communicate(timeout=20)
        assert out == ""
        assert_plain(self.line, err)
        assert "Traceback" not in err
        assert self.process.returncode == 0
        return err


@pytest.fixture
def receive(started: Callable[..., subprocess.Popen[str]], tmp_path: Path) -> Callable[..., Receiver]:
    """Starts a receiver on a free port and waits until it listens."""
    output = tmp_path / "received"

    def start(*options: object) -> Receiver:
        return Receiver(started("recv", "--port", 0, "--output", output, *options), output)

    return start


def test_what_is_sent_is_kept_byte_for_byte(
    receive: Callable[..., Receiver], command: Command, instance: Write
) -> None:
    """Echo and store from anybody, to any title; a file for each instance, and one log line for each association."""
    paths = [instance(f"{n}.dcm", number=n, size=3_000_000) for n in (1, 2)]
    receiver = receive()
    assert command("echo", receiver.address).code == 0
    assert command("send", receiver.address, *paths, "--aet", "CT1").code == 0
    assert receiver.files == ["1.2.3.1.dcm", "1.2.3.2.dcm"]
    for path in paths:
        sent, kept = InstanceFile.open(path), InstanceFile.open(receiver.output / f"1.2.3.{path.stem}.dcm")
        assert data_set(kept) == data_set(sent)
        assert (kept.sop_class_uid, kept.transfer_syntax_uid) == (CT, EXPLICIT)
    log = receiver.stop().splitlines()
    assert len(log) == 3
    assert "DICOMNET@127.0.0.1 -> ARCHIVE released: 1 C-ECHO" in log[0]
    assert "CT1@127.0.0.1 -> ARCHIVE released: 2 stored, 6.0 MB" in log[1]
    assert STOPPING in log[2]


def test_real_files_of_all_sorts(receive: Callable[..., Receiver], command: Command) -> None:
    """All instances that pydicom brings along, junk and all, go through send and recv and stay what they are; but for two
    that are cut off: one is not sent, and one refused."""
    pydicom = pytest.importorskip("pydicom")
    folder = Path(pydicom.__file__).parent / "data" / "test_files"
    receiver = receive("--no-durable")
    outcome = command("send", receiver.address, folder)
    assert outcome.code == 1
    assert "2 failed (unreadable, C000)" in outcome.out
    assert outcome.err.count("rtplan_truncated.dcm: failed: odd length: its data set has 1829 bytes") == 1
    assert outcome.err.count("MR_truncated.dcm: failed: C000") == 1
    stored = int(outcome.out.split()[0])
    assert stored > 50
    assert len(receiver.files) == stored
    assert not [name for name in receiver.files if not name.endswith(".dcm")]
    kept = {InstanceFile.open(receiver.output / name).sop_instance_uid for name in receiver.files}
    assert len(kept) == len([name for name in receiver.files if "~" not in name])
    receiver.stop()


def test_the_same_instance_twice(receive: Callable[..., Receiver], command: Command, instance: Write) -> None:
    """The same again is acknowledged and kept once; another data set of the same identity is kept beside it."""
    receiver = receive("-v")
    path = instance("a.dcm", number=1)
    assert command("send", receiver.address, path).code == 0
    assert command("send", receiver.address, path).code == 0
    assert receiver.files == ["1.2.3.1.dcm"]
    assert command("send", receiver.address, instance("b.dcm", number=1, size=200)).code == 0
    assert receiver.files == ["1.2.3.1.dcm", "1.2.3.1~2.dcm"]
    log = receiver.stop()
    assert f"INFO kept {receiver.output / '1.2.3.1.dcm'}" in log
    assert f"INFO had already {receiver.output / '1.2.3.1.dcm'}" in log
    assert "exists with other content; kept beside it as 1.2.3.1~2.dcm" in log


@pytest.mark.parametrize(
    ("options", "code", "kept"),
    [
        (("--duplicates", "replace"), 0, ["1.2.3.1.dcm"]),
        (("--duplicates", "refuse"), 1, ["1.2.3.1.dcm"]),
        (("--duplicates", "refuse", "--layout", "{instance}.dcm"), 1, ["1.2.3.1.dcm"]),
    ],
)
def test_what_becomes_of_duplicates(
    receive: Callable[..., Receiver],
    command: Command,
    instance: Write,
    options: tuple[str, ...],
    code: int,
    kept: list[str],
) -> None:
    """Another data set of the same instance takes the place of the first, or is refused and told so."""
    receiver = receive(*options)
    assert command("send", receiver.address, instance("a.dcm", number=1)).code == 0
    second = instance("b.dcm", number=1, size=200)
    outcome = command("send", receiver.address, second)
    assert outcome.code == code
    assert ("0111" in outcome.err) == bool(code)
    assert receiver.files == kept
    assert (data_set(InstanceFile.open(receiver.output / kept[0])) == data_set(InstanceFile.open(second))) != bool(code)
    receiver.stop()


def test_what_is_to_stay_free(receive: Callable[..., Receiver], command: Command, instance: Write) -> None:
    """Below that instances are refused (A700), and the log says so."""
    receiver = receive("--reserve", "500000TB")
    outcome = command("send", receiver.address, instance("a.dcm", number=1))
    assert outcome.code == 1
    assert "A700" in outcome.err
    assert receiver.files == []
    assert "no room in" in receiver.stop()


def test_a_reserve_that_is_none(command: Command, tmp_path: Path) -> None:
    """Wrong usage, told before it listens."""
    outcome = command("recv", "--port", 0, "--output", tmp_path / "received", "--reserve", "much")
    assert outcome.code == 2
    assert "a reserve is a number of bytes" in outcome.err


def test_another_title_is_rejected(receive: Callable[..., Receiver], command: Command) -> None:
    """With --aet only that title is answered to, and the log shows both."""
    receiver = receive("--aet", "PACS")
    outcome = command("echo", receiver.address)
    assert outcome.code == 1
    assert "(result 1, source 1, reason 7)" in outcome.err
    assert command("echo", receiver.address.replace("ARCHIVE", "PACS")).code == 0
    log = receiver.stop()
    assert "DICOMNET@127.0.0.1 -> ARCHIVE: that title is none of ours, PACS" in log
    assert "DICOMNET@127.0.0.1 -> ARCHIVE rejected (1/1/7)" in log


def test_a_stranger_does_not_write_to_the_terminal(receive: Callable[..., Receiver]) -> None:
    """Control codes in a calling title are escaped in what is logged of it."""
    receiver = receive("--aet", "PACS")
    request = Associate.request(called_ae="ARCHIVE", calling_ae="TESTER", contexts=[CT])
    sent = push_pdu(request.to_request()).replace(b"TESTER    ", b"\x1b[2JTESTER")
    with socket.create_connection(("127.0.0.1", receiver.port), 20) as connection:
        connection.sendall(sent)
        assert connection.recv(100)[:1] == b"\x03"
    assert " \\x1b[2JTESTER@127.0.0.1 -> ARCHIVE: that title is none of ours" in receiver.stop()


def test_a_request_without_its_data_set_is_no_success(receive: Callable[..., Receiver]) -> None:
    """Nothing was kept, so nothing is acknowledged."""
    receiver = receive()
    with dicomnet.runtime(), Hand() as hand:
        hand.connect("127.0.0.1", receiver.port)
        assert hand.status.get(timeout=20) == Status.CANNOT_UNDERSTAND
    assert receiver.files == []
    receiver.stop()


@pytest.mark.parametrize(
    ("options", "statuses", "kept"),
    [
        ((), [0, 0xA900, 0xC000], 1),
        (("--check", "warn"), [0, 0xB007, 0xB007], 3),
        (("--check", "off"), [0, 0, 0], 3),
        (("--no-check",), [0, 0, 0], 3),
    ],
)
def test_instances_are_those_that_were_announced_and_whole(
    receive: Callable[..., Receiver], instance: Write, options: tuple[str, ...], statuses: list[int], kept: int
) -> None:
    """Others are refused, kept with a warning, or not looked at."""
    receiver = receive(*options)
    data = data_set(InstanceFile.open(instance("1.dcm", number=1, size=5000)))
    stores = [(data, CT, "1.2.3.1"), (data, CT, "1.2.3.2"), (data[:-10], CT, "1.2.3.1")]
    assert [response.status for response in announce(receiver.port, stores)] == statuses
    assert len(receiver.files) == kept
    log = receiver.stop()
    assert ("is not that of the command: 1.2.3.1 instead of 1.2.3.2" in log) == (statuses[1] != 0)


def test_a_layout_names_the_files(receive: Callable[..., Receiver], command: Command, instance: Write) -> None:
    """Attributes in braces become folders and names below the one that was given."""
    receiver = receive("--layout", "{calling}/{SOPClassUID}/{instance}.dcm", "-v")
    assert command("send", receiver.address, instance("a.dcm", number=1), "--aet", "CT1").code == 0
    assert (receiver.output / "CT1" / CT / "1.2.3.1.dcm").is_file()
    assert f"INFO kept {receiver.output / 'CT1' / CT / '1.2.3.1.dcm'}" in receiver.stop()


def test_a_layout_that_is_none(command: Command, tmp_path: Path) -> None:
    """A name that no attribute has is wrong usage."""
    outcome = command("recv", "--port", 0, "--output", tmp_path / "received", "--layout", "{PatientNam}.dcm")
    assert (outcome.code, outcome.out) == (2, "")
    assert "PatientNam" in outcome.err


def test_private_classes_are_kept(receive: Callable[..., Receiver], command: Command, instance: Write) -> None:
    """What no standard knows may come all the same."""
    receiver = receive("--no-durable")
    path = instance("a.dcm", number=1, sop_class="1.2.826.0.1.3680043.2.1143.1")
    assert command("send", receiver.address, path).code == 0
    assert receiver.files == ["1.2.3.1.dcm"]
    receiver.stop()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system does not fork")
def test_several_processes_receive(receive: Callable[..., Receiver], command: Command, instance: Write) -> None:
    """With --workers the folder, the line that tells the port, and the end are the same."""
    receiver = receive("--workers", 2)
    paths = [instance(f"{n}.dcm", number=n) for n in range(1, 9)]
    outcome = command("send", receiver.address, *paths, "--associations", 4)
    assert (outcome.code, outcome.err) == (0, "")
    assert len(receiver.files) == 8
    assert "stored" in receiver.stop()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_it_in_order(receive: Callable[..., Receiver], number: int) -> None:
    """Ctrl-C and SIGTERM are how it ends, so the exit code is 0."""
    receive().stop(number)


def test_running_associations_may_finish(receive: Callable[..., Receiver], instance: Write) -> None:
    """Who is in the middle of sending goes on after the signal; it ends when the last one is done."""
    receiver = receive("--no-durable")
    path = instance("a.dcm", number=1)
    with association(receiver) as peer:
        receiver.process.send_signal(signal.SIGTERM)
        assert receiver.process.stderr is not None
        assert STOPPING in receiver.process.stderr.readline()
        with pytest.raises(dicomnet.AssociationError):
            association(receiver)
        assert peer.store(path).ok
    assert "released: 1 stored" in receiver.end()
    assert receiver.files == ["1.2.3.1.dcm"]


def test_a_second_signal_cuts_the_waiting_short(receive: Callable[..., Receiver]) -> None:
    """Who does not finish is aborted: soon after a second Ctrl-C, else after some seconds."""
    receiver = receive()
    with association(receiver) as peer:
        receiver.process.send_signal(signal.SIGINT)
        assert receiver.process.stderr is not None
        assert STOPPING in receiver.process.stderr.readline()
        assert "aborted here" in receiver.stop(signal.SIGINT)
        with pytest.raises(dicomnet.AssociationAborted):
            peer.echo()


def test_a_port_in_use(command: Command, tmp_path: Path) -> None:
    """One line that names the port."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        outcome = command("recv", "--host", "127.0.0.1", "--port", port, "--output", tmp_path)
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err == (
        f"Error: cannot listen on 127.0.0.1:{port}: address already in use; another program has this port: end it, or take "
        "another with --port\n"
    )


def test_an_address_that_is_not_ours(command: Command, tmp_path: Path) -> None:
    """192.0.2.1 is of no machine (RFC 5737); the option that names it is told."""
    outcome = command("recv", "--host", "192.0.2.1", "--port", 0, "--output", tmp_path)
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err.endswith("; --host must be an address of this machine\n")


def test_a_folder_that_cannot_be(command: Command, tmp_path: Path) -> None:
    """What cannot be written to is known before anybody sends."""
    (tmp_path / "file").touch()
    outcome = command("recv", "--port", 0, "--output", tmp_path / "file" / "folder")
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err.startswith(f"Error: cannot keep files in {tmp_path / 'file' / 'folder'}: ")


@pytest.mark.parametrize(
    "arguments",
    [
        ("recv", "--port", "0", "--output"),
        ("get", "A@127.0.0.1:1", "StudyInstanceUID=1"),
        ("move", "A@127.0.0.1:1", "StudyInstanceUID=1", "--port", "0", "--into"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_a_folder_that_cannot_be_written_to(
    command: Command, tmp_path: Path, arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told before anybody is called, or called upon; root may write everywhere, so the system is asked in its stead."""
    monkeypatch.setattr(os, "access", lambda path, mode: not mode & os.W_OK)
    where = 2 if arguments[0] == "get" else len(arguments)
    outcome = command(*arguments[:where], tmp_path, *arguments[where:])
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err == f"Error: cannot keep files in {tmp_path}: the folder is not writable\n"


@pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="/proc/self is a folder of Linux that nobody writes to"
)
def test_a_folder_that_takes_no_files(command: Command) -> None:
    """A folder that is there may still be one for reading only."""
    outcome = command("recv", "--port", 0, "--output", "/proc/self")
    assert outcome.code == 1
    assert outcome.err.startswith("Error: cannot keep files in /proc/self: ")


def test_over_tls(receive: Callable[..., Receiver], command: Command, tmp_path: Path) -> None:
    """With --tls-ca a client has to show a certificate, and is served if it is one of those."""
    certificate, key = self_signed(tmp_path)
    ours = ("--tls-cert", certificate, "--tls-key", key)
    receiver = receive("--tls-ca", certificate, *ours)
    assert command("echo", receiver.address, "--tls-ca", certificate, *ours).code == 0
    assert command("echo", receiver.address, "--tls-ca", certificate).code == 1
    assert "released: 1 C-ECHO" in receiver.stop()


def test_a_certificate_that_is_none(command: Command, tmp_path: Path) -> None:
    """Known before anybody connects."""
    (tmp_path / "not.pem").write_text("nothing")
    outcome = command("recv", "--port", 0, "--output", tmp_path, "--tls-cert", tmp_path / "not.pem")
    assert (outcome.code, outcome.out) == (1, "")
    assert "not.pem: holds no PEM" in outcome.err


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6")
def test_an_ipv6_address(receive: Callable[..., Receiver], command: Command) -> None:
    """Printed in brackets, as it is to be typed."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("no IPv6 on this machine")
    receiver = receive("--host", "::1")
    assert receiver.line.startswith("listening on [::1]:")
    assert command("echo", f"ARCHIVE@[::1]:{receiver.port}").code == 0
    receiver.stop()


def association(receiver: Receiver) -> Association:
    """One to the receiver, for the test's own hand."""
    return dicomnet.associate(receiver.address, aet="TESTER", contexts=["verification", CT])


def data_set(file: InstanceFile) -> bytes:
    return file.path.read_bytes()[file.data_offset :]


def test_who_may_call_is_told_by_options(receive: Callable[..., Receiver], command: Command, tmp_path: Path) -> None:
    """Titles and networks; who is not among them is rejected, and the audit has it."""
    audit = tmp_path / "audit.jsonl"
    receiver = receive("--calling-ae", "CT1", "--calling-ae", "CT2", "--network", "127.0.0.0/8", "--audit", audit)
    assert command("echo", receiver.address, "--aet", "CT2").code == 0
    outcome = command("echo", receiver.address, "--aet", "MR1")
    assert outcome.code == 1
    assert "calling AE title" in outcome.err
    assert "that title may not call" in receiver.stop()
    found = [json.loads(line) for line in audit.read_text().splitlines()]
    assert [(line["event"], line.get("calling_ae")) for line in found] == [
        ("server started", None),
        ("association accepted", "CT2"),
        ("echo", "CT2"),
        ("association ended", "CT2"),
        ("association rejected", "MR1"),
        ("server stopped", None),
    ]


def test_a_trusted_proxy_says_for_whom_it_speaks(receive: Callable[..., Receiver]) -> None:
    """Which is whom the rules are about, and the log; without that it is closed."""
    receiver = receive("--trusted-proxy", "127.0.0.1", "--network", "10.0.0.0/8")
    with RawPeer(receiver.port) as peer:
        peer.associate(b"PROXY TCP4 10.1.2.9 127.0.0.1 50000 104\r\n" + associate())
        peer.send(RELEASE_RQ)
        assert peer.take_pdu() == RELEASE_RP
    with RawPeer(receiver.port) as peer:
        peer.send(associate())
        assert peer.take_rest() == b""
    log = receiver.stop()
    assert "HOSTILE@10.1.2.9 via 127.0.0.1 -> ARCHIVE released" in log
    assert "127.0.0.1: a trusted proxy has sent no PROXY header" in log


def test_a_title_can_need_its_certificate(receive: Callable[..., Receiver], command: Command, tmp_path: Path) -> None:
    """Another certificate that is trusted does not do."""
    (own, key), (other, other_key), (ours, our_key) = (
        self_signed(tmp_path / name, ["127.0.0.1" if name == "server" else name])
        for name in ("ct1.example", "mr1.example", "server")
        if (tmp_path / name).mkdir() is None
    )
    trust = tmp_path / "trust.pem"
    trust.write_bytes(own.read_bytes() + other.read_bytes())
    options = ("--tls-cert", ours, "--tls-key", our_key, "--tls-ca", trust)
    receiver = receive(*options, "--require-certificate", "CT1=CN=ct1.example")
    for certificate, private, code in ((own, key, 0), (other, other_key, 1)):
        line = (
            "echo",
            receiver.address,
            "--aet",
            "CT1",
            "--tls-ca",
            ours,
            "--tls-cert",
            certificate,
            "--tls-key",
            private,
        )
        assert command(*line).code == code
    assert "that title may not call with CN=mr1.example" in receiver.stop()


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--calling-ae", "FAR TOO LONG A TITLE"], "is no AE title"),
        (["--network", "10.0.0.0/99"], "networks are written as"),
        (["--require-certificate", "CT1"], "is not of the form TITLE=CERTIFICATE"),
        (["--require-certificate", "CT1=CN=ct1"], "--require-certificate needs --tls-ca"),
        (["--audit", "missing/audit.jsonl"], "no audit can be written to"),
    ],
)
def test_rules_that_are_none(options: list[str], complaint: str, command: Command, tmp_path: Path) -> None:
    """They are told at once, as wrong usage."""
    outcome = command("recv", "--port", "0", "--output", tmp_path / "in", *options)
    assert outcome.code == 2
    assert complaint in outcome.err


@pytest.mark.parametrize("shown", [True, False])
def test_files_are_told_without_patients(
    shown: bool, receive: Callable[..., Receiver], command: Command, instance: Write
) -> None:
    """Unless that is asked for; the files have the names that the layout says."""
    options = ["--show-patients"] if shown else []
    receiver = receive("--layout", "{PatientID}/{instance}.dcm", "-v", *options)
    path = instance("a.dcm", number=1)
    assert command("send", receiver.address, path).code == 0
    (folder,) = receiver.files
    told = receiver.stop()
    assert (f"/{folder}/" in told) == shown
    assert ("/***/" in told) != shown
