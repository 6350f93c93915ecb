"""The register and everything that was found out, in one project file that several people write to.

Every write is one transaction that is synced before it returns; it is checked here, not in a page, whether
the user may write. A store holds no connection: it may be shared between threads and kept in a session.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from sqlite3 import Connection
from typing import Literal

import pandas as pd
from pyproj import CRS

from capacity.demand.development import Development
from capacity.store import database, kept, register, studies, timeline
from capacity.store.application import Application
from capacity.store.faults import NotAllowedError, fault
from capacity.store.kept import Ground, KeptAssessment
from capacity.store.rows import Author
from capacity.store.studies import KeptStudy
from gis.findings import make_findings

Role = Literal["reader", "planner"]
ROLES: tuple[Role, ...] = ("reader", "planner")
# What each role may do; a login sets the role.
_MAY_WRITE = {"reader": False, "planner": True}


@dataclass(frozen=True)
class Store:
    """A project file, and who works with it.

    Attributes
    ----------
    user
        Name that stands beside every change.
    role
        "reader" sees everything and writes nothing; "planner" writes.
    wait_s
        How long a call waits while others write [s].
    """

    path: Path
    user: str
    role: Role = "planner"
    wait_s: float = database.WAIT_S

    # The register

    def add(self, development: Development, crs: CRS, *, applicant: str = "", note: str = "") -> Application:
        """Register one application; a site without an id of its own gets a number."""
        return self.add_all([Application(development, crs, applicant=applicant, note=note)])[0]

    def add_all(self, applications: Sequence[Application]) -> list[Application]:
        """Register many applications, all or none; every id that is taken already is named."""
        with self._writing() as (connection, author):
            return register.add_all(connection, self.path, applications, author)

    def application(self, application_id: str, revision: int | None = None) -> Application:
        """One application as it stands now, or as it stood at a revision."""
        with self._reading() as connection:
            return register.read_one(connection, self.path, application_id, revision)

    def applications(self, *, statuses: Sequence[str] = (), text: str = "") -> pd.DataFrame:
        """The register in the order it grew, each application with the last answer to it.

        Parameters
        ----------
        statuses
            States that are wanted; all where none is named.
        text
            What stands in the id, the name, the applicant or the note.

        Returns
        -------
        DataFrame
            Columns `register.APPLICATION_COLUMNS`.
        """
        with self._reading() as connection:
            found = register.read_all(connection, self.path, statuses=statuses, text=text)
            return register.table_of(connection, found)

    def every_application(self, *, statuses: Sequence[str] = (), text: str = "") -> list[Application]:
        """The same as values, with all that is asked for."""
        with self._reading() as connection:
            return register.read_all(connection, self.path, statuses=statuses, text=text)

    def change(self, changed: Application) -> Application:
        """Write a changed application over the revision it was read at.

        Raises
        ------
        ConflictError
            Another one changed it meanwhile; nothing was written.
        """
        with self._writing() as (connection, author):
            return register.change(connection, self.path, changed, author)

    def decide(
        self, application: Application, outcome: str, *, reason: str = "", assessment_id: str | None = None
    ) -> Application:
        """Take a decision of `states.outcomes_from(application.status)`: its record and the new state.

        Raises
        ------
        ConflictError
            Another one changed the application meanwhile; nothing was written.
        InputError
            The state does not allow it, or the assessment is of another application.
        """
        with self._writing() as (connection, author):
            return register.decide(
                connection,
                self.path,
                application,
                outcome,
                author,
                reason=reason,
                assessment_id=assessment_id,
            )

    def decisions(self, application_id: str | None = None) -> pd.DataFrame:
        """Decisions in the order they were taken: columns `register.DECISION_COLUMNS`."""
        with self._reading() as connection:
            return register.decisions(connection, application_id)

    # What was found out

    def keep_assessment(
        self, application: Application, record: bytes, *, verdict: str, sentence: str, ground: Ground
    ) -> str:
        """Keep an answer for good; returns its id. `repeating.assess_and_keep` does all of it."""
        with self._writing() as (connection, author):
            row = kept.row_of(application, record, verdict=verdict, sentence=sentence, ground=ground)
            return kept.insert_assessment(connection, self.path, row, author)

    def assessment(self, assessment_id: str) -> KeptAssessment:
        """One assessment as it was kept; refused where its bytes are not those that were kept."""
        with self._reading() as connection:
            return kept.read_one(connection, self.path, assessment_id)

    def assessments(self, application_id: str | None = None) -> pd.DataFrame:
        """Assessments without their records, in order: columns `kept.ASSESSMENT_COLUMNS`."""
        with self._reading() as connection:
            return kept.listed(connection, application_id)

    def keep_network(self, network_sha256: str, name: str, content: bytes) -> None:
        """Keep a network whole, once, so that what rests on it can be repeated when its file is gone."""
        with self._writing() as (connection, author):
            kept.insert_network(connection, network_sha256, name, content, author)

    def holds_network(self, network_sha256: str) -> bool:
        with self._reading() as connection:
            return kept.holds_network(connection, network_sha256)

    def network(self, network_sha256: str) -> bytes | None:
        """The bytes of a network as they were kept; none where it was not."""
        with self._reading() as connection:
            return kept.read_network(connection, network_sha256)

    def keep_study(self, kind: str, name: str, record: bytes, *, ground: Ground) -> str:
        """Keep a plan, queue or portfolio for good; returns its id."""
        with self._writing() as (connection, author):
            return studies.insert_study(connection, kind, name, record, ground, author)

    def study(self, study_id: str) -> KeptStudy:
        with self._reading() as connection:
            return studies.read_one(connection, self.path, study_id)

    def studies(self, kind: str | None = None) -> pd.DataFrame:
        """Studies without their records: columns `studies.STUDY_COLUMNS`."""
        with self._reading() as connection:
            return studies.listed(connection, kind)

    # How it came about

    def history(self, row_id: str | None = None, *, table: str | None = None) -> pd.DataFrame:
        """Every change in order, a row per field: columns `timeline.HISTORY_COLUMNS`."""
        with self._reading() as connection:
            return timeline.history(connection, row_id, table)

    def faults(self) -> pd.DataFrame:
        """What is unsound in the file, as findings; no row when everything is as it was written."""
        from capacity.store.soundness import faults

        with self._reading() as connection:
            return faults(connection)

    def copy(self, target: Path) -> None:
        """Write a copy of the file as it stands now, while others work; whole or not at all."""
        from capacity.store.exports import copy

        copy(self, target)

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with database.reading(self.path, self.wait_s) as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[tuple[Connection, Author]]:
        """The one door to every write: who may not write is refused here."""
        if not _MAY_WRITE[self.role]:
            message = f"{self.user} may read but not write (role {self.role}); ask for the role planner"
            raise NotAllowedError(str(self.path), make_findings("not_allowed", "file", [self.user], message))
        with database.writing(self.path, self.wait_s) as connection:
            yield connection, Author.now(self.user)


def open_store(
    path: str | Path,
    *,
    user: str,
    role: Role = "planner",
    create: bool = True,
    wait_s: float = database.WAIT_S,
) -> Store:
    """Open a project file, or make a new one.

    Parameters
    ----------
    user
        Name that stands beside every change.
    create
        Make the file where there is none; a reader never makes one.

    Raises
    ------
    InputError
        There is no file (and none is to be made), it is foreign, damaged, of a newer version, or locked; the
        user has no name or the role is unknown.
    """
    path, user = Path(path), user.strip()
    if not user or not user.isprintable():
        raise fault(path, "no_user", "every change has the name of who made it; give one")
    if role not in ROLES:
        raise fault(path, "no_user", f"no such role {role!r}; it is one of {', '.join(ROLES)}")
    database.prepare(path, wait_s, create=create and _MAY_WRITE[role])
    return Store(path, user, role, wait_s)
