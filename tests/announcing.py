"""A sender of ours that announces what it likes, and sends something else."""

from __future__ import annotations

import queue
from collections.abc import Iterable
from typing import Any

import dicomnet
from dicomnet import Associate, DicomNet
from dicomnet.uids import CTImageStorage, ExplicitVRLittleEndian, MRImageStorage


def announce(port: int, stores: Iterable[tuple[bytes, str, str]], called_ae: str = "ARCHIVE") -> list[Any]:
    """Stores data sets in explicit VR little endian over one association; returns the responses.

    Args:
        stores: bytes, and the SOP class and the instance that they are announced as.
    """
    with dicomnet.runtime(), Announcer(called_ae) as sender:
        sender.connect("127.0.0.1", port)
        sender.ready.get(timeout=20)
        responses = []
        for data, sop_class, instance in stores:
            sender.store(data, sop_class, instance)
            responses.append(sender.responses.get(timeout=20))
        sender.send_release_request()
        return responses


class Announcer(DicomNet):
    """One association."""

    def __init__(self, called_ae: str) -> None:
        super().__init__()
        self.called_ae = called_ae
        self.messages = 0
        self.ready: queue.Queue[None] = queue.Queue()
        self.responses: queue.Queue[Any] = queue.Queue()

    def on_connect(self, error: Exception | None) -> None:
        request = Associate.request(called_ae=self.called_ae, calling_ae="TESTER")
        for sop_class in (CTImageStorage, MRImageStorage):
            request.add(sop_class, ExplicitVRLittleEndian)
        self.send_associate_request(request)

    def on_receive_associate_accept(self, associate: Associate) -> None:
        self.contexts = {context.abstract_syntax: context.context_id for context in associate.contexts}
        self.ready.put(None)

    def store(self, data: bytes, sop_class: str, instance: str) -> None:
        """Sends a C-STORE-RQ, also with what is no UID."""
        self.messages += 1
        command_set = {2: sop_class, 0x100: 1, 0x110: self.messages, 0x700: 0, 0x1000: instance}
        self.send_data(self.contexts[sop_class], command_set, data)

    def on_receive_c_store_response(self, message: Any) -> None:
        self.responses.put(message)
