"""pynetdicom as an SCP that runs beside a test, and as an SCU in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import peers
from net.applications import PATIENCE
from services import (
    CT_IMAGE_STORAGE,
    EXPLICIT_LE,
    FILM_SESSION,
    PERFORMED_STEP,
    PRINTER,
    STORAGE_COMMITMENT,
    STUDY_ROOT_FIND,
    STUDY_ROOT_GET,
    STUDY_ROOT_MOVE,
    VERIFICATION,
)

pynetdicom = peers.require_module("pynetdicom")
AE, build_role = pynetdicom.AE, pynetdicom.build_role

Handlers = Sequence[tuple[Any, Callable[..., Any]]]

ALL_CLASSES = (
    VERIFICATION,
    CT_IMAGE_STORAGE,
    STUDY_ROOT_FIND,
    STUDY_ROOT_GET,
    STUDY_ROOT_MOVE,
    PERFORMED_STEP,
    FILM_SESSION,
    PRINTER,
    STORAGE_COMMITMENT,
)


@contextmanager
def serving(handlers: Handlers = (), contexts: Any = ALL_CLASSES, **settings: Any) -> Iterator[int]:
    """An SCP of pynetdicom, on the port that is given; contexts are classes, or classes with all that is said of them."""
    entity = AE("PYNETDICOM")
    for name, value in settings.items():
        setattr(entity, name, value)
    for context in contexts:
        if isinstance(context, str):
            entity.add_supported_context(context, [EXPLICIT_LE, "1.2.840.10008.1.2"])
        else:
            entity.add_supported_context(context[0], context[1], **(context[2] if len(context) > 2 else {}))
    server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=list(handlers))
    try:
        yield server.socket.getsockname()[1]
    finally:
        server.shutdown()


@contextmanager
def asking(
    port: int, contexts: Sequence[Any] = ALL_CLASSES, handlers: Handlers = (), *, roles: Sequence[str] = (), **more: Any
) -> Iterator[Any]:
    """An association that pynetdicom has asked for, released at the end if it still stands."""
    entity = AE("PYNETDICOM")
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = PATIENCE
    entity.maximum_pdu_size = more.pop("maximum_pdu_size", 16382)
    for context in contexts:
        abstract_syntax, transfer_syntaxes = (
            (context, [EXPLICIT_LE, "1.2.840.10008.1.2"]) if isinstance(context, str) else context
        )
        entity.add_requested_context(abstract_syntax, transfer_syntaxes)
    more.setdefault("ext_neg", []).extend(build_role(uid, scp_role=True) for uid in roles)
    assoc = entity.associate("127.0.0.1", port, evt_handlers=list(handlers), **more)
    try:
        yield assoc
    finally:
        if assoc.is_established:
            assoc.release()
        assoc.join(PATIENCE) if assoc.ident else None
