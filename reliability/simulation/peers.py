"""Who calls the node. Each is a core of its own with a small shell, and none of them knows more than the wire tells."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from random import Random
from typing import Any

from dicomnet.dimse.commands import CEchoRequest, CStoreRequest, CStoreResponse
from dicomnet.dimse.endpoint import Endpoint
from dicomnet.dimse.events import DataReceived, MessageBegun
from dicomnet.errors import StateError
from dicomnet.limits import KIB
from dicomnet.pdu import AssociateRequest, AsynchronousWindow, ProposedContext, UserInformation
from dicomnet.types import UID
from dicomnet.ul.connection import CLOSE, SEND_EOF
from dicomnet.ul.events import AssociateAccepted, Event
from reliability import streams
from reliability.simulation.loop import SimLoop
from reliability.simulation.network import Connection, Network

VERIFICATION = UID("1.2.840.10008.1.1")
CT_IMAGE_STORAGE = UID("1.2.840.10008.5.1.4.1.1.2")
IMPLICIT_LE = UID("1.2.840.10008.1.2")
EXPLICIT_LE = UID("1.2.840.10008.1.2.1")
ECHO, CT = 1, 3


class Caller:
    """Somebody who connects at a moment. Subclasses say what follows.

    Args:
        number: tells callers apart, and is the end of its address.
    """

    must_finish = False
    """Whether the node owes it that it comes to its end, once there are no more faults."""

    def __init__(self, world: Surroundings, number: int, random: Random) -> None:
        self.world = world
        self.name = f"{type(self).__name__.lower()} {number}"
        self.host = f"198.51.100.{number}"
        self.random = random
        self.finished = False
        self.connection: Connection | None = None

    def start(self, seconds: float) -> None:
        """Connects after so many seconds."""
        self.world.loop.call_later(seconds, self._connect)

    def tell(self, what: str) -> None:
        """Says what happens to it."""
        self.world.tell(self.name, what)

    def _connect(self) -> None:
        self.connection = self.world.network.connect(
            self.host, latency=self.random.choice((0.0, 0.001, 0.05)), cuts=self.random.random() < 0.5
        )
        if self.connection is None:
            self.tell("finds nobody")
            self.gone()
            return
        self.tell("connects")
        self.connection.back.on_data = self.read
        self.connection.there.on_room = self.write
        self.begin()

    def begin(self) -> None:
        """The connection is up."""

    def read(self) -> None:
        """Something has arrived."""
        assert self.connection is not None
        try:
            while self.connection.back.read(4 * KIB):
                pass
        except BlockingIOError:
            return
        except ConnectionResetError:
            pass
        self.connection.there.end()
        self.gone()

    def write(self) -> None:
        """There is room to write."""

    def gone(self) -> None:
        """The connection is over."""
        self.finished = True


class Surroundings:
    """What a caller sees of the world."""

    loop: SimLoop
    network: Network
    faults = True
    """Whether anything still goes wrong on purpose."""

    def tell(self, who: str, what: str) -> None:
        raise NotImplementedError


class Stranger(Caller):
    """Says something that is no DICOM, or nothing, and leaves or waits."""

    def begin(self) -> None:
        assert self.connection is not None
        said = self.random.choice(_STRANGE)
        self.tell(f"says {said[:8]!r}")
        if said:
            self.connection.there.write(said)
        if self.random.random() < 0.5:
            self.connection.there.end()


class Honest(Caller):
    """Stores what it has and comes again until all of it is acknowledged.

    Args:
        instances: SOP instance UIDs and data sets.
    """

    must_finish = True

    def __init__(
        self, world: Surroundings, number: int, random: Random, instances: Sequence[tuple[UID, bytes]]
    ) -> None:
        super().__init__(world, number, random)
        self.instances = dict(instances)
        self.acknowledged: set[UID] = set()
        self.attempts = 0
        self.took = 0.0
        """Seconds from connecting to the end, the last time."""
        self.endpoint: Endpoint | None = None
        self._asked: dict[int, UID] = {}
        self._items: deque[Any] = deque()
        self._timer: Any = None
        self._closed = False
        self._heard_all = False
        self._began = 0.0

    def begin(self) -> None:
        self.attempts += 1
        self._began = self._now
        self._closed = self._heard_all = False
        self._items.clear()
        self._asked.clear()
        self.endpoint = Endpoint(requestor=True)
        self.endpoint.connected(self._now)
        self.endpoint.associate(_request(self.random), self._now)
        self.write()

    def read(self) -> None:
        connection, endpoint = self.connection, self.endpoint
        assert connection is not None
        assert endpoint is not None
        while not self._closed and not self._heard_all:
            try:
                data = connection.back.read(self.random.choice((7, 1000, 8 * KIB)))
            except BlockingIOError:
                break
            except ConnectionResetError:
                data = b""
            self._heard_all = not data
            self._hear(endpoint.receive(data, self._now))
        self.write()

    def write(self) -> None:
        """Writes what the core has, as far as there is room."""
        connection, endpoint = self.connection, self.endpoint
        if connection is None or endpoint is None or self._closed:
            return
        while True:
            if not self._items:
                self._items.extend(self.changed(items) if (items := endpoint.data_to_send()) else ())
            if not self._items:
                break
            item = self._items[0]
            if item is CLOSE:
                self._end()
                return
            if item is SEND_EOF:
                connection.there.end()
                self._items.popleft()
                continue
            size = self.portion(connection.there.room)
            if size <= 0 and not connection.there.broken:
                break
            piece, rest = item[:size], item[size:]
            if not connection.there.ended:
                connection.there.write(piece)
            endpoint.sent(len(piece), self._now)
            if rest and not connection.there.broken:
                self._items[0] = rest
            else:
                self._items.popleft()
        self._arm()

    def portion(self, room: int) -> int:
        """How much it writes now, at most."""
        return room

    def changed(self, items: list[Any]) -> list[Any]:
        """What it writes instead of what would be right."""
        return items

    def gone(self) -> None:
        """Comes again if it has to."""
        self.took = self._now - self._began
        self.finished = self.acknowledged >= self.instances.keys()
        if not self.finished:
            self.world.loop.call_later(self.random.uniform(0.5, 5), self._connect)

    @property
    def _now(self) -> float:
        return self.world.loop.now

    def _hear(self, events: list[Event]) -> None:
        endpoint = self.endpoint
        assert endpoint is not None
        for event in events:
            if isinstance(event, AssociateAccepted):
                self.ask(endpoint)
            elif isinstance(event, MessageBegun) and isinstance(event.command, CStoreResponse):
                self._answered(event.command)
            elif not isinstance(event, DataReceived | MessageBegun):
                self.tell(type(event).__name__)

    def ask(self, endpoint: Endpoint) -> None:
        """The association stands."""
        endpoint.send(ECHO, CEchoRequest(message_id=1, affected_sop_class_uid=VERIFICATION), self._now)
        missing = [uid for uid in self.instances if uid not in self.acknowledged]
        for message_id, uid in enumerate(missing, 2):
            self._asked[message_id] = uid
            command = CStoreRequest(
                message_id=message_id,
                affected_sop_class_uid=CT_IMAGE_STORAGE,
                affected_sop_instance_uid=uid,
                priority=0,
            )
            endpoint.send(CT, command, self._now, self.instances[uid])
        endpoint.release(self._now)

    def _answered(self, response: CStoreResponse) -> None:
        uid = self._asked.get(response.message_id_being_responded_to or 0)
        assert uid is not None
        self.tell(f"{uid}: {response.status:04X}")
        if not response.status.is_failure:
            self.acknowledged.add(uid)

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        deadline = self.endpoint.deadline if self.endpoint is not None and not self._closed else None
        if deadline is not None:
            self._timer = self.world.loop.call_at(deadline, self._due)

    def _due(self) -> None:
        self._timer = None
        if self.endpoint is not None and not self._closed:
            self._hear(self.endpoint.handle_deadline(self._now))
            self.write()

    def _end(self) -> None:
        """Our end of the connection is closed."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        assert self.connection is not None
        self.connection.there.end()
        if self.connection.back.unread:
            self.connection.there.cut_off()
        self.connection.back.cut_off()
        self.gone()


class Slow(Honest):
    """Writes little at a time, and then waits."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._pause = self.random.uniform(0.01, 2.0)
        self._next = 0.0

    def portion(self, room: int) -> int:
        if self._now < self._next:
            return 0
        self._next = self._now + self._pause
        self.world.loop.call_at(self._next, self.write)
        return min(room, self.random.randint(200, 4000))


class Unlucky(Honest):
    """Its connections break or fall silent."""

    def begin(self) -> None:
        self._left = self.random.randint(0, 30_000) if self.world.faults else 1 << 40
        self._silent = self.random.random() < 0.5
        super().begin()

    def portion(self, room: int) -> int:
        if self._left <= 0:
            assert self.connection is not None
            if self._silent:
                self.connection.fall_silent()
            else:
                self.connection.reset()
            self._left = 1 << 40
        size = min(room, max(self._left, 0))
        self._left -= size
        return size


class Hasty(Honest):
    """Aborts, or closes, in the middle; the next time it stays, or not."""

    def ask(self, endpoint: Endpoint) -> None:
        super().ask(endpoint)
        if self.world.faults and self.random.random() < 0.7:
            self.world.loop.call_later(self.random.uniform(0, 0.3), self._leave)

    def _leave(self) -> None:
        if self.endpoint is not None and not self._closed:
            self.tell("leaves")
            if self.random.random() < 0.5:
                self.endpoint.abort(self._now)
            else:
                self.endpoint.close()
            self._items.clear()
            self.write()


class Hostile(Honest):
    """Changes one of a few PDUs that it sends; nothing is owed to it."""

    must_finish = False

    def begin(self) -> None:
        self._one_in = self.random.choice((2, 5, 12))
        super().begin()

    def changed(self, items: list[Any]) -> list[Any]:
        found: list[Any] = []
        for item in items:
            if isinstance(item, bytes) and self.random.randrange(self._one_in) == 0:
                pdus = streams.split(item)
                streams.mutate(self.random, pdus)
                item = b"".join(pdus)
            found.append(item)
        return [item for item in found if item != b""]

    def _hear(self, events: list[Event]) -> None:
        try:
            super()._hear(events)
        except (AssertionError, StateError):  # it did not ask for what is answered, or was not given what it asked for
            self.tell("is confused")

    def gone(self) -> None:
        self.finished = True


class Mute(Honest):
    """Asks, and never reads an answer."""

    must_finish = False

    def read(self) -> None:
        assert self.connection is not None
        assert self.endpoint is not None
        if not self._asked:
            super().read()
        elif self.connection.back.broken or self.connection.there.broken:
            self._end()

    def ask(self, endpoint: Endpoint) -> None:
        super().ask(endpoint)
        self._asked[0] = UID("0")
        command = CEchoRequest(message_id=60_000, affected_sop_class_uid=VERIFICATION)
        encoded = streams.message(ECHO, command)
        self._items.extend([encoded.replace(b"\x60\xea", number.to_bytes(2, "little")) for number in range(2, 2000)])

    def gone(self) -> None:
        self.finished = True


class Idle(Honest):
    """Has an association and makes no use of it."""

    must_finish = False

    def ask(self, endpoint: Endpoint) -> None:
        self.tell("idles")

    def gone(self) -> None:
        self.finished = True


def data_set(random: Random, uid: UID) -> bytes:
    """An instance of its own, of up to 40 KiB."""
    head = _element(0x0016, CT_IMAGE_STORAGE) + _element(0x0018, uid)
    pixels = random.randbytes(2 * random.choice((0, 1, 100, 4000, 20_000)))
    return head + b"\xe0\x7f\x10\x00OW\0\0" + len(pixels).to_bytes(4, "little") + pixels


def _element(number: int, uid: str) -> bytes:
    value = uid.encode() + b"\0" * (len(uid) % 2)
    return b"\x08\0" + number.to_bytes(2, "little") + b"UI" + len(value).to_bytes(2, "little") + value


def _request(random: Random) -> AssociateRequest:
    window = random.choice((None, None, 2, 16))
    return AssociateRequest(
        called_ae="NODE",
        calling_ae="CALLER",
        contexts=(
            ProposedContext(ECHO, VERIFICATION, (IMPLICIT_LE,)),
            ProposedContext(CT, CT_IMAGE_STORAGE, (EXPLICIT_LE,)),
        ),
        user_information=UserInformation(
            max_pdu_length=random.choice((0, 4096, 16 * KIB)),
            implementation_class_uid=UID("1.2.3.4"),
            asynchronous_window=None if window is None else AsynchronousWindow(window, 1),
        ),
    )


_STRANGE = (
    b"",
    b"\x16\x03\x01\x02\x00",
    b"GET / HTTP/1.1\r\n\r\n",
    b"\1\0\0\0",
    b"\1\0\0\0\1\0\0\1",
    b"\4\0\0\0\0\4\0\0\0\0",
    b"\7\0\0\0\0\4\0\0\0\0",
    bytes(100),
)
