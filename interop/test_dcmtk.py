"""DCMTK's programs against DicomNet objects, as SCU and as SCP."""

from __future__ import annotations

import hashlib
import re
import socket
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pydicom
import pytest

import dicomnet
import peers
from bundled import UNSENDABLE, bundled, files, name_of
from dcmtk import (
    ECHOSCU,
    FINDSCU,
    GETSCU,
    IGNORED_BY_STORESCU,
    MOVESCU,
    OPTION_OF,
    STORESCP,
    STORESCU,
    UNCOMPRESSED,
    same_content,
)
from dicomnet import MEMORY, SPOOL, Associate, Message, StateError, Status, StorageError, TlsConfig
from dicomnet.cli._certificate import self_signed
from dicomnet.storage.folder import Folder
from dicomnet.tls import Profile
from net.applications import PATIENCE, Archive, Modality, associated
from relay import relay_to
from services import MATCHES, QUERY, RETRIEVE, STUDY_ROOT_FIND, Scp, ct_instances, read
from tls.certificates import make_site

COLOR_PALETTE_STORAGE = "1.2.840.10008.5.1.4.39.1"


@pytest.fixture(autouse=True)
def network() -> Iterator[None]:
    """The network ends with the test."""
    with dicomnet.runtime():
        yield


class Particular(Archive):
    """Knows its own title, and takes no other."""

    def on_receive_associate_request(self, associate: Associate) -> None:
        if associate.called_ae == "PARTICULAR":
            self.send_associate_accept(associate.accept_all())
        else:
            self.send_associate_reject(1, 1, 7)


class Aborting(Archive):
    """Hears an abort."""

    def on_receive_abort(self, source: int, reason: int) -> None:
        self.listener.ended.put((None, (source, reason)))


class Leaving(Aborting):
    """Asks for release as soon as it has answered, as an acceptor may not (PS3.7 A.5)."""

    def on_receive_c_echo_request(self, message: Message[Any]) -> None:
        super().on_receive_c_echo_request(message)
        if self.listener.ended.empty():
            self.send_release_request()


def by_syntax() -> dict[str, list[peers.Instance]]:
    """pydicom's whole instances by transfer syntax."""
    found = defaultdict(list)
    for known in peers.instances():
        found[known.transfer_syntax].append(known)
    assert set(found) == set(OPTION_OF)
    return found


# DCMTK as SCU.


@pytest.mark.parametrize("arguments", [(), ("--repeat", 5), ("-ppc", 128), ("-pts", 38), ("--max-pdu", 4096)])
def test_echoscu_echoes(arguments: tuple[str | int, ...]) -> None:
    """One echo or five, with one context or all 128, with many transfer syntaxes, with small PDUs."""
    with Archive() as archive:
        _, port = archive.listen("127.0.0.1", 0)
        reply = peers.run(ECHOSCU, "--verbose", *arguments, "127.0.0.1", port)
        error, _ = archive.ended.get(timeout=PATIENCE)
    assert reply.returncode == 0, reply.stdout
    assert len(re.findall("Received Echo Response.*Success", reply.stdout)) == (5 if "--repeat" in arguments else 1)
    assert error is None


def test_echoscu_is_told_that_the_title_is_wrong() -> None:
    """DCMTK reads our rejection as what it is; with the right title it is served."""
    with Particular() as archive:
        _, port = archive.listen("127.0.0.1", 0)
        wrong = peers.run(ECHOSCU, "-aec", "ANOTHER", "127.0.0.1", port)
        right = peers.run(ECHOSCU, "-aec", "PARTICULAR", "127.0.0.1", port)
    assert wrong.returncode != 0
    assert "Result: Rejected Permanent, Source: Service User" in wrong.stdout
    assert "Reason: Called AE Title Not Recognized" in wrong.stdout
    assert right.returncode == 0, right.stdout


@pytest.mark.parametrize("program", [ECHOSCU, STORESCU])
def test_dcmtk_aborts(program: str, tmp_path: Path) -> None:
    """An A-ABORT of the user at the end is told as such, and what was stored before stays."""
    sent = peers.distinct_instances()[0]
    files_to_send = (sent.path,) if program == STORESCU else ()
    option = "-x" + OPTION_OF[sent.transfer_syntax]
    arguments = ("-R", option) if program == STORESCU else ()
    with Aborting(destination=Folder(tmp_path)) as archive:
        _, port = archive.listen("127.0.0.1", 0)
        reply = peers.run(program, "--abort", *arguments, "127.0.0.1", port, *files_to_send)
        assert reply.returncode == 0, reply.stdout
        told, closed = archive.ended.get(timeout=PATIENCE), archive.ended.get(timeout=PATIENCE)
    assert told == (None, (0, 0))
    assert closed[0] is None
    assert len(list(tmp_path.iterdir())) == len(files_to_send)


def test_dcmtk_aborts_when_we_want_to_leave() -> None:
    """It knows no release by an acceptor: we hear its abort, and serve the next one."""
    with Leaving() as archive:
        _, port = archive.listen("127.0.0.1", 0)
        reply = peers.run(ECHOSCU, "--repeat", 3, "127.0.0.1", port)
        assert "Peer requested release (Aborting)" in reply.stdout
        told, closed = archive.ended.get(timeout=PATIENCE), archive.ended.get(timeout=PATIENCE)
        archive.ended.put(closed)  # from now on it stays
        assert told == (None, (0, 0))
        assert peers.run(ECHOSCU, "--repeat", 3, "127.0.0.1", port).returncode == 0


@pytest.mark.parametrize(
    ("syntax", "place"),
    [pytest.param(uid, "files", id=f"-x{option} to files") for uid, option in OPTION_OF.items()]
    + [pytest.param("1.2.840.10008.1.2.1", place, id=f"-xe to {place}") for place in ("memory", "spool")],
)
def test_storescu_stores(syntax: str, place: str, tmp_path: Path) -> None:
    """What storescu sends is kept byte for byte, in each transfer syntax, in files, in memory and in the spool.

    storescu encodes some data sets anew, so the bytes are compared with those on the wire, read off them by a relay
    between the two, and the content with that of its files.
    """
    known = [i for i in by_syntax()[syntax] if i.path.name not in IGNORED_BY_STORESCU]
    destination = {"files": Folder(tmp_path), "memory": MEMORY, "spool": SPOOL}[place]
    with Archive(destination=destination) as archive:
        _, port = archive.listen("127.0.0.1", 0)
        with relay_to(port) as relay:
            option = "-x" + OPTION_OF[syntax]
            reply = peers.run(STORESCU, "-R", option, "127.0.0.1", relay.port, *[i.path for i in known])
        assert reply.returncode == 0, reply.stdout
        [exchange] = relay.exchanges
        sent = exchange.messages()
        kept = archive.received
        assert [bytes_of(m) for m in kept] == [data for _, data in sent]
        assert [m.affected_sop_instance_uid for m in kept] == [i.sop_instance for i in known]
        assert [m.affected_sop_class_uid for m in kept] == [i.sop_class for i in known]
        assert {m.transfer_syntax for m in kept} == {syntax}
        for message, original in zip(kept, known, strict=True):
            assert same_content(message.dataset, pydicom.dcmread(original.path)), original.path
            if place == "files":
                path = message.data and message.data.path
                assert path
                facts = peers.instance(path)
                assert (facts.sop_class, facts.sop_instance) == (original.sop_class, original.sop_instance)
                assert facts.transfer_syntax == syntax
                assert facts.digest == hashlib.sha256(bytes_of(message)).hexdigest()


def test_storescu_ignores_what_it_cannot_read() -> None:
    """Of pydicom's whole instances storescu sends all but three, and the archive refuses none."""
    missing = []
    with Archive(destination=MEMORY) as archive:
        _, port = archive.listen("127.0.0.1", 0)
        for syntax, known in by_syntax().items():
            option = "-x" + OPTION_OF[syntax]
            reply = peers.run(STORESCU, "-nh", "-R", option, "127.0.0.1", port, *[i.path for i in known])
            missing += re.findall(r"missing SOP class \(or instance\) in file: (\S+),", reply.stdout)
            assert "Store Failed" not in reply.stdout
    assert {Path(path).name for path in missing} == set(IGNORED_BY_STORESCU)
    assert len(archive.received) == len(peers.instances()) - len(IGNORED_BY_STORESCU)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--max-pdu", 4096, "--max-send-pdu", 4096),
        ("--max-pdu", 131072, "--max-send-pdu", 131072),
        ("--required", "--combine"),
        ("--propose-little",),
        ("--propose-implicit", "--repeat", 3),
        ("--timeout", 5, "--acse-timeout", 5, "--dimse-timeout", 5),
    ],
    ids=lambda arguments: arguments[0].strip("-"),
)
def test_storescu_stores_with_other_options(arguments: tuple[str | int, ...]) -> None:
    """PDUs of any size, contexts of many syntaxes or one, an association for each time."""
    known = [i for i in by_syntax()["1.2.840.10008.1.2.1"] if i.path.stat().st_size > 30_000][:4]
    assert known
    with Archive(destination=MEMORY) as archive:
        _, port = archive.listen("127.0.0.1", 0)
        with relay_to(port) as relay:
            paths = [i.path for i in known]
            reply = peers.run(STORESCU, "-x=", *arguments, "127.0.0.1", relay.port, *paths)
        assert reply.returncode == 0, reply.stdout
        sent = [data for exchange in relay.exchanges for _, data in exchange.messages()]
        assert [bytes_of(m) for m in archive.received] == sent
        assert len(sent) == len(known) * (3 if "--repeat" in arguments else 1)


@pytest.mark.parametrize("program", [ECHOSCU, STORESCU])
def test_dcmtk_speaks_tls(program: str, tmp_path: Path) -> None:
    """An anonymous TLS client of DCMTK verifies our certificate and is served."""
    certificate, key = self_signed(tmp_path)
    sent = by_syntax()["1.2.840.10008.1.2.1"][0]
    with Archive(destination=MEMORY, tls=TlsConfig(certificate=certificate, private_key=key)) as archive:
        _, port = archive.listen("127.0.0.1", 0)
        secured = ("--anonymous-tls", "--add-cert-file", certificate)
        files_to_send = ("-R", "-xe", "127.0.0.1", port, sent.path) if program == STORESCU else ("127.0.0.1", port)
        reply = peers.run(program, *secured, *files_to_send)
        assert reply.returncode == 0, reply.stdout
        error, _ = archive.ended.get(timeout=PATIENCE)
        assert error is None
        if program == STORESCU:
            [kept] = archive.received
            assert same_content(kept.dataset, pydicom.dcmread(sent.path))
        assert peers.run(program, *files_to_send).returncode != 0  # without TLS


@pytest.mark.parametrize(
    ("profile", "option"),
    [
        (Profile.BCP195_RFC8996_9325, "+py"),
        (Profile.MODIFIED_BCP195_RFC8996_9325, "+py"),
        (Profile.LEGACY_BCP195, "+px"),
        (Profile.LEGACY_NON_DOWNGRADING_BCP195, "+py"),
        (Profile.LEGACY_EXTENDED_BCP195, "+pz"),
        (Profile.LEGACY_AES, "+pa"),
    ],
)
def test_dcmtk_speaks_our_profiles(profile: Profile, option: str, tmp_path: Path) -> None:
    """On either side, each with the option that is the same for DCMTK, or the nearest that it has."""
    site = make_site(tmp_path)
    acceptor = TlsConfig(certificate=site.server_rsa.file, profile=profile)
    with Archive(destination=MEMORY, tls=acceptor) as archive:
        _, port = archive.listen("127.0.0.1", 0)
        reply = peers.run(ECHOSCU, "+tla", "+cf", site.authority.file, option, "127.0.0.1", port)
        assert reply.returncode == 0, reply.stdout
    key = tmp_path / "key.pem"
    key.write_bytes(site.server_rsa.key_bytes())
    secured = ("+tls", key, site.server_rsa.file, "+cf", site.authority.file, "-ic", option)
    with peers.listening(STORESCP, *secured, "-od", tmp_path) as scp:
        requestor = TlsConfig(ca_file=site.authority.file, profile=profile)
        with associated(scp.port, tls=requestor) as modality:
            assert modality.is_secure
            assert modality.cipher is not None
            assert modality.cipher.protocol in profile.versions
            assert modality.echo() == Status.SUCCESS


@pytest.mark.parametrize("option", ["+pa", "+pn"])
def test_dcmtk_with_a_retired_profile_is_not_served_by_default(option: str, tmp_path: Path) -> None:
    """Neither CBC with a key that RSA carries, nor no encryption at all."""
    site = make_site(tmp_path)
    with Archive(destination=MEMORY, tls=TlsConfig(certificate=site.server_rsa.file)) as archive:
        _, port = archive.listen("127.0.0.1", 0)
        assert peers.run(ECHOSCU, "+tla", "+cf", site.authority.file, option, "127.0.0.1", port).returncode != 0


def test_findscu_finds(tmp_path: Path) -> None:
    """Its identifier arrives, and our matches arrive there in order."""
    with Scp() as scp:
        _, port = scp.listen("127.0.0.1", 0)
        keys = ["QueryRetrieveLevel=STUDY", "PatientID", "PatientName=Citizen*", "StudyInstanceUID"]
        arguments = [argument for key in keys for argument in ("-k", key)]
        reply = peers.run(FINDSCU, "-S", *arguments, "-X", "-od", tmp_path, "127.0.0.1", port)
        assert reply.returncode == 0, reply.stdout
        [(command, identifier)] = scp.requests
    assert identifier == QUERY
    assert command.affected_sop_class_uid == STUDY_ROOT_FIND
    found = [pydicom.dcmread(path, force=True) for path in sorted(tmp_path.iterdir())]
    assert [match.PatientName for match in found] == [match.PatientName for match in MATCHES]
    assert [match.StudyInstanceUID for match in found] == [match.StudyInstanceUID for match in MATCHES]


def test_findscu_cancels(tmp_path: Path) -> None:
    """After its C-CANCEL our matches end."""
    with Scp() as scp:
        _, port = scp.listen("127.0.0.1", 0)
        keys = ("-k", "QueryRetrieveLevel=STUDY", "-k", "StudyInstanceUID=1.2.3.1")
        reply = peers.run(FINDSCU, "--verbose", "-S", *keys, "--cancel", 3, "127.0.0.1", port)
    assert reply.returncode == 0, reply.stdout
    assert re.search("Received Final Find Response.*Cancel", reply.stdout), reply.stdout[-500:]


def test_getscu_gets(tmp_path: Path) -> None:
    """Our C-STORE requests reach it on its own association; it keeps every bit."""
    with Scp() as scp:
        _, port = scp.listen("127.0.0.1", 0)
        keys = ("-k", "QueryRetrieveLevel=STUDY", "-k", "StudyInstanceUID=1.2.3.1")
        reply = peers.run(GETSCU, "--verbose", "-S", *keys, "+B", "-od", tmp_path, "127.0.0.1", port)
        assert reply.returncode == 0, reply.stdout
        assert [identifier for _, identifier in scp.requests[:1]] == [RETRIEVE]
    kept = {peers.instance(path).digest for path in tmp_path.iterdir()}
    assert kept == {instance.digest for instance in ct_instances()}


def test_movescu_has_us_move(tmp_path: Path) -> None:
    """We store to the storage SCP that it runs itself while it waits for our responses; it encodes anew."""
    with Scp() as scp, unused_port() as own:
        _, port = scp.listen("127.0.0.1", 0)
        Scp.destinations = {"MOVESCU": own}
        keys = ("-k", "QueryRetrieveLevel=STUDY", "-k", "StudyInstanceUID=1.2.3.1")
        arguments = ("-S", *keys, "-aem", "MOVESCU", "--port", own, "-od", tmp_path)
        reply = peers.run(MOVESCU, "--verbose", *arguments, "127.0.0.1", port)
        assert reply.returncode == 0, reply.stdout
    kept = {peers.instance(path).sop_instance: pydicom.dcmread(path) for path in tmp_path.iterdir()}
    assert set(kept) == {instance.sop_instance for instance in ct_instances()}
    for instance in ct_instances():
        assert same_content(kept[instance.sop_instance], read(instance))


# DCMTK as SCP.


@pytest.mark.parametrize(
    "arguments",
    [(), ("--max-pdu", 4096), ("--max-pdu", 131072), ("--uid-padding",)],
    ids=lambda arguments: " ".join(map(str, arguments)).strip("-") or "defaults",
)
def test_storescp_keeps_every_bit(arguments: tuple[str | int, ...], tmp_path: Path) -> None:
    """All of pydicom's files arrive at a storescp that preserves bits, in twelve syntaxes and PDUs of any size.

    Some share an instance UID, some disagree with their header, three have none: what arrives is matched by class,
    instance, syntax and digest. What is no instance is refused before anything is sent, and so are the palettes, which
    storescp does not take for storage; nothing else is.
    """
    with peers.listening(STORESCP, "+B", "+xa", "-pm", "+uf", *arguments, "-od", tmp_path) as scp:
        refused = {}
        with associated(scp.port, contexts_for(bundled())) as modality:
            assert modality.echo() == Status.SUCCESS
            for path in files():
                try:
                    assert modality.store(path) == Status.SUCCESS, path
                except (StorageError, StateError) as error:
                    refused[name_of(path)] = str(error)
    palettes = [name_of(instance.path) for instance in bundled() if instance.sop_class == COLOR_PALETTE_STORAGE]
    reasons = {**UNSENDABLE, **dict.fromkeys(palettes, "no presentation context for Color Palette Storage")}
    assert set(refused) == set(reasons)
    for name, reason in reasons.items():
        assert reason in refused[name]
    kept = [peers.instance(path) for path in tmp_path.iterdir()]
    arrived = Counter((i.sop_class, i.sop_instance, i.transfer_syntax, i.digest) for i in kept)
    assert arrived == Counter(i.facts for i in bundled() if i.sop_class != COLOR_PALETTE_STORAGE)


@pytest.mark.parametrize(
    ("arguments", "accepted"),
    [
        pytest.param((), UNCOMPRESSED, id="defaults"),
        pytest.param(("+xi",), {"1.2.840.10008.1.2"}, id="implicit only"),
        pytest.param(("+xb",), UNCOMPRESSED, id="big endian"),
        pytest.param(("+xs",), UNCOMPRESSED | {"1.2.840.10008.1.2.4.70"}, id="JPEG lossless"),
        pytest.param(("+xr",), UNCOMPRESSED | {"1.2.840.10008.1.2.5"}, id="RLE"),
        pytest.param(("+xd",), UNCOMPRESSED | {"1.2.840.10008.1.2.1.99"}, id="deflated"),
    ],
)
def test_storescp_chooses(arguments: tuple[str, ...], accepted: set[str], tmp_path: Path) -> None:
    """What is in an accepted syntax is stored, the rest cannot be sent; storescp decodes and encodes anew, so that
    the content is compared and not the bytes."""
    known = peers.distinct_instances()
    with peers.listening(STORESCP, "-pm", *arguments, "-od", tmp_path) as scp:
        stored = []
        with associated(scp.port, contexts_for(known)) as modality:
            for instance in known:
                if instance.path.name in IGNORED_BY_STORESCU:  # it would read them as wrongly as storescu
                    continue
                if instance.transfer_syntax in accepted:
                    assert modality.store(instance.path) == Status.SUCCESS, instance.path
                    stored.append(instance)
                else:
                    with pytest.raises((StateError, dicomnet.InvalidValue)):
                        modality.store(instance.path)
    assert stored
    kept = {peers.instance(path).sop_instance: path for path in tmp_path.iterdir()}
    assert set(kept) == {instance.sop_instance for instance in stored}
    for instance in stored:
        assert same_content(pydicom.dcmread(kept[instance.sop_instance]), pydicom.dcmread(instance.path))


def test_storescp_refuses() -> None:
    """A rejection of DCMTK is told with its three numbers."""
    with peers.listening(STORESCP, "--refuse") as scp, Modality() as modality:
        modality.connect("127.0.0.1", scp.port)
        assert modality.expect("connect") is None
        modality.send_associate_request(Associate.request(contexts=["1.2.840.10008.1.1"]))
        assert modality.expect("receive_associate_reject") == (1, 1, 1)


@pytest.mark.parametrize("when", ["--abort-after", "--abort-during"])
def test_storescp_aborts(when: str, tmp_path: Path) -> None:
    """An abort in the middle of our store, or instead of its response, is told, and then the connection is over."""
    sent = max(peers.instances(), key=lambda known: known.path.stat().st_size)
    with peers.listening(STORESCP, "+xa", when, "-od", tmp_path) as scp, Modality() as modality:
        modality.open(scp.port, Associate.request(contexts=contexts_for([sent])))
        modality.send_c_store_request(sent.path)
        assert modality.expect("receive_abort") in ((0, 0), (2, 0))
        modality.expect("close")
        assert not modality.is_associated


def test_storescp_is_aborted(tmp_path: Path) -> None:
    """DCMTK reads our abort as an abort, keeps what it has acknowledged, and serves the next."""
    sent = by_syntax()["1.2.840.10008.1.2.1"][0]
    with peers.listening(STORESCP, "--verbose", "+B", "-od", tmp_path) as scp:
        with Modality() as modality:
            modality.open(scp.port, Associate.request(contexts=contexts_for([sent])))
            assert modality.store(sent.path) == Status.SUCCESS
            modality.send_abort()
            modality.flush(PATIENCE)
        with associated(scp.port) as modality:
            assert modality.echo() == Status.SUCCESS
        assert "Association Aborted" in scp.output() or "Peer Aborted" in scp.output()
    [kept] = tmp_path.iterdir()
    assert peers.instance(kept).digest == sent.digest


def test_storescp_speaks_tls(tmp_path: Path) -> None:
    """Our client verifies DCMTK's certificate, shows its own, and stores."""
    certificate, key = self_signed(tmp_path)
    (tmp_path / "kept").mkdir()
    sent = by_syntax()["1.2.840.10008.1.2.1"][0]
    with peers.listening(STORESCP, "+tls", key, certificate, "+cf", certificate, "+B", "-od", tmp_path / "kept") as scp:
        tls = TlsConfig(certificate=certificate, private_key=key, ca_file=certificate)
        with associated(scp.port, contexts_for([sent]), tls=tls) as modality:
            assert modality.is_secure
            assert modality.store(sent.path) == Status.SUCCESS
    [kept] = (tmp_path / "kept").iterdir()
    assert peers.instance(kept).digest == sent.digest


@contextmanager
def unused_port() -> Iterator[int]:
    """A port that nobody listens on for now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    yield port


def contexts_for(known: Any) -> list[Any]:
    """A presentation context for each pair of SOP class and transfer syntax, and one to echo."""
    pairs = dict.fromkeys((instance.sop_class, instance.transfer_syntax) for instance in known)
    associate = Associate.request(contexts=["1.2.840.10008.1.1"])
    for sop_class, syntax in pairs:
        associate.add(sop_class, syntax)
    return associate.contexts


def bytes_of(message: Message[Any]) -> bytes:
    """The data set as it was kept."""
    assert message.data is not None
    return message.data.bytes()
