"""In which transfer syntax instances travel."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom.data import get_testdata_file

import dicomnet
from dicomnet.uids import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

FILES = {
    "MR_small_bigendian.dcm": ExplicitVRBigEndian,
    "image_dfl.dcm": DeflatedExplicitVRLittleEndian,
    "CT_small.dcm": ExplicitVRLittleEndian,
    "rtdose.dcm": ImplicitVRLittleEndian,
}


def path_of(name: str) -> Path:
    return Path(str(get_testdata_file(name, download=False)))


@pytest.mark.parametrize("name", FILES)
def test_what_the_peer_takes_as_it_is_is_not_converted(name: str, tmp_path: Path) -> None:
    """Also where the association was opened with other transfer syntaxes of the class: the peer is asked first."""
    with dicomnet.Server("ARCHIVE", host="127.0.0.1", port=0, folder=tmp_path) as server:
        address = f"ARCHIVE@127.0.0.1:{server.port}"
        with dicomnet.associate(address, contexts=["storage"]) as association:
            [result] = association.store(path_of(name))
    assert result.transfer_syntax_uid == FILES[name]


@pytest.mark.parametrize("name", ["MR_small_bigendian.dcm", "image_dfl.dcm"])
def test_what_it_does_not_take_is_converted(name: str, tmp_path: Path) -> None:
    """Once it has refused the instance's own transfer syntax."""
    taken = [ExplicitVRLittleEndian]
    with dicomnet.Server("ARCHIVE", host="127.0.0.1", port=0, folder=tmp_path, transfer_syntaxes=taken) as server:
        address = f"ARCHIVE@127.0.0.1:{server.port}"
        with dicomnet.associate(address, contexts=["storage"]) as association:
            [result] = association.store(path_of(name))
        [again] = dicomnet.Peer(address).store(path_of(name), check=False)
    assert result.transfer_syntax_uid == ExplicitVRLittleEndian
    assert again.ok
