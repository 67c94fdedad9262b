"""Receives with pynetdicom at its fastest: python pynetdicom_scp.py PORT FOLDER NODELAY"""

import socket
import sys
from pathlib import Path

from pynetdicom import AE, AllStoragePresentationContexts, evt

port, folder, nodelay = int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])


def store(event):
    """Keeps the data set as it came."""
    with (folder / f"{event.request.AffectedSOPInstanceUID}.dcm").open("xb") as file:
        file.write(event.encoded_dataset())
    return 0x0000


def connected(event):
    """There is no setting for it, so the socket is told."""
    event.assoc.dul.socket.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, nodelay)


ae = AE("BENCH")
ae.maximum_pdu_size = 131072
ae.supported_contexts = AllStoragePresentationContexts
ae.start_server(("127.0.0.1", port), evt_handlers=[(evt.EVT_C_STORE, store), (evt.EVT_CONN_OPEN, connected)])
