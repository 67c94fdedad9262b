"""Gives out the instances in a folder, to whoever asks or to the peers of a table.

python retrieve_scp.py PORT FOLDER [AET=host:port ...]
"""

import sys
from pathlib import Path

from dicomnet import Server

server = Server("ARCHIVE", port=int(sys.argv[1]), peers=dict(peer.split("=") for peer in sys.argv[3:]))


@server.on_get("study-root")
@server.on_move("study-root")
def retrieve(request):
    return request.match(Path(sys.argv[2]).glob("*.dcm"))


server.run()
