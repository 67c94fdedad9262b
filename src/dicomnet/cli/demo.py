"""`dicomnet demo`: an SCU and an SCP in one process, and what passes between them.

Both are plain `DicomNet` objects; what they do to tell their story is call
`Story.send` before each `send_...` and `Story.fire` in each callback.
"""

from __future__ import annotations

import errno
import signal
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import click

from dicomnet.cli._certificate import self_signed
from dicomnet.cli.diagram import Diagram, Kind, Line, Side
from dicomnet.cli.digest import data_set_digest
from dicomnet.cli.wording import size
from dicomnet.dimse.commands import CEchoRequest, CEchoResponse, CStoreRequest, CStoreResponse
from dicomnet.dimse.status import Status
from dicomnet.errors import (
    AssociationAborted,
    ConnectionLost,
    DicomNetError,
    DicomTimeout,
    RejectReason,
    RejectResult,
    describe_reject,
)
from dicomnet.net import Associate, DicomNet, Message, runtime
from dicomnet.part10 import file_header
from dicomnet.records import dataclass
from dicomnet.storage.folder import Folder
from dicomnet.storage.source import InstanceFile
from dicomnet.types import UID
from dicomnet.uids import (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
    Verification,
)

if TYPE_CHECKING:
    from rich.console import Console

    from dicomnet.tls import TlsConfig

SCU, SCP = Side.SCU, Side.SCP


class Ending(Enum):
    """How the association ends."""

    RELEASE = "release"
    REJECT = "reject"
    ABORT = "abort"


@dataclass(frozen=True, slots=True)
class Sample:
    """An instance to send, and what to call it."""

    file: InstanceFile
    caption: str

    @property
    def kind(self) -> tuple[str, str]:
        return self.file.sop_class_uid, self.file.transfer_syntax_uid


def run(*, use_tls: bool, ending: Ending) -> None:
    """Plays one association through and checks what came of it.

    Raises:
        ClickException: it did not end as it should.
    """
    try:
        with _temporary_folder() as folder:
            _tell(Story(), folder, ending, use_tls=use_tls)
    except DicomNetError as error:
        raise click.ClickException(f"the demonstration failed: {error}") from error
    except OSError as error:
        where = f"; it needs {size(2 * LARGE)} in {tempfile.gettempdir()}" if error.errno == errno.ENOSPC else ""
        raise click.ClickException(f"the demonstration failed: {error.strerror or error}{where}") from error


@contextmanager
def _temporary_folder() -> Iterator[Path]:
    folder = tempfile.TemporaryDirectory(prefix="dicomnet-demo-")
    try:
        yield Path(folder.name)
    finally:  # an impatient second Ctrl-C must not leave half of it behind
        before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            folder.cleanup()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _tell(story: Story, folder: Path, ending: Ending, *, use_tls: bool) -> None:
    samples = _samples(folder)
    scu_tls, scp_tls = _tls(folder) if use_tls else (None, None)
    incoming = Folder(folder / "received", durable=False)
    with runtime(), Listener(story, incoming, ending, scp_tls) as scp, Scu(story, scu_tls) as scu:
        try:
            seconds = _play(story, scp, scu, samples, ending)
        finally:
            story.mark(OVER)
    kept = sorted(incoming.root.iterdir())
    if ending is Ending.REJECT:
        story.say(f"\nNothing was sent, because the SCP rejected the association:\n{story.rejection}.")
    elif ending is Ending.ABORT:
        if len(kept) != 1:
            raise click.ClickException(f"of 1 whole data set and the beginning of another, {len(kept)} were kept")
        story.say("\nThe whole data set was kept;\nof the other, aborted in the middle, nothing was left behind.")
    else:
        _check(samples, story.received, kept)
        _conclude(story, samples, seconds)


def _play(story: Story, scp: Listener, scu: Scu, samples: Sequence[Sample], ending: Ending) -> float:
    """The SCU's part. Returns the seconds that the data sets took."""
    _, port = scp.listen("127.0.0.1", 0)
    story.begin(f"Both sides in this process; the SCP listens on 127.0.0.1:{port}.")
    story.send(SCU, "connect")
    scu.connect("127.0.0.1", port)
    story.await_event(SCU, "on_connect")
    story.banner(CONNECTED)
    if scu.tls is not None:
        story.await_event(SCP, "on_secure_link_ready")
        story.await_event(SCU, "on_secure_link_ready")
    scu.ask_for_association("NOBODY" if ending is Ending.REJECT else TITLE, samples)
    if ending is Ending.REJECT:
        story.await_event(SCU, "on_receive_associate_reject")
        story.await_event(SCP, "on_close")
        return 0.0
    story.await_event(SCU, "on_receive_associate_accept")
    story.banner("association established")
    scu.echo()
    story.await_event(SCU, "on_receive_c_echo_response")
    begun = perf_counter()
    if ending is Ending.ABORT:
        samples = (samples[0], samples[-1])
    for sample in samples:
        scu.store(sample)
        if ending is Ending.ABORT and sample is samples[-1]:
            story.await_event(SCP, "destination")
            scu.abort()
            story.await_event(SCP, "on_receive_abort")
            break
        story.await_event(SCU, "on_receive_c_store_response")
    seconds = perf_counter() - begun
    if ending is Ending.RELEASE:
        scu.release()
        story.await_event(SCU, "on_receive_release_response")
    story.await_event(SCP, "on_close")
    return seconds


class Scu(DicomNet):
    """Asks; `_play` says when."""

    def __init__(self, story: Story, tls: TlsConfig | None) -> None:
        super().__init__(tls=tls)
        self._story = story
        self._has_aborted = False

    def ask_for_association(self, called_ae: str, samples: Sequence[Sample]) -> None:
        associate = Associate.request(calling_ae="DEMO-SCU", called_ae=called_ae)
        associate.add(Verification, ImplicitVRLittleEndian)
        for sop_class, transfer_syntax in dict.fromkeys(sample.kind for sample in samples):
            associate.add(sop_class, transfer_syntax)
        self._story.send(SCU, f"A-ASSOCIATE-RQ  {len(associate.contexts)} presentation contexts")
        self.send_associate_request(associate)

    def echo(self) -> None:
        self._story.send(SCU, "C-ECHO-RQ")
        self.send_c_echo_request()

    def store(self, sample: Sample) -> None:
        self._story.send(SCU, f"C-STORE-RQ {size(sample.file.data_length)}  {sample.caption}")
        accepted = self.association.contexts if self.association else []
        context = next(c for c in accepted if (c.abstract_syntax, c.transfer_syntax) == sample.kind)
        self.send_c_store_request(sample.file.path, context_id=context.context_id)

    def release(self) -> None:
        self._story.send(SCU, "A-RELEASE-RQ")
        self.send_release_request()

    def abort(self) -> None:
        self._story.send(SCU, "A-ABORT")
        self._has_aborted = True
        self.send_abort()
        self._story.mark(ABORT_SENT)

    def on_connect(self, error: Exception | None) -> None:
        if error is None:  # both sides hear of it at the same moment; the SCP's line comes first
            self._story.after("on_accept")
        self._story.fire(SCU, "on_connect", error=error)

    def on_secure_link_ready(self, error: Exception | None) -> None:
        self._story.after(CONNECTED)
        self._story.fire(SCU, "on_secure_link_ready", _cipher(self), error=error)

    def on_receive_associate_accept(self, associate: Associate) -> None:
        accepted = sum(context.is_accepted for context in associate.contexts)
        self._story.fire(SCU, "on_receive_associate_accept", f"{accepted} of {len(associate.contexts)} contexts")

    def on_receive_associate_reject(self, result: int, source: int, reason: int) -> None:
        self._story.fire(SCU, "on_receive_associate_reject", f"({result}, {source}, {reason})")
        self._story.rejection = describe_reject(source, reason)

    def on_receive_c_echo_response(self, message: Message[CEchoResponse]) -> None:  # noqa: ARG002
        self._story.fire(SCU, "on_receive_c_echo_response")

    def on_receive_c_store_response(self, message: Message[CStoreResponse]) -> None:
        error = None if message.status.is_success else DicomNetError(f"a data set was answered with {message.status!s}")
        self._story.fire(SCU, "on_receive_c_store_response", error=error)

    def on_receive_release_response(self) -> None:
        self._story.fire(SCU, "on_receive_release_response")

    def on_receive_abort(self, source: int, reason: int) -> None:
        self._story.fail(AssociationAborted(source, reason))

    def on_close(self, error: Exception | None, net: DicomNet) -> None:  # noqa: ARG002
        if not self._has_aborted:  # PS3.8 9.2: who receives an abort closes the connection
            self._story.fail(error or ConnectionLost())


class Listener(DicomNet):
    """Waits for the SCU; what serves it is an `Scp`."""

    def __init__(self, story: Story, incoming: Folder, ending: Ending, tls: TlsConfig | None) -> None:
        super().__init__(tls=tls)
        self._story = story
        self._incoming = incoming
        self._ending = ending

    def on_accept(self, error: Exception | None) -> None:
        scp = self.accept(Scp(self._story, self._incoming, self._ending, self.tls))
        self._story.fire(SCP, "on_accept", f"{scp.peer_address}:{scp.peer_port}", error=error)


class Scp(DicomNet):
    """Answers."""

    def __init__(self, story: Story, incoming: Folder, ending: Ending, tls: TlsConfig | None) -> None:
        super().__init__(tls=tls, destination=self._choose if ending is Ending.ABORT else incoming)
        self._story = story
        self._incoming = incoming

    def on_secure_link_ready(self, error: Exception | None) -> None:
        self._story.after(CONNECTED)
        self._story.fire(SCP, "on_secure_link_ready", _cipher(self), error=error)

    def on_receive_associate_request(self, associate: Associate) -> None:
        self._story.fire(SCP, "on_receive_associate_request", f"{associate.calling_ae} calls {associate.called_ae}")
        if associate.called_ae != TITLE:
            reason = RejectReason.CALLED_AE_TITLE_NOT_RECOGNIZED
            self._story.send(SCP, f"A-ASSOCIATE-RJ  {RejectResult.PERMANENT}/{reason.source}/{reason.reason}")
            self.send_associate_reject(RejectResult.PERMANENT, reason.source, reason.reason)
        else:
            self._story.send(SCP, "A-ASSOCIATE-AC")
            self.send_associate_accept(associate.accept_all())

    def on_receive_c_echo_request(self, message: Message[CEchoRequest]) -> None:
        self._story.fire(SCP, "on_receive_c_echo_request")
        self._story.send(SCP, f"C-ECHO-RSP {Status.SUCCESS:04X}")
        self.send_c_echo_response(message, Status.SUCCESS)

    def on_receive_c_store_request(self, message: Message[CStoreRequest]) -> None:
        self._story.fire(SCP, "on_receive_c_store_request")
        if message.data is not None and message.data.path is not None:
            self._story.received[message.affected_sop_instance_uid] = message.data.path
        self._story.send(SCP, f"C-STORE-RSP {Status.SUCCESS:04X}")
        self.send_c_store_response(message, Status.SUCCESS)

    def on_receive_failed(self, message: Message[Any], error: Exception) -> None:  # noqa: ARG002
        self._story.fail(error)

    def on_receive_release_request(self) -> None:
        self._story.fire(SCP, "on_receive_release_request")
        self._story.send(SCP, "A-RELEASE-RP")
        self.send_release_response()

    def on_receive_abort(self, source: int, reason: int) -> None:
        self._story.fire(SCP, "on_receive_abort", f"({source}, {reason})")

    def on_close(self, error: Exception | None, net: DicomNet) -> None:  # noqa: ARG002
        # The SCU, which has closed the connection, may still be about to hear what led to it.
        self._story.after("on_receive_release_response", "on_receive_associate_reject", ABORT_SENT)
        self._story.fire(SCP, "on_close")

    def _choose(self, command: CStoreRequest) -> Folder:
        """Asked before the data of each instance; holds the large one until the SCU has aborted."""
        if command.affected_sop_instance_uid == LARGE_INSTANCE:
            self._story.fire(SCP, "destination", "asked where to keep it, before the data come")
            self._story.after(ABORT_SENT)
        return self._incoming


class Story:
    """What happened on both sides, told as it happens: a line at a time, whichever thread it comes from."""

    def __init__(self) -> None:
        self._console = _console()
        self._is_heard = True
        encoding = sys.stdout.encoding or "ascii"
        width = max(NARROWEST, min(WIDEST, self._console.width))
        self._diagram = Diagram(width, ascii_only=not _can_draw(encoding))
        self._news = threading.Condition()
        self._fired: Counter[tuple[Side, str]] = Counter()
        self._marks: set[str] = set()
        self._error: Exception | None = None
        self._began = perf_counter()
        self.received: dict[str, Path] = {}
        """The file of each instance that was kept."""
        self.rejection = ""
        """What the numbers of an A-ASSOCIATE-RJ meant."""

    def begin(self, text: str) -> None:
        """The heading; times count from here."""
        self.say(f"{text}\n")
        with self._news:
            self._began = perf_counter()
            self._draw(self._diagram.head())

    def send(self, sender: Side, name: str) -> None:
        """A message is about to be sent; told before, since what it leads to may be there at once."""
        with self._news:
            self._draw(self._diagram.message(self._seconds(), sender, name))

    def fire(self, side: Side, event: str, detail: str = "", *, error: Exception | None = None) -> None:
        """An event fired; one that brings an error is the end of the story."""
        if error is not None:
            self.fail(error)
            return
        with self._news:
            self._draw(self._diagram.event(self._seconds(), side, f"{event}  {detail}" if detail else event))
            self._fired[side, event] += 1
            self.mark(event)

    def banner(self, text: str) -> None:
        """How things stand from here on."""
        with self._news:
            self._draw(self._diagram.banner(self._seconds(), text))
            self.mark(text)

    def mark(self, name: str) -> None:
        """A point was reached that others may stand `after`."""
        with self._news:
            self._marks.add(name)
            self._news.notify_all()

    def after(self, *names: str) -> None:
        """Waits until one of these points is reached, or the story over: for lines of two threads to stand in order."""
        with self._news:
            self._news.wait_for(lambda: self._error is not None or self._marks & {*names, OVER}, PATIENCE)

    def fail(self, error: Exception) -> None:
        """What should not have happened; whoever waits hears of it."""
        with self._news:
            self._error = self._error or error
            self._news.notify_all()

    def await_event(self, side: Side, event: str) -> None:
        """Waits until an event has fired once more than was waited for.

        Raises:
            DicomNetError: something else happened, or nothing.
        """
        with self._news:
            if not self._news.wait_for(lambda: self._fired[side, event] or self._error is not None, PATIENCE):
                raise DicomTimeout(f"{event} of the {side.value}", PATIENCE)
            if not self._fired[side, event]:
                assert self._error is not None
                raise DicomNetError(str(self._error)) from self._error
            self._fired[side, event] -= 1

    def say(self, text: str) -> None:
        """Prose around the drawing."""
        self._print(text)

    def _seconds(self) -> float:
        return perf_counter() - self._began

    def _draw(self, line: Line) -> None:
        self._print(line.text, _STYLES[line.kind])

    def _print(self, text: str, style: str | None = None) -> None:
        if self._is_heard:
            try:
                self._console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)
                self._console.file.flush()
            except (BrokenPipeError, SystemExit):  # the latter is how rich says the former; the play goes on unheard
                self._is_heard = False


def _console() -> Console:
    from rich.console import Console

    return Console()


def _can_draw(encoding: str) -> bool:
    try:
        "─│▶◀═╞╡…".encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _cipher(net: DicomNet) -> str:
    cipher = net.cipher
    return "" if cipher is None else f"{cipher.protocol} {cipher.name}"


def _tls(folder: Path) -> tuple[TlsConfig, TlsConfig]:
    """Settings of both sides; the SCU trusts the certificate that the SCP has."""
    from dicomnet.tls import TlsConfig

    certificate, key = self_signed(folder)
    return TlsConfig(ca_file=certificate), TlsConfig(certificate=certificate, private_key=key)


# What is sent.


def _samples(folder: Path) -> tuple[Sample, ...]:
    """Instances that pydicom brings along, and a large one made here; the large one comes last."""
    from pydicom import data

    samples = []
    for file_name, caption in FROM_PYDICOM.items():
        path = data.get_testdata_file(file_name, download=False)
        if path is not None:  # another version of pydicom may have other files
            samples.append(Sample(InstanceFile.open(str(path)), caption))
    large = folder / "large.dcm"
    _write_large(large)
    samples.append(Sample(InstanceFile.open(large), "SC, 256 frames, explicit VR"))
    return tuple(samples)


def _write_large(path: Path) -> None:
    """A multi-frame secondary capture of 64 MiB of pixels: a pattern that moves from frame to frame."""
    sop_class, syntax = MultiFrameGrayscaleByteSecondaryCaptureImageStorage, ExplicitVRLittleEndian
    with path.open("wb") as file:
        file.write(file_header(sop_class_uid=sop_class, sop_instance_uid=LARGE_INSTANCE, transfer_syntax_uid=syntax))
        for element in _large_elements(sop_class):
            file.write(element)
        ramp = bytes(range(256)) * (COLUMNS // 256 + 1)
        sheet = memoryview(b"".join(ramp[row % 256 :][:COLUMNS] for row in range(ROWS + 256)))
        for frame in range(FRAMES):
            first = frame % 256 * COLUMNS
            file.write(sheet[first : first + ROWS * COLUMNS])


def _large_elements(sop_class: str) -> Iterator[bytes]:
    """All of the data set but its pixels, in order of the tags, explicit VR little endian (PS3.5 7.1.2)."""
    yield _element(0x0008, 0x0016, b"UI", sop_class)
    yield _element(0x0008, 0x0018, b"UI", LARGE_INSTANCE)
    yield _element(0x0008, 0x0020, b"DA", "")
    yield _element(0x0008, 0x0060, b"CS", "OT")
    yield _element(0x0008, 0x0064, b"CS", "SYN")
    yield _element(0x0010, 0x0010, b"PN", "Demonstration^Moving")
    yield _element(0x0010, 0x0020, b"LO", "DEMO")
    yield _element(0x0020, 0x000D, b"UI", f"{LARGE_INSTANCE}.1")
    yield _element(0x0020, 0x000E, b"UI", f"{LARGE_INSTANCE}.2")
    yield _element(0x0028, 0x0002, b"US", 1)
    yield _element(0x0028, 0x0004, b"CS", "MONOCHROME2")
    yield _element(0x0028, 0x0008, b"IS", str(FRAMES))
    yield _element(0x0028, 0x0010, b"US", ROWS)
    yield _element(0x0028, 0x0011, b"US", COLUMNS)
    yield _element(0x0028, 0x0100, b"US", 8)
    yield _element(0x0028, 0x0101, b"US", 8)
    yield _element(0x0028, 0x0102, b"US", 7)
    yield _element(0x0028, 0x0103, b"US", 0)
    tag = (0x7FE0).to_bytes(2, "little") + (0x0010).to_bytes(2, "little")
    yield tag + b"OB\0\0" + LARGE.to_bytes(4, "little")


def _element(group: int, number: int, vr: bytes, value: str | int) -> bytes:
    data = value.to_bytes(2, "little") if isinstance(value, int) else value.encode("ascii")
    if len(data) % 2:
        data += b"\0" if vr == b"UI" else b" "
    tag = group.to_bytes(2, "little") + number.to_bytes(2, "little")
    return tag + vr + len(data).to_bytes(2, "little") + data


# What arrived.


def _check(samples: Sequence[Sample], received: dict[str, Path], kept: Sequence[Path]) -> None:
    """Compares every data set that was sent with the file it became.

    Raises:
        ClickException: one is missing or different, or there are others.
    """
    for sample in samples:
        sent = sample.file
        path = received.get(sent.sop_instance_uid)
        if path is None:
            raise click.ClickException(f"{sent.path.name} did not arrive")
        arrived = InstanceFile.open(path)
        if (arrived.sop_class_uid, arrived.sop_instance_uid) != (sent.sop_class_uid, sent.sop_instance_uid):
            raise click.ClickException(f"{sent.path.name} arrived as another instance")
        if arrived.transfer_syntax_uid != sent.transfer_syntax_uid:
            raise click.ClickException(f"{sent.path.name} arrived in another transfer syntax")
        if data_set_digest(arrived) != data_set_digest(sent):
            raise click.ClickException(f"{sent.path.name} is not what it was: its bytes differ")
    if len(kept) != len(samples):
        raise click.ClickException(f"{len(samples)} data sets were sent, {len(kept)} files were kept")


def _conclude(story: Story, samples: Sequence[Sample], seconds: float) -> None:
    total = sum(sample.file.data_length for sample in samples)
    story.say(
        f"\n{len(samples)} data sets, {size(total)}, arrived byte for byte in {seconds:.2f} s: {size(int(total / seconds))}/s."
    )


TITLE = "DEMO-SCP"

FROM_PYDICOM = {
    "CT_small.dcm": "CT, explicit VR",
    "MR_small_implicit.dcm": "MR, implicit VR",
    "examples_ybr_color.dcm": "US, JPEG, multi-frame",
    "examples_jpeg2k.dcm": "US, JPEG 2000",
    "ExplVR_BigEnd.dcm": "US, big endian",
    "SC_rgb_rle_2frame.dcm": "SC, RLE",
    "image_dfl.dcm": "SC, deflated",
    "test-SR.dcm": "SR, explicit VR",
}
"""Whole instances in pydicom's wheel, by the modality and encoding they stand for."""

LARGE_INSTANCE = UID("2.25.303921163428473908216354871290412380457")
ROWS = COLUMNS = 512
FRAMES = 256
LARGE = FRAMES * ROWS * COLUMNS
"""64 MiB of pixels."""

CONNECTED, ABORT_SENT, OVER = "network connection established", "abort sent", "over"
"""Points in the story besides events."""

WIDEST, NARROWEST = 79, 48
"""Columns of the drawing: more would tear the lanes apart, with less the names of events have no room."""

PATIENCE = 30.0
"""Seconds for anything to happen; a slow disk takes some for 64 MiB."""

_STYLES = {Kind.HEAD: "bold", Kind.MESSAGE: "bold cyan", Kind.EVENT: "green", Kind.BANNER: "bold yellow"}
