"""Every limit and every deadline, with its name, its default and the reason for it.

Nothing that a stranger can send makes us hold more, or wait longer, than these say.
"""

from __future__ import annotations

from dicomnet.records import dataclass

KIB = 1024
MIB = 1024 * KIB

SMALLEST_MAX_PDU_LENGTH = 8
"""One PDV header of six bytes and two bytes of data (PS3.8 D.1)."""

MOST_INFLATED = 1024 * MIB
"""A deflated data set is inflated up to here: a stream can claim a thousand times its size, and what is deflated is small."""

RESERVED_SHARE = 0.05
"""Of a disk for instances this stays free: systems log there, databases and who clears up need a little, too."""
RESERVED_BYTES = 2 * 1024 * MIB
"""And no more than this: of a large array a twentieth would be years of somebody's images."""
RESERVED_FILES = 1024
"""The same in files, where a file system can only hold so many."""

OPEN_FOLDERS = 128
"""Folders that a server holds open for paths which its handlers name, the last ones: each is a descriptor, of which a
process has 1,024 on many systems, and a handler may name one for every study."""

AUDIT_QUEUE = 8 * MIB
"""Bytes of audit lines that wait for their disk: ten thousand or so, a minute of small instances. Beyond that they are
counted and lost, for an audit must not stop what it tells of."""

HANDLERS_ASIDE = 1024
"""Handlers in threads that wait for slow peers beside the places there are: what 256 associations can have of them, four
each. Such a thread costs thirty KiB."""
HANDLERS_ASIDE_PER_ADDRESS = 256
"""The same of one address, for 64 associations."""

MOST_NESTED = 64
"""Sequences within each other: far more than any report has, and less than it takes to overwhelm who prints or copies them."""

MOST_ITEMS = 4 * KIB
"""Items of an association PDU, and of its user information: 128 contexts, with roles and negotiation of each, are 500."""

MOST_TRANSFER_SYNTAXES = 512
"""Items of one presentation context: the standard has some sixty syntaxes."""

MOST_COMMAND_ELEMENTS = 1 * KIB
"""Elements of a command set: no message of PS3.7 has thirty."""


@dataclass(frozen=True, slots=True)
class Decoding:
    """How much of a data set is decoded; one with more is refused before an object was made of it."""

    inflated: int
    """Bytes, where it was deflated."""
    elements: int | None
    """Elements and items, those within sequences, too; None is any number."""
    whole: bool = True
    """Whether one that ends in the middle of an element is refused, too."""
    nested: int = MOST_NESTED


IDENTIFIERS = Decoding(inflated=4 * MIB, elements=20_000)
"""Of queries and retrieves, and their answers: a few hundred bytes, and a list of UIDs is one element."""

ATTRIBUTES = Decoding(inflated=16 * MIB, elements=320_000)
"""Of N-services: 100,000 instances to be committed have two elements in an item each."""

INSTANCES = Decoding(inflated=MOST_INFLATED, elements=None, whole=False)
"""What was stored: a multi-frame image has elements for each frame, and whether it is whole was asked when it came."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one side takes from its peer, in bytes unless said otherwise."""

    max_pdu_length: int = 128 * KIB
    """Announced as maximum length received, never 0: larger measured no faster."""
    sent_pdu_length: int = 128 * KIB
    """The largest PDU we send, where the peer takes larger ones or any."""
    received_pdu: int = 16 * MIB
    """A P-DATA-TF above the announced maximum is read up to here: peers count the header differently. Where more was
    announced, or 0, which is no limit, that is kept to."""
    association_pdu: int = 1 * MIB
    """A-ASSOCIATE PDUs are read whole before anybody is known; 128 contexts of 40 syntaxes are a third of this."""
    command_set: int = 1 * MIB
    """A command set is a few hundred bytes; only an attribute identifier list makes it longer."""
    identifier: int = 16 * MIB
    """The data set of a query, a retrieve, an N-ACTION or an N-EVENT-REPORT: a list of UIDs for 100,000 instances."""
    attributes: int = 256 * MIB
    """The same of N-CREATE and N-SET: a film of 35 x 43 cm at 600 dpi, 12 bits a pixel, is two thirds of it."""
    pending_data: int = 64 * KIB
    """Data-set bytes held per association until it is decided where they go; then reading pauses."""
    response_data: int = 64 * MIB
    """The data set of one response, which is held in memory: a match is a few KiB, the answer to an N-GET rarely a MiB."""
    undelivered_messages: int = 16
    """Messages of a DicomNet object whose callbacks have not run yet; then reading pauses."""
    undelivered_bytes: int = 1 * MIB
    """The same in bytes of their data sets that are held in memory."""
    send_queue: int = 64 * MIB
    """Bytes queued on a DicomNet object and not yet sent; a file counts as its path."""
    associations: int = 256
    """Connections of one listener at a time."""
    associations_per_address: int = 64
    """The same from one address: one modality in a loop does not lock out the others."""
    associations_per_ae: int | None = None
    """The same of one calling title, where it is not refused for another reason; each worker process counts its own. None
    is no limit but the others: many devices leave the factory with the same title."""
    bytes_per_second: int | None = None
    """Read from one address, over all its connections; each worker process counts its own. None is as many as come: a
    limit is for lines and disks that others need as well, and what it should be only their owner knows."""
    connections_per_second: float | None = 200.0
    """New connections from one address; more are closed unheard. A modality that opens an association for each instance
    makes a tenth of it, and so many cost a tenth of a processor. None is any number, and so is what comes from this machine
    itself, where tunnels and tests speak for many."""
    connection_burst: int = 400
    """How many of them may come at once after a pause: a router that wakes up with a day's work."""
    handshakes: int = 64
    """TLS handshakes of one listener at a time; they cost processor time before anybody is known."""
    committed_instances: int = 100_000
    """Instances in one request for storage commitment: the slices of a whole body are a tenth of it."""
    commitments: int = 512
    """Storage commitments of one server that are not reported yet: a peer that cannot be reached holds each for minutes."""
    commitments_per_address: int = 128
    """The same from one address: a modality that asks for each instance of a study alone is still answered."""
    asynchronous_window: int = 16
    """Operations performed at a time for a peer that offers an asynchronous window; 0 is as many as it likes."""
    excess_operations: int = 16
    """Requests of a peer beyond the negotiated window that are still taken: some send ahead by habit."""
    minimum_progress: int = 1 * KIB
    """Bytes that a message or a send must move within the stall time to count as alive."""

    def __post_init__(self) -> None:
        if self.bytes_per_second is not None and self.bytes_per_second < 1:
            raise ValueError(f"nothing comes with {self.bytes_per_second} bytes per second; None is no limit")
        for length in (self.max_pdu_length, self.sent_pdu_length):
            if length < SMALLEST_MAX_PDU_LENGTH:
                raise ValueError(f"no message fits into PDUs of {length} bytes, {SMALLEST_MAX_PDU_LENGTH} are needed")
        if self.asynchronous_window < 0:
            raise ValueError(f"there is no window of {self.asynchronous_window} operations; 0 is any number")
        if self.connection_burst < 1 or (self.connections_per_second is not None and self.connections_per_second <= 0):
            raise ValueError("at that rate nobody could ever connect; None is any number of connections per second")


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long each wait may last, in seconds; None waits for ever."""

    connect: float | None = 10.0
    """Until the transport connection is up."""
    handshake: float | None = 10.0
    """Until the TLS handshake is over."""
    proxy_header: float = 5.0
    """For the header of a trusted proxy, who writes it as soon as it is connected: time for a packet that was lost, twice."""
    artim: float = 10.0
    """PS3.8 9.1.5: from transport connection to a complete A-ASSOCIATE-RQ, and until the peer closes at the end."""
    associate: float | None = 30.0
    """For the answer to an A-ASSOCIATE-RQ: some acceptors start a process first."""
    release: float | None = 10.0
    """For the answer to an A-RELEASE-RQ."""
    response: float | None = 60.0
    """For the response to C-ECHO, C-FIND and the N-services, again after each pending one."""
    store_response: float | None = 300.0
    """For the response to a C-STORE: archives are slow."""
    retrieve_response: float | None = 30 * 60.0
    """For any sign of life in C-GET and C-MOVE: studies come from tape."""
    commitment: float | None = 300.0
    """For the result of a storage commitment: archives look at every instance first."""
    idle: float | None = 15 * 60.0
    """Without a byte and without an operation: ultrasound sends as it goes."""
    stall: float | None = 60.0
    """Inside a message, or with bytes to send, without the minimum of progress."""
