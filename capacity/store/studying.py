"""Studies of the whole register: who triggers what in the queue, or one plan for all; kept for good."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from capacity.connection import ConnectionConfig, ConnectionGrid, connection_grid
from capacity.connection.portfolio import plan_portfolio
from capacity.connection.queue import study_queue
from capacity.connection.study_report import portfolio_report, queue_report, study_basis
from capacity.network_record import network_record
from capacity.output import Report, plain_values
from capacity.store.application import plain_development
from capacity.store.kept import Ground
from capacity.store.plain import plain_fields
from capacity.store.rows import canonical
from capacity.versions import versions

if TYPE_CHECKING:
    from capacity.demand.development import Development
    from capacity.store.store import Store
    from gis import Network

Told = Callable[[str], None]


@dataclass(frozen=True)
class _Asked:
    """What a study is about."""

    grid: ConnectionGrid
    developments: Sequence[Development]
    config: ConnectionConfig
    as_of: date | None
    told: Told


def _queue(asked: _Asked) -> Report:
    study = study_queue(asked.grid, asked.developments, asked.config, as_of=asked.as_of, told=asked.told)
    return queue_report(study, study_basis(asked.grid, asked.config))


def _portfolio(asked: _Asked) -> Report:
    plan = plan_portfolio(asked.grid, asked.developments, asked.config, told=asked.told)
    return portfolio_report(plan, study_basis(asked.grid, asked.config))


# Kinds of study, and the states of the applications each is about: a queue looks at all, a plan at open ones.
STUDIES = {"queue": _queue, "portfolio": _portfolio}
STUDIED_STATES: dict[str, tuple[str, ...]] = {"queue": (), "portfolio": ("enquiry", "quoted", "accepted")}


def study_register(
    store: Store, network: Network, kind: str, config: ConnectionConfig, *,
    name: str = "", as_of: date | None = None, told: Told = lambda _: None,
) -> tuple[str, Report]:  # fmt: skip
    """Study the applications of the register together and keep what was found.

    Parameters
    ----------
    kind
        A key of `STUDIES`.
    network
        As it stands, without any of the applications.
    as_of
        Day a queue is looked at, for offers that lapse.

    Returns
    -------
    study_id, report
        The report's values are what is kept.
    """
    applications = store.every_application(statuses=STUDIED_STATES[kind])
    developments = [one.development_in(network.crs) for one in applications]
    asked = _Asked(connection_grid(network, config), developments, config, as_of, told)
    values, lines = STUDIES[kind](asked)
    question = {
        "kind": kind,
        "as_of": None if as_of is None else as_of.isoformat(),
        "config": plain_fields(config),
        "developments": [plain_development(one) for one in developments],
        "revisions": {one.application_id: one.revision for one in applications},
    }
    ground = Ground(str(network_record(network)["sha256"]), question, versions())
    record = canonical(plain_values(values)).encode()
    return store.keep_study(kind, name, record, ground=ground), (values, lines)
