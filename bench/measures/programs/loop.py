"""The floor: a sender and a receiver of files that do nothing but the system calls that storing them takes.

    python loop.py receive PORT FOLDER
    python loop.py send PORT FOLDER

Per instance the sender opens the file, asks for its size, reads it in pieces of 1 MiB into the one buffer it has, writes
each piece to the socket in one call, closes the file, and reads a reply. The receiver reads into one buffer of 1 MiB, writes
each read as it came into a new file of a temporary name, closes it, gives it its final name without replacing another (a
link, then the temporary name is removed), and writes a reply. As with a DICOM message, a header of 12 bytes comes first in
the same write, and the file begins with a header of 400 bytes that was not sent.

What it leaves out is everything that is DICOM (associations, PDU headers inside the data, commands, statuses), the first
look at all files before the association, modes and locks of files, threads between socket and disk, waiting with a deadline
(its sockets block), and syncing, which ours leaves out, too, when it is run bare. Like any program of Python it starts an
interpreter and imports what it needs.
"""

from __future__ import annotations

import os
import socket
import struct
import sys

HEADER = struct.Struct(">QI")
"""Bytes that follow, and the number that the file is named by."""

REPLY = bytes(150)
"""As long as the response to a C-STORE with its PDU header."""

FILE_HEADER = bytes(400)

PIECE = 1024 * 1024


def send(port: int, folder: str) -> None:
    buffer = memoryview(bytearray(PIECE))
    with socket.create_connection(("127.0.0.1", port)) as link:
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for number, path in enumerate(sorted(entry.path for entry in os.scandir(folder))):
            file = os.open(path, os.O_RDONLY)
            left = os.fstat(file).st_size
            HEADER.pack_into(buffer, 0, left, number)
            used = HEADER.size
            while left:
                count = os.readv(file, [buffer[used:]])
                link.sendall(buffer[: used + count])
                left -= count
                used = 0
            os.close(file)
            if len(link.recv(PIECE)) != len(REPLY):
                sys.exit("no reply")


def receive(port: int, folder: str) -> None:
    buffer = memoryview(bytearray(PIECE))
    with socket.create_server(("127.0.0.1", port)) as listener:
        while True:
            link, _ = listener.accept()
            with link:
                link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                while count := link.recv_into(buffer):
                    left, number = HEADER.unpack_from(buffer)
                    path = f"{folder}/{number}"
                    file = os.open(f"{path}.part", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                    left -= count - HEADER.size
                    os.writev(file, [FILE_HEADER, buffer[HEADER.size : count]])
                    while left:
                        count = link.recv_into(buffer)
                        if not count:
                            sys.exit("half a file")
                        os.write(file, buffer[:count])
                        left -= count
                    os.close(file)
                    os.link(f"{path}.part", path)
                    os.unlink(f"{path}.part")  # noqa: PTH108  as bare as can be
                    link.sendall(REPLY)


if __name__ == "__main__":
    {"send": send, "receive": receive}[sys.argv[1]](int(sys.argv[2]), sys.argv[3])
