"""Associations that are kept: which one serves, which one makes room, and how they end."""

from __future__ import annotations

from dicomnet.dimse.status import Status
from dicomnet.exchanges.peers import Remote
from dicomnet.exchanges.session import Inbound, Session
from dicomnet.exchanges.settings import settings_for
from dicomnet.pdu import AssociateReject, AssociateRequest
from exchanges.stage import JPEG, MR_IMAGE_STORAGE, Item, Items, Scp, Stage
from pair import CT_IMAGE_STORAGE, STUDY_ROOT_FIND, VERIFICATION


class Narrow(Scp):
    """Takes one association at a time."""

    def associate(self, session: Session, request: AssociateRequest) -> None:
        assert self.stage is not None
        if any(peer.session and peer.session.established for peer in self.stage.peers):
            self.asked.append(request)
            session.reject(AssociateReject(2, 3, 2))
        else:
            super().associate(session, request)


def start(scp: Scp, *, latency: float = 0.0) -> tuple[Stage, Remote]:
    return Stage(scp, latency=latency), Remote(settings_for("ACCEPTOR@peer:104"), keep=True)


def standing(stage: Stage) -> list[Session]:
    return [session for session in stage.sessions if session.established]


def proposed(request: AssociateRequest) -> set[str]:
    return {one.abstract_syntax for one in request.contexts}


def test_a_peer_that_takes_one_association_serves_for_everything() -> None:
    """An idle one that will not do is released before another is asked for."""
    scp = Narrow()
    stage, remote = start(scp)
    assert stage.run(remote.echo()) == Status.SUCCESS
    assert stage.run(remote.matches("STUDY", {})) == []
    assert stage.run(remote.store(Items([Item(0)]))).ok
    assert stage.run(remote.store(Items([Item(1, sop_class=MR_IMAGE_STORAGE, syntax=JPEG)]))).ok
    assert len(scp.asked) == 4
    assert {VERIFICATION, STUDY_ROOT_FIND, CT_IMAGE_STORAGE, MR_IMAGE_STORAGE} <= proposed(scp.asked[-1])
    for _ in range(3):  # the last one has all of it
        assert stage.run(remote.store(Items([Item(0)]))).ok
        assert stage.run(remote.matches("STUDY", {})) == []
        assert stage.run(remote.echo()) == Status.SUCCESS
    assert len(scp.asked) == 4
    stage.run(remote.drop())
    assert not standing(stage)
    assert all(session.error is None for session in stage.sessions)


def test_idle_associations_stay_while_others_are_at_work() -> None:
    """The peer takes several, as one can see."""
    held: list[Inbound] = []
    scp = Scp(echo=lambda inbound, _: held.append(inbound), store=lambda inbound, _: held.append(inbound))
    stage, remote = start(scp)
    first = stage.start(remote.echo())
    stage.rest()
    assert stage.run(remote.matches("STUDY", {})) == []
    second = stage.start(remote.store(Items(1)))
    stage.advance(1.0)
    assert len(standing(stage)) == 3
    for inbound in held:
        inbound.respond(Status.SUCCESS)
    stage.rest()
    assert first.outcome() == Status.SUCCESS
    assert second.outcome().ok
    stage.run(remote.drop())
    assert not standing(stage)


def test_what_was_lost_while_it_was_lent_does_not_count_as_work() -> None:
    """A store that had its association replaced gives back another one than it took."""
    scp = Narrow()

    def store(inbound: Inbound, _: bytes | None) -> None:
        if len(scp.requests) == 1:
            stage.hang_up(inbound.session)
        else:
            inbound.respond(Status.SUCCESS)

    scp.handlers["store"] = store
    stage, remote = start(scp)
    report = stage.run(remote.store(Items(3)))
    assert [result.status for result in report] == [None, Status.SUCCESS, Status.SUCCESS]
    assert stage.run(remote.matches("STUDY", {})) == []
    assert len(scp.asked) == 3


def test_when_dropping_is_left_an_abort_ends_the_rest() -> None:
    """Ctrl-C while the first is released: it and all the others are still known."""
    held: list[Inbound] = []
    stage, remote = start(Scp(echo=lambda inbound, _: held.append(inbound)))
    tasks = [stage.start(remote.echo()) for _ in range(3)]
    stage.rest()
    for inbound in held:
        inbound.respond(Status.SUCCESS)
    stage.until(lambda: all(task.done for task in tasks))
    stage.start(remote.drop()).leave()
    assert len(standing(stage)) == 3
    assert len(remote.abort()) == 3
    assert not standing(stage)


def test_one_that_is_left_while_it_makes_room_is_aborted() -> None:
    """Nobody would know of it any more; the others stay idle."""
    stage, remote = start(Scp(), latency=0.1)
    stage.run(remote.echo())
    task = stage.start(remote.matches("STUDY", {}))
    stage.advance(0.05)
    task.leave()
    assert stage.sessions[0].over
    assert stage.run(remote.echo()) == Status.SUCCESS
    stage.run(remote.drop())
    assert not standing(stage)
