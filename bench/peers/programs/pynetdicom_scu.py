"""Sends with pynetdicom at its fastest: python pynetdicom_scu.py PORT FOLDER NODELAY"""

import socket
import sys
from pathlib import Path

from pydicom import dcmread
from pynetdicom import AE, _config, evt

port, folder, nodelay = int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])


def connected(event):
    """There is no setting for it, so the socket is told."""
    event.assoc.dul.socket.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, nodelay)


_config.STORE_SEND_CHUNKED_DATASET = True
paths = sorted(folder.iterdir())
meta = dcmread(paths[0], stop_before_pixels=True).file_meta
ae = AE("BENCH")
ae.add_requested_context(meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID)
association = ae.associate("127.0.0.1", port, max_pdu=131072, evt_handlers=[(evt.EVT_CONN_OPEN, connected)])
if not association.is_established:
    sys.exit("no association")
for path in paths:
    status = association.send_c_store(path)
    if not status or status.Status != 0x0000:
        sys.exit(f"{path}: {status}")
association.release()
