"""Two people changed one application: what stood, what each of them wants, and what both changed."""

from __future__ import annotations

from dataclasses import fields, replace

import pandas as pd

from capacity.demand.development import Development
from capacity.store.application import Application, content_of
from gis import InputError
from gis.findings import make_findings

CONFLICT_COLUMNS = ("field", "before", "mine", "theirs", "clash")


class ConflictError(InputError):
    """The application was changed since it was read; nothing was written.

    Attributes
    ----------
    mine
        What was to be written.
    theirs
        What stands now; `changed_by` and `changed_at` say who wrote it and when.
    base
        What both had read.
    differences
        Fields that one of them changed: field, before, mine, theirs, clash (both changed it, not alike).
    """

    def __init__(self, source: str, *, mine: Application, theirs: Application, base: Application) -> None:
        self.mine, self.theirs, self.base = mine, theirs, base
        self.differences = differences(base, mine, theirs)
        theirs_only = self.differences.loc[self.differences["before"] != self.differences["theirs"]]
        said = "; ".join(f"{row.field}: {row.before} -> {row.theirs}" for row in theirs_only.itertuples())
        message = (
            f"{theirs.changed_by} changed it at {theirs.changed_at} (revision {base.revision} -> "
            f"{theirs.revision}): {said or 'no field that differs now'}; nothing of yours was written: "
            "read it again, then change it"
        )
        super().__init__(source, make_findings("conflict", "applications", [mine.application_id], message))

    @property
    def mine_again(self) -> Application:
        """Mine as a change of what stands now: written knowingly over theirs."""
        return replace(self.mine, revision=self.theirs.revision)

    @property
    def merged(self) -> Application | None:
        """Both changes together, as a change of what stands now; none where both changed one field."""
        if self.differences["clash"].any():
            return None
        mine_only = set(
            self.differences.loc[self.differences["before"] == self.differences["theirs"], "field"]
        )
        return _with_fields(self.theirs, self.mine, mine_only)


def differences(base: Application, mine: Application, theirs: Application) -> pd.DataFrame:
    """Fields in which one of the three is not like the others: columns `CONFLICT_COLUMNS`."""
    before, own, other = (content_of(one) for one in (base, mine, theirs))
    rows = [
        (name, before[name], own[name], other[name], before[name] != own[name] != other[name] != before[name])
        for name in before
        if not before[name] == own[name] == other[name]
    ]
    return pd.DataFrame(rows, columns=list(CONFLICT_COLUMNS)).astype({"clash": bool})


def _with_fields(onto: Application, source: Application, names: set[str]) -> Application:
    """An application with some fields of another; place and its coordinate system go together."""
    names = names | {"place", "crs"} if names & {"place", "crs"} else names
    asked = {one.name for one in fields(Development)} & names
    development = replace(onto.development, **{name: getattr(source.development, name) for name in asked})
    own = {name: getattr(source, name) for name in names - asked}
    return replace(onto, development=development, **own)
