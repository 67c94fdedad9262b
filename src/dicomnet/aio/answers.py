"""Makes the pending responses of a query of what its handler gives (PS3.4 C.4.1.3)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from dicomnet.aio.calling import is_dataset
from dicomnet.aio.requests import IdentifierRequest
from dicomnet.charsets import copy_of
from dicomnet.datasets import encode_dataset
from dicomnet.dimse.status import Status
from dicomnet.errors import InvalidValue
from dicomnet.exchanges.dumps import tell_dataset
from dicomnet.exchanges.models import model_of
from dicomnet.exchanges.values import dataset_of, keyword_of, path_of
from dicomnet.types import ae_title

if TYPE_CHECKING:
    from pydicom import Dataset

log = logging.getLogger("dicomnet.association")


def match_encoder(request: IdentifierRequest) -> Callable[[Any], tuple[Status, bytes]]:
    """What makes status and data set of each match, and adds what the request tells: level and title.

    One odd record does not hide all others: what its attribute cannot have, or
    no transfer syntax can carry, is left out of the match, whose status is FF01
    then, and the log has which attributes these are.

    Raises:
        InvalidValue: the handler gave what is no match, or named an attribute that there is not.
    """
    model, syntax = model_of(request.context.abstract_syntax), request.context.transfer_syntax
    added = {}
    if model.levels:
        added["QueryRetrieveLevel"] = request.level or ""
        added["RetrieveAETitle"] = _title(request.association.our_ae)

    def encode(item: Any) -> tuple[Status, bytes]:
        status, match = item if isinstance(item, tuple) else (Status.PENDING, item)
        if not Status(status).is_pending:
            raise InvalidValue(f"a match has status {status:04X}, which is not pending")
        if not (isinstance(match, Mapping) or is_dataset(match)):
            raise InvalidValue(f"a handler gave {type(match).__name__}, which is no match")
        dataset, left_out = _read(match) if isinstance(match, Mapping) else (copy_of(match), [])
        for keyword, value in added.items():
            if value and keyword not in dataset:
                setattr(dataset, keyword, value)
        data, unsent = _encode(dataset, syntax)
        if left_out or unsent:
            status = Status.PENDING_WARNING
            log.warning("%s a match is sent without %s", request.association.id, ", ".join((*left_out, *unsent)))
        tell_dataset(request.association.id, ">", f"{request.message.response_class.name}", dataset)
        return Status(status), data

    return encode


def _read(match: Mapping[Any, Any]) -> tuple[Dataset, list[str]]:
    """A mapping as a data set, and the attributes whose values were none."""
    try:
        return dataset_of(match), []
    except InvalidValue:
        good, left_out = {}, []
        for key, value in match.items():
            path = path_of(key)
            try:
                dataset_of({key: value})
                good[key] = value
            except InvalidValue:
                left_out.append(keyword_of(path[-1]))
        return dataset_of(good), left_out


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
