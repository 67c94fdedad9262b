"""Peers that are used for long: associations that are kept, queries left early, and offers that others do not know."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import dcmtk
import dicomnet
import peers
from dcmtk import check_content
from dicomnet import Status, UserIdentity
from holdings import STUDY, archived, known
from relay import pdus, relay_to

PATHS = [i.path for i in archived()]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an archive of DCMTK's that we have filled, with sixteen operations offered and one at a time agreed."""
    folder = tmp_path_factory.mktemp("filled") / "archive"
    folder.mkdir()
    with dcmtk.archive(folder, "+B") as scp:
        report = dicomnet.Peer(f"ARCHIVE@127.0.0.1:{scp.port}", window=16).store(PATHS)
    assert len(report.stored) == len(PATHS)
    return folder


@pytest.fixture
def port(filled: Path) -> Iterator[int]:
    with dcmtk.archive(filled, "+B") as scp:
        yield scp.port


def test_a_kept_association_serves_one_operation_after_another(port: int, tmp_path: Path) -> None:
    """Within a block, echoes and queries share an association, and a retrieve gets the contexts it needs; all are released."""
    with relay_to(port) as relay, dicomnet.Peer(f"ARCHIVE@127.0.0.1:{relay.port}") as pacs:
        assert [pacs.echo() for _ in range(3)] == [Status.SUCCESS] * 3
        for _ in range(2):
            assert len(pacs.find("STUDY", PatientID="98890234").all()) == 4
        report = pacs.get(tmp_path, StudyInstanceUID=STUDY)
        assert pacs.echo() == Status.SUCCESS
    check_content(report.paths, known(PATHS, StudyInstanceUID=STUDY))
    assert len(relay.exchanges) <= 3  # echo; query; retrieve
    for exchange in relay.exchanges:
        kinds = [kind for kind, _ in pdus(bytes(exchange.asked))]
        assert (kinds[0], kinds[-1]) == (1, 5)


def test_a_query_that_is_left_early_leaves_the_association_usable(port: int) -> None:
    """The rest of the matches is cancelled or thrown away, and the next operation goes through."""
    with dicomnet.associate(f"ARCHIVE@127.0.0.1:{port}", contexts=["study-root-find", "verification"]) as association:
        for _ in range(5):
            for match in association.find("IMAGE", StudyInstanceUID=STUDY, SeriesInstanceUID=STUDY[:-1] + "118"):
                assert match.SOPInstanceUID
                break
            assert association.echo() == Status.SUCCESS


def test_a_query_of_a_peer_may_be_left_early(port: int) -> None:
    """With a peer that keeps its associations as well as with one that does not."""
    pacs = dicomnet.Peer(f"ARCHIVE@127.0.0.1:{port}")
    for _ in range(3):
        next(iter(pacs.find("STUDY")))
    assert pacs.echo() == Status.SUCCESS
    with pacs:
        for _ in range(3):
            next(iter(pacs.find("STUDY")))
        assert pacs.echo() == Status.SUCCESS


def test_what_dcmtk_does_not_know_it_passes_over(port: int) -> None:
    """A window, an identity and roles that are offered change nothing for a peer that does not answer them."""
    options = {
        "window": 16,
        "user_identity": UserIdentity(2, b"jan", b"secret"),
        "roles": {"CTImageStorage": "both"},
    }
    contexts = ["verification", "CTImageStorage"]
    with dicomnet.associate(f"ARCHIVE@127.0.0.1:{port}", contexts=contexts, **options) as association:
        assert (association.terms.operations_invoked, association.terms.operations_performed) == (1, 1)
        assert association.echo() == Status.SUCCESS


def test_more_contexts_than_an_association_holds(tmp_path: Path) -> None:
    """All storage classes in many transfer syntaxes take several associations, one after the other."""
    with peers.listening(dcmtk.STORESCP, "+B", "+xa", "-od", tmp_path) as scp:
        contexts = ["storage", "verification"]
        with dicomnet.associate(f"ANY-SCP@127.0.0.1:{scp.port}", contexts=contexts) as association:
            assert association.store(PATHS).ok
            assert association.echo() == Status.SUCCESS
    assert len(list(tmp_path.iterdir())) == len(PATHS)


def test_several_associations_store_at_the_same_time(tmp_path: Path) -> None:
    """What is spread over four associations arrives once each, bit for bit."""
    with peers.listening(dcmtk.STORESCP, "+B", "--fork", "-od", tmp_path) as scp:
        assert dicomnet.Peer(f"ANY-SCP@127.0.0.1:{scp.port}").store(PATHS, associations=4).ok
    kept = {i.sop_instance: i.digest for i in map(peers.instance, tmp_path.iterdir())}
    assert kept == {i.sop_instance: i.digest for i in archived()}


def test_an_archive_that_does_not_know_a_destination_says_so(port: int) -> None:
    """The status of DCMTK is in the report."""
    report = dicomnet.Peer(f"ARCHIVE@127.0.0.1:{port}").move("NOBODY", StudyInstanceUID=STUDY, check=False)
    assert report.status == Status.MOVE_DESTINATION_UNKNOWN
    assert not report.ok


def test_a_study_that_is_not_there_is_no_error_of_the_network(port: int, tmp_path: Path) -> None:
    """Nothing comes, and the report says so in whatever way DCMTK ends it."""
    report = dicomnet.Peer(f"ARCHIVE@127.0.0.1:{port}").get(tmp_path, StudyInstanceUID="1.2.3.4.5", check=False)
    assert report.paths == []
    assert report.received == []
