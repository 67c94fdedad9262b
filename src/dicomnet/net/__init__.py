"""DicomNet objects: every message in hand, an event for each."""

from dicomnet.net.associate import Associate, PresentationContext
from dicomnet.net.dicomnet import DicomNet, NetFlags, SecurityMode
from dicomnet.net.engine import breathe, runtime, shutdown, startup
from dicomnet.net.message import Message
from dicomnet.sockets import IpType, SocketOptions
from dicomnet.storage.destination import MEMORY, SPOOL

__all__ = [
    "MEMORY",
    "SPOOL",
    "Associate",
    "DicomNet",
    "IpType",
    "Message",
    "NetFlags",
    "PresentationContext",
    "SecurityMode",
    "SocketOptions",
    "breathe",
    "runtime",
    "shutdown",
    "startup",
]
