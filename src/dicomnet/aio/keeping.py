"""A handler that keeps what is stored in one place, of which nobody asks anything else."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from dicomnet.storage.destination import Refusal
from dicomnet.storage.folder import Folder
from dicomnet.storage.received import ReceivedData
from dicomnet.storage.sinks import Incoming, Sink

if TYPE_CHECKING:
    from dicomnet.aio.places import Places


class Keep:
    """Stands for ``async def keep(request): await request.save(destination, layout=layout)``.

    As nothing of it has to be called, a data set goes to its sink, and the
    response to the peer, without a task.

    Args:
        destination: as for `StoreRequest.save`.
        layout: the same.
        told: called on the loop with each data set that was kept, before that is answered.
    """

    def __init__(
        self, destination: Any, *, layout: Any = None, told: Callable[[ReceivedData], object] | None = None
    ) -> None:
        self._destination = destination
        self._layout = layout
        self._told = told

    async def __call__(self, request: Any) -> None:
        """The same for one request, where somebody wants to watch what becomes of it."""
        self.kept(await request.save(self._destination, layout=self._layout))

    def sink(self, places: Places, incoming: Incoming) -> Sink:
        """Where a data set goes; waits for nothing now."""
        if self._layout is None and isinstance(self._destination, Folder):
            return self._destination.sink_for(incoming, check=places.rules.check)
        try:
            return places.sink(self._destination, places.rules, layout=self._layout)
        except Exception as error:  # noqa: BLE001 (the peer is to hear of it)
            return Refusal(error)

    def kept(self, data: ReceivedData) -> None:
        """A data set is kept."""
        if self._told is not None:
            self._told(data)
