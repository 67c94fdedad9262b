"""Who may call and what he may ask for: certificates, permissions by title, and associations of one title."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from pydicom import Dataset

from dicomnet.aio.association import Association, associate
from dicomnet.aio.certified import PeerCertificate
from dicomnet.aio.observe import Cause, ConnectionRefused, Denied, Observed, Rejected
from dicomnet.aio.requests import EchoRequest
from dicomnet.cli._certificate import self_signed
from dicomnet.errors import (
    AssociationError,
    AssociationRejected,
    ContextRefused,
    DicomNetError,
    InvalidValue,
    StatusError,
)
from dicomnet.exchanges.services import Verb
from dicomnet.limits import Limits
from dicomnet.server.certificates import demands
from dicomnet.server.policy import EVERYTHING, N_SERVICES, rules
from dicomnet.server.server import Server
from dicomnet.tls import TlsConfig, VerifyMode
from server.serving import TITLE, calling, instance, local, until

FINGERPRINT = "9f" * 32
CERTIFICATE = PeerCertificate("CN=ct1.example, O=Hospital\\, North", ("ct1.example", "10.0.0.7"), FINGERPRINT)


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


class Own(NamedTuple):
    """A client's certificate."""

    tls: TlsConfig
    path: Path


@pytest.fixture(scope="module")
def owned(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Own]:
    """Certificates for two clients and a server; each trusts the server's."""
    made = {}
    for name in ("server", "ct1.example", "mr1.example"):
        folder = tmp_path_factory.mktemp(name)
        made[name] = self_signed(folder, ["127.0.0.1"] if name == "server" else [name])
    trusted = made["server"][0]
    return {
        name: Own(TlsConfig(certificate=certificate, private_key=key, ca_file=trusted), certificate)
        for name, (certificate, key) in made.items()
    }


def secure(owned: dict[str, Own], tmp_path: Path, verify: VerifyMode = VerifyMode.PEER) -> TlsConfig:
    """What the server listens with: it trusts both clients, and asks for certificates."""
    trust = tmp_path / "clients.pem"
    trust.write_bytes(owned["ct1.example"].path.read_bytes() + owned["mr1.example"].path.read_bytes())
    ours = owned["server"].tls
    return TlsConfig(certificate=ours.certificate, private_key=ours.private_key, ca_file=trust, verify=verify)


@pytest.mark.parametrize(
    ("wanted", "met"),
    [
        ("CN=ct1.example", True),
        ("O=Hospital\\, North, CN=ct1.example", True),
        ("O=Hospital\\, North,CN=ct1.example", True),
        ("CN=ct1", False),
        ("CN=ct1.example, O=Hospital", False),
        ("O=Hospital", False),
        ("ct1.example", True),
        ("CT1.Example", True),
        ("10.0.0.7", True),
        ("example", False),
        (f"sha256:{FINGERPRINT}", True),
        ("SHA256:" + ":".join(["9F"] * 32), True),
        ("sha256:" + "9e" * 32, False),
        (["CN=mr1", "ct1.example"], True),
        (["CN=mr1", "mr1.example"], False),
    ],
)
def test_a_certificate_is_named_by_subject_name_or_fingerprint(wanted: Any, met: bool) -> None:
    """Every part of the subject that is named must be in it as a whole; of several certificates one will do."""
    assert any(one.is_met_by(CERTIFICATE) for one in demands(wanted)) == met
    given = rules(certificates={"CT1": wanted})
    assert given.may_call_with("CT1", CERTIFICATE) == met
    assert not given.may_call_with("CT1", None)
    assert given.may_call_with("MR1", None)


def test_a_subject_without_a_name_meets_nothing() -> None:
    """An empty subject is no part of everything."""
    empty = PeerCertificate("", (), FINGERPRINT)
    assert not any(one.is_met_by(empty) for one in demands(["CN=ct1", "ct1"]))
    assert empty.name == f"sha256:{FINGERPRINT}"


@pytest.mark.parametrize(
    "wanted", ["", "  ", [], ["sha256:12"], "CN=", "=x", "CN=a, b", 7, None, [7], "sha256:" + "x" * 64]
)
def test_what_names_no_certificate_is_a_mistake(wanted: Any) -> None:
    """A rule that nobody could keep, or everybody, is no rule."""
    with pytest.raises(InvalidValue):
        rules(certificates={"CT1": wanted})


def test_certificates_without_titles_are_a_mistake() -> None:
    """It is titles that they are asked of."""
    with pytest.raises(InvalidValue, match="a mapping of titles"):
        rules(certificates=["CN=ct1.example"])


def test_an_address_is_no_fingerprint() -> None:
    """Though there may be colons in it."""
    by_address = PeerCertificate("CN=ct1.example", ("2001:db8::7",), FINGERPRINT)
    assert [one.is_met_by(by_address) for one in demands(["2001:db8::7", "2001:db8::8"])] == [True, False]


def test_certificates_are_asked_of_everybody_else_by_a_star() -> None:
    """A title that is not there needs what stands under "*"."""
    given = rules(certificates={"CT1": "CN=ct1.example", "*": "CN=gateway"}, ignore_title_case=True)
    assert given.may_call_with("ct1", CERTIFICATE)
    assert not given.may_call_with("MR1", CERTIFICATE)
    assert not given.may_call_with("MR1", None)


@pytest.mark.parametrize("verify", [None, VerifyMode.NONE, VerifyMode.PEER])
def test_a_certificate_that_no_address_asks_for_is_a_mistake(
    verify: VerifyMode | None, owned: dict[str, Own], tmp_path: Path
) -> None:
    """Told at the start: whoever needs one could never call. One address that asks is enough; None is only a plain one."""
    server = local(None if verify is None else TITLE)
    server.ae("ROUTER", certificates={"CT1": "CN=ct1.example"})
    if verify is not None:
        server.listen(0, host="127.0.0.1", tls=secure(owned, tmp_path, verify))
    if verify is VerifyMode.PEER:
        with server:
            return
    with pytest.raises(InvalidValue, match=r"ROUTER has certificates for titles, and no address asks for one: .*PEER"):
        server.__enter__()


@pytest.mark.parametrize("client", ["ct1.example", "mr1.example", "none", "plain"])
async def test_a_title_needs_its_certificate(
    client: str, owned: dict[str, Own], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Anybody can say a title: it is refused with another certificate, with none, and without TLS (1/1/3), in one line."""
    seen: list[Observed] = []
    server = Server(TITLE, port=0, host="127.0.0.1", certificates={"CT1": "CN=ct1.example"})
    server.listen(0, host="127.0.0.1", tls=secure(owned, tmp_path))
    server.observe(seen.append)
    who: list[Any] = []

    @server.on_echo
    async def note(request: EchoRequest) -> int:
        who.append(request.association.certificate)
        return 0

    nothing = TlsConfig(ca_file=owned["server"].path)
    tls = None if client == "plain" else nothing if client == "none" else owned[client].tls
    async with server:
        port = server.addresses[0 if client == "plain" else 1][1]

        def call(aet: str) -> Association:
            return associate(f"{TITLE}@127.0.0.1:{port}", aet=aet, contexts=["verification"], tls=tls)

        if client == "ct1.example":
            async with call("CT1") as association:
                await association.echo()
            assert [(one.subject, one.names) for one in who] == [("CN=ct1.example", ("ct1.example",))]
            assert [event.certificate for event in seen[1:3]] == ["CN=ct1.example"] * 2
            assert not warnings(caplog)
            return
        with pytest.raises(AssociationRejected) as rejected:
            await call("CT1")
        assert (rejected.value.result, rejected.value.source, rejected.value.reason) == (1, 1, 3)
        shown = "CN=mr1.example" if client == "mr1.example" else "no verified certificate"
        (line,) = warnings(caplog)
        assert line.endswith(f"CT1@127.0.0.1 -> {TITLE}: that title may not call with {shown}")
        assert [event.cause for event in seen if isinstance(event, Rejected)] == [Cause.CERTIFICATE]
        async with call("OTHER") as association:
            assert await association.echo() == 0


ALL_N = {verb.value for verb in N_SERVICES}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["echo"], {"echo"}),
        (["store"], {"store"}),
        ("store", {"store"}),
        (["find", "get", "move"], {"find", "get", "move"}),
        (["n"], ALL_N),
        ("n", ALL_N),
        (["n", "echo"], {"echo", *ALL_N}),
        *((verb.value, {verb.value}) for verb in sorted(N_SERVICES)),
        (["N-CREATE", "n_set"], {"n-create", "n-set"}),
        ([], set()),
    ],
)
@pytest.mark.parametrize("title", ["CT1", "*"])
def test_each_operation_can_be_permitted_alone(words: Any, expected: set[str], title: str) -> None:
    """And the N-services as a group; for one title, or for everybody who has no entry."""
    given = rules(verbs={title: words, "OTHER": ["echo"]})
    assert given.allowed("CT1") == expected
    assert given.allowed("OTHER") == {Verb.ECHO}
    assert given.allowed("MR1") == (expected if title == "*" else EVERYTHING)


def test_an_operation_that_there_is_not_is_a_mistake() -> None:
    """The nearest is named."""
    with pytest.raises(InvalidValue, match="did you mean store"):
        rules(verbs={"CT1": ["stor"]})


N_CLASSES = {
    "n-create": "mpps",
    "n-set": "mpps",
    "n-get": "ModalityPerformedProcedureStepRetrieve",
    "n-action": "storage-commitment",
    "n-delete": "BasicFilmBox",
}


def some() -> Dataset:
    dataset = Dataset()
    dataset.PatientID = "P1"
    return dataset


async def ask(association: Association, verb: str) -> None:
    """One request of each kind."""
    name = N_CLASSES.get(verb, "")
    match verb:
        case "echo":
            await association.echo()
        case "store":
            await association.store(instance(1))
        case "find":
            [match async for match in association.find("STUDY", PatientID="1")]
        case "get":
            await association.get(None, StudyInstanceUID="1.2.3")
        case "move":
            await association.move("WS1", StudyInstanceUID="1.2.3")
        case "n-create":
            await association.n_create(name, some(), instance="1.2.3.4")
        case "n-set":
            await association.n_set(name, "1.2.3.4", some())
        case "n-get":
            await association.n_get(name, "1.2.3.4")
        case "n-action":
            await association.n_action(name, "1.2.3.4", 1, some())
        case "n-delete":
            await association.n_delete(name, "1.2.3.4")


CONTEXTS = {
    "echo": "verification",
    "store": "CTImageStorage",
    "find": "study-root-find",
    "get": "study-root-get",
    "move": "study-root-move",
    **N_CLASSES,
}


def performing(called: list[str], **options: Any) -> Server:
    """A server whose handlers note that they were called."""
    server = local(**options)

    def handler(verb: str) -> Any:
        async def note(request: Any) -> Any:
            called.append(verb)
            if verb == "store":
                await request.discard()
            return [] if verb in ("find", "get", "move") else some() if verb == "n-get" else 0

        return note

    for verb, name in CONTEXTS.items():
        server.handle(verb, handler(verb), *([name] if verb in N_CLASSES else []))
    return server


@pytest.mark.parametrize("granted", [*CONTEXTS, "n", ""])
@pytest.mark.parametrize("verb", CONTEXTS)
async def test_only_what_is_permitted_reaches_a_handler(
    verb: str, granted: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Every operation against every permission: the others' contexts are refused, or their requests, in one line."""
    called: list[str] = []
    seen: list[Observed] = []
    server = performing(called, verbs={"*": [granted] if granted else []}, peers={"WS1": "127.0.0.1:9"})
    server.observe(seen.append)
    may = verb == granted or (granted == "n" and verb.startswith("n-"))
    async with server:
        error = None
        try:
            async with calling(server, CONTEXTS[verb]) as association:
                await ask(association, verb)
        except (ContextRefused, StatusError) as refused:
            error = refused
        await until(lambda: len(seen) > 1)
    assert (error is None) == may
    assert getattr(error, "status", 0x0124) == 0x0124
    assert called == ([verb] if may else [])
    told = [line for line in warnings(caplog) if "is not authorized for" in line]
    denied = [event for event in seen if isinstance(event, Denied)]
    assert len(told) == len(denied) == (0 if may else 1)
    if not may:
        assert told[0].endswith(f"@127.0.0.1 -> {TITLE} is not authorized for {', '.join(denied[0].verbs)}")
        assert verb in denied[0].verbs
        assert not set(denied[0].verbs) & set(N_SERVICES if granted == "n" else [granted])


async def test_permissions_and_certificates_are_those_of_the_title_that_is_called() -> None:
    """`Server.ae` has its own rules, and the server's where it has none."""
    server = local(verbs={"CT1": ["echo"]}, certificates={"MR1": "CN=mr1"})
    other = server.ae("OTHER", verbs={"CT1": ["store"]}, certificates={"CT1": "CN=ct1"})
    same = server.ae("SAME")
    assert server.rules.allowed("CT1") == same.rules.allowed("CT1") == {Verb.ECHO}
    assert other.rules.allowed("CT1") == {Verb.STORE}
    assert same.rules.asks_for_certificate("MR1")
    assert not same.rules.asks_for_certificate("CT1")
    assert other.rules.asks_for_certificate("CT1")
    assert not other.rules.asks_for_certificate("MR1")


async def test_a_title_has_so_many_associations(caplog: pytest.LogCaptureFixture) -> None:
    """One more is refused for the moment (2/3/2); other titles are not, and who is gone makes room."""
    seen: list[Observed] = []
    server = local(limits=Limits(associations_per_ae=2))
    server.observe(seen.append)

    async def refused(titles: Iterable[str]) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = []
        for title in titles:
            try:
                await (await calling(server, aet=title)).release()
            except AssociationRejected as error:
                found.append((title, error.result, error.source, error.reason))
        return found

    async with server:
        first, second = await calling(server, aet="CT1"), await calling(server, aet="CT1")
        assert await refused(["CT1", "MR1", "CT1"]) == [("CT1", 2, 3, 2)] * 2
        await first.release()
        await until(lambda: len(server._site.running.callers._titles) == 1)
        assert await refused(["CT1"]) == []
        second.abort()
        await until(lambda: not server._site.running.callers._titles)
    assert [line.partition(" ")[2] for line in warnings(caplog)] == [
        f"CT1@127.0.0.1 -> {TITLE}: that title has 2 associations, which is the limit"
    ] * 2
    assert [event.cause for event in seen if isinstance(event, Rejected)] == [Cause.LIMIT] * 2


async def test_who_is_refused_before_he_says_anything_is_observed_too(
    owned: dict[str, Own], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A handshake that fails, more connections than are heard at all, and those that are heard and refused."""
    seen: list[Observed] = []
    server = local(tls=secure(owned, tmp_path, VerifyMode.REQUIRED))
    server.observe(seen.append)
    async with server:
        with suppress(AssociationError):
            await calling(server, tls=TlsConfig(ca_file=owned["server"].path))
        await until(lambda: seen)
    (event,) = (one for one in seen if isinstance(one, ConnectionRefused))
    assert (event.cause, event.calling_ae, (event.peer_address or ("", 0))[0]) == (Cause.TLS, "", "127.0.0.1")
    assert event.detail in warnings(caplog)[0]

    seen.clear()
    crowded = local(limits=Limits(associations=0))
    crowded.observe(seen.append)
    async with crowded:
        with suppress(DicomNetError):
            await calling(crowded)
        await until(lambda: seen)
    assert [(type(one), one.cause) for one in seen] == [(ConnectionRefused, Cause.LIMIT)]  # type: ignore[attr-defined]

    seen.clear()
    full = local(limits=Limits(associations_per_address=0))
    full.observe(seen.append)
    async with full:
        with pytest.raises(AssociationRejected):
            await calling(full)
        await until(lambda: seen)
    (rejected,) = seen
    assert isinstance(rejected, Rejected)
    assert (rejected.cause, rejected.calling_ae, rejected.reason) == (Cause.LIMIT, "ME", 2)
