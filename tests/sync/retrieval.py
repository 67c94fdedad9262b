"""An end in a process of its own: `retrieval.py serve FILE FOLDER`, `store PORT FILE`, or `get PORT FOLDER`.

The server prints its port, and ends when its input does. Each prints at last the most memory it ever had, in KiB.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import dicomnet
from dicomnet.uids import CTImageStorage
from peak import most_memory


def serve(file: str, folder: str) -> None:
    server = dicomnet.Server("ARCHIVE", host="127.0.0.1", port=0, folder=folder, durable=False)

    @server.on_get("study-root")
    def get(request: object) -> Iterator[str]:
        yield file

    with server:
        print(server.port, flush=True)
        sys.stdin.read()


def store(port: str, file: str) -> None:
    with dicomnet.associate(f"ARCHIVE@127.0.0.1:{port}", contexts=[CTImageStorage]) as association:
        association.store(file)


def get(port: str, folder: str) -> None:
    with dicomnet.Peer(f"ARCHIVE@127.0.0.1:{port}") as peer:
        peer.get(folder, StudyInstanceUID="1.2")


if __name__ == "__main__":
    {"serve": serve, "store": store, "get": get}[sys.argv[1]](*sys.argv[2:])
    print(most_memory(), flush=True)
