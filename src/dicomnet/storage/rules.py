"""How instances become files, where nothing else is said about one of them."""

from __future__ import annotations

from dicomnet.records import dataclass
from dicomnet.storage.room import Reserve
from dicomnet.storage.twins import Duplicates, duplicates_of
from dicomnet.storage.walk import Check, check_of


@dataclass(frozen=True, slots=True)
class FileRules:
    """What a server was told about files; see `dicomnet.server.server.Server` for each."""

    durable: bool = True
    check: Check = "refuse"
    duplicates: Duplicates = "keep-both"
    strict_uids: bool = False
    reserve: Reserve | int | str | None = None

    def __post_init__(self) -> None:
        check_of(self.check)
        duplicates_of(self.duplicates)
        Reserve.of(self.reserve)

    def but(
        self, *, durable: bool | None = None, check: Check | None = None, duplicates: Duplicates | None = None
    ) -> FileRules:
        """The same for an instance of which something else was said; None is nothing."""
        if durable is None and check is None and duplicates is None:
            return self
        return FileRules(
            self.durable if durable is None else durable,
            check or self.check,
            duplicates or self.duplicates,
            self.strict_uids,
            self.reserve,
        )
