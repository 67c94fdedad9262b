"""A store over several associations of a remote: who sends what, and what is left when some of them end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pydicom import Dataset

from dicomnet.dimse.status import Status
from dicomnet.errors import ConnectFailed, ConnectionLost, InvalidValue
from dicomnet.exchanges.peers import Remote
from dicomnet.exchanges.reports import Outcome, Progress, StoreReport, StoreResult
from dicomnet.exchanges.session import Inbound, Session
from dicomnet.exchanges.settings import settings_for
from dicomnet.exchanges.steps import Pause, Script
from dicomnet.storage.instances import Instances
from dicomnet.types import UID
from exchanges.stage import Items, Scp, Stage, dataset
from pair import CT_IMAGE_STORAGE


def remote(keep: bool = True) -> Remote:
    return Remote(settings_for("ACCEPTOR@peer:104", aet="REQUESTOR"), keep=keep)


def outcomes(report: StoreReport) -> list[Outcome]:
    return [result.outcome for result in report]


class Spread(Scp):
    """Answers after a second, so that all have something to do; some associations end instead.

    Args:
        ends: told of the association and of how many requests it had; whether it ends.
    """

    def __init__(self, ends: Callable[[int, int], bool] = lambda association, count: False) -> None:
        super().__init__(store=self._answer)
        self.ends_with = ends
        self.sessions: list[Session] = []
        self.counts: dict[Session, int] = {}

    @property
    def stored(self) -> list[str]:
        return sorted((str(command.sop_instance_uid) for command in self.commands), key=lambda uid: int(uid[6:]))  # type: ignore[attr-defined]

    def _answer(self, inbound: Inbound, _: bytes | None) -> Script[None]:
        session = inbound.session
        if session not in self.counts:
            self.sessions.append(session)
        self.counts[session] = self.counts.get(session, 0) + 1
        ends = self.ends_with(self.sessions.index(session), self.counts[session])
        yield Pause(1.0)
        if not ends:
            inbound.respond(Status.SUCCESS)
            return
        assert self.stage is not None
        self.stage.hang_up(session)


def uids(count: int) -> list[str]:
    return [f"1.2.3.{number}" for number in range(1, count + 1)]


def test_everything_is_sent_once_and_reported_in_order() -> None:
    """By as many associations as were asked for."""
    scp = Spread()
    told: list[Progress] = []
    report = Stage(scp).run(remote().store(Items(40), associations=4, progress=told.append))
    assert report.ok
    assert [result.index for result in report] == list(range(40))
    assert scp.stored == uids(40)
    assert len(scp.counts) == 4
    assert (told[-1].instances, told[-1].failed) == (40, 0)


@pytest.mark.parametrize("associations", [1, 4])
@pytest.mark.parametrize("error", [ValueError("a mistake"), InvalidValue("a mistake")])
@pytest.mark.parametrize("callback", ["on_result", "progress"])
def test_what_a_callback_raises_comes_through_with_the_report(
    callback: str, error: Exception, associations: int
) -> None:
    """Whatever it is: no fault of an association."""
    told: list[Any] = []

    def fail(one: Any) -> None:
        told.append(one)
        if len(told) == 9:
            raise error

    scp = Spread()
    with pytest.raises(type(error)) as caught:
        Stage(scp).run(remote().store(Items(40), associations=associations, **{callback: fail}))
    report: StoreReport = caught.value.report  # type: ignore[attr-defined]
    assert 5 <= len(report.stored) < 20
    assert len(report.stored) + report.count(Outcome.UNKNOWN) == len(scp.commands)
    assert [result.index for result in report] == list(range(len(report)))


@pytest.mark.parametrize("associations", [1, 4])
def test_what_the_source_raises_comes_through_when_what_it_gave_is_stored(associations: int) -> None:
    """Also if it looks like a fault of the network: that of whoever makes the instances."""

    class Broken(Items):
        def take(self, count: int) -> list[Any]:
            taken = super().take(min(count, 3))
            if not taken:
                raise ConnectFailed("elsewhere", "it is down")
            return taken

    with pytest.raises(ConnectFailed) as caught:
        Stage(Spread()).run(remote().store(Broken(30), associations=associations))
    assert outcomes(caught.value.report) == [Outcome.STORED] * 30  # type: ignore[attr-defined]


def test_what_is_made_as_it_goes_is_sent_as_it_is_made() -> None:
    """Whoever makes the second finds the first on its way."""
    scp = Spread()
    stage = Stage(scp)
    sent: list[int] = []

    def make() -> Iterator[Dataset]:
        for number in range(1, 6):
            stage.rest()
            sent.append(len(scp.commands))
            yield dataset(SOPClassUID=CT_IMAGE_STORAGE, SOPInstanceUID=f"1.2.3.{number}")

    assert stage.run(remote().store(Instances(make()))).ok
    assert sent[0] == 0
    assert sent[2] >= 1


def test_auto_looks_as_far_as_it_must() -> None:
    """To know whether there is enough to do for several associations; what is raised on the way is raised in its turn."""
    made: list[int] = []

    def make(count: int) -> Iterator[Dataset]:
        for number in range(1, count + 1):
            made.append(number)
            yield dataset(SOPClassUID=CT_IMAGE_STORAGE, SOPInstanceUID=f"1.2.3.{number}")
        raise KeyError("the caller's own")

    for count, associations in ((5, 1), (40, 4)):
        scp = Spread()
        with pytest.raises(KeyError) as caught:
            Stage(scp).run(remote().store(Instances(make(count)), associations="auto"))
        assert outcomes(caught.value.report) == [Outcome.STORED] * count  # type: ignore[attr-defined]
        assert len(scp.counts) == associations


def test_an_association_that_is_lost_twice_leaves_its_share_to_the_others() -> None:
    """Nothing but what was in flight is unknown; nothing ended early."""
    lost: list[int] = []

    def ends(association: int, count: int) -> bool:
        if association == 0 or association > 3:
            lost.append(association)
        return association == 0 or association > 3

    scp = Spread(ends)
    told: list[StoreResult] = []
    report = Stage(scp).run(remote().store(Items(60), associations=4, on_result=told.append))
    assert len(lost) == 2
    assert report.count(Outcome.UNKNOWN) == 2
    assert len(report.stored) == 58
    assert [result.index for result in report] == list(range(60))
    assert sorted(result.index for result in told) == list(range(60))
    assert scp.stored == uids(60)
    assert report.error is None


def test_what_an_association_leaves_when_the_others_are_through_has_one_of_its_own() -> None:
    """They have found the source empty, and are gone."""

    class Late(Spread):
        """Ends the association of the first at once, and that of the second when all others are long done."""

        def _answer(self, inbound: Inbound, data: bytes | None) -> Script[None]:
            if inbound.command.sop_instance_uid not in ("1.2.3.1", "1.2.3.2"):
                yield from super()._answer(inbound, data)
                return
            yield Pause(1.0 if inbound.command.sop_instance_uid == "1.2.3.1" else 100.0)
            assert self.stage is not None
            self.stage.hang_up(inbound.session)

    scp = Late()
    stage = Stage(scp)
    report = stage.run(remote(keep=False).store(Items(20), associations=2))
    assert outcomes(report) == [Outcome.UNKNOWN] * 2 + [Outcome.STORED] * 18
    assert scp.stored == uids(20)
    assert len(stage.sessions) == 4
    assert report.error is None


def test_when_all_associations_are_lost_the_rest_is_not_sent() -> None:
    """Each is told apart, and the report says why."""
    scp = Spread(lambda association, count: True)
    items = Items(20)
    report = Stage(scp).run(remote().store(items, associations=2))
    assert isinstance(report.error, ConnectionLost)
    assert report.count(Outcome.UNKNOWN) == 4
    assert report.count(Outcome.NOT_SENT) == 16
    assert [result.index for result in report] == list(range(20))
    assert items.all_closed()


def test_without_any_association_the_reason_is_raised() -> None:
    """Nothing was read but what decides on the contexts."""
    stage = Stage(Spread())
    stage.refuse_connections = True
    with pytest.raises(ConnectFailed):
        stage.run(remote().store(Items(20), associations=2))


def test_a_stop_stops_all_associations() -> None:
    """What was not read is in no result, and what was is no failure."""
    scp = Spread()
    told: list[StoreResult] = []
    progress: list[Progress] = []
    items = Items(1000)
    report = Stage(scp).run(
        remote().store(
            items, associations=4, on_result=told.append, progress=progress.append, stop=lambda: len(told) >= 8
        )
    )
    assert report.stopped
    assert not report.failed
    assert 8 <= len(report.stored) <= 12
    assert len(report.stored) == len(scp.commands)
    assert len(report) < 20
    assert progress[-1].failed == 0
    assert report.error is None
    assert items.all_closed()


def test_copies_of_one_instance_are_one_to_all_associations() -> None:
    """A second one is skipped by whichever has it."""

    scp = Spread()
    one = dataset(SOPClassUID=CT_IMAGE_STORAGE, SOPInstanceUID=UID("1.2.3.1"), PatientID="47")
    report = Stage(scp).run(remote().store(Instances([one] * 10), associations=3))
    assert outcomes(report) == [Outcome.STORED] + [Outcome.SKIPPED] * 9
    assert scp.stored == ["1.2.3.1"]
