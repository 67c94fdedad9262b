"""Makes the pending responses of a query of what its handler gives (PS3.4 C.4.1.3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from dicomnet.aio.calling import ended_by, is_match
from dicomnet.aio.requests import IdentifierRequest, Reply
from dicomnet.charsets import copy_of
from dicomnet.datasets import encode_dataset, is_dataset
from dicomnet.dimse.status import Status
from dicomnet.errors import InvalidValue
from dicomnet.exchanges.dumps import tell_dataset
from dicomnet.exchanges.models import model_of
from dicomnet.exchanges.values import keyword_of, record_of
from dicomnet.types import ae_title

if TYPE_CHECKING:
    from pydicom import Dataset

Encoded: TypeAlias = "tuple[Status, bytes] | Reply"
"""A match, of which there may be nothing left; or the end of the query."""


def match_encoder(request: IdentifierRequest) -> Callable[[Any], Encoded]:
    """What makes status and data set of each match, and adds what the request tells: level and title.

    One odd record does not hide all others: what its attribute cannot have, or
    no transfer syntax can carry, is left out of the match, whose status is FF01
    then, and the log has which attributes these are.

    Raises:
        InvalidValue: the handler gave what is no match, or named an attribute that there is not.
    """
    model, syntax = model_of(request.context.abstract_syntax), request.context.transfer_syntax
    level = request.level if model.levels else None
    title = _title(request.association.our_ae) if model.levels else ""

    def encode(item: Any) -> Encoded:
        if (final := ended_by(item)) is not None:
            return final
        status, match = item if isinstance(item, tuple) and is_match(item) else (Status.PENDING, item)
        if not Status(status).is_pending:
            raise InvalidValue(f"a match has status {status:04X}, which is not pending; a final one stands alone")
        if not (isinstance(match, Mapping) or is_dataset(match)):
            raise InvalidValue(f"a handler gave {type(match).__name__}, which is no match; that is a Dataset, or keys")
        dataset, left_out = record_of(match) if isinstance(match, Mapping) else (copy_of(match), [])
        if level:  # that of the request, whatever the record is kept as (PS3.4 C.4.1.1.3.2)
            dataset.QueryRetrieveLevel = level
        if title and "RetrieveAETitle" not in dataset:
            dataset.RetrieveAETitle = title
        data, unsent = _encode(dataset, syntax)
        if left_out or unsent:
            status = Status.PENDING_WARNING
            request._warn_once(f"a match is sent without {', '.join((*left_out, *unsent))}")
        if not data:  # a pending response has an identifier
            request._warn_once("a match without any attribute is not sent")
        tell_dataset(request.association.id, ">", f"{request.message.response_class.name}", dataset)
        return Status(status), data

    return encode


def _encode(dataset: Dataset, transfer_syntax: str) -> tuple[bytes, list[str]]:
    """The bytes of a data set, and the attributes that could not be among them."""
    # Its character set gives way to its text: what was read from many places may not have the one that it says.
    try:
        return encode_dataset(dataset, transfer_syntax, any_charset=True), []
    except InvalidValue:
        good, left_out = [], []
        tags = list(dataset.keys())
        charset = [tag for tag in tags if tag == _SPECIFIC_CHARACTER_SET]
        for tag in tags:
            try:
                encode_dataset(copy_of(dataset, {*charset, tag}), transfer_syntax, any_charset=True)
                good.append(tag)
            except InvalidValue:
                left_out.append(keyword_of(tag))
        return encode_dataset(copy_of(dataset, good), transfer_syntax, any_charset=True), left_out


def _title(text: str) -> str:
    """A title as it may be sent; peers may have called us anything."""
    try:
        return ae_title(text)
    except ValueError:
        return ""


_SPECIFIC_CHARACTER_SET = 0x0008_0005
