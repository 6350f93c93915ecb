"""An answer is kept with all that it rests on, and given again from that: the same bytes, or what differs.

The question (development, limits, assumptions), the network (its rows, and once per project file the network
itself) and the versions are kept. No time of day is in a record, so the same ground gives the same bytes.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from capacity.connection import (
    Assessment,
    ConnectionConfig,
    assess_on,
    assessment_record,
    connection_grid,
)
from capacity.data_quality import hold_back_assessment, weak_data
from capacity.demand.development import Development
from capacity.network_record import network_record
from capacity.store.application import Application, development_of, plain_development
from capacity.store.faults import fault
from capacity.store.kept import Ground, KeptAssessment
from capacity.store.plain import plain_fields, value_of
from capacity.store.rows import canonical
from capacity.versions import versions
from gis import read_network, write_network
from gridmodel import rules_for

if TYPE_CHECKING:
    from capacity.store.store import Store
    from gis import Network

DIFFERENCE_COLUMNS = ("what", "kept", "now")


@dataclass(frozen=True, eq=False)
class Repetition:
    """An answer given again.

    Attributes
    ----------
    kept
        The answer as it was kept.
    record
        The record of now.
    differences
        What the answer rests on and what it says that is not as it was: columns `DIFFERENCE_COLUMNS`.
    """

    kept: KeptAssessment
    record: bytes
    differences: pd.DataFrame

    @property
    def is_same(self) -> bool:
        """Whether every byte of the record is as it was kept."""
        return self.record == self.kept.record


def answers_on(
    network: Network, developments: Iterable[Development], config: ConnectionConfig
) -> Iterator[Assessment]:
    """Answers to applications, each alone on the network as it stands, in the form in which they are kept.

    Figures of feeders with weak data are held back.
    """
    stands = connection_grid(network, config)
    supply = stands.yardstick.supply
    weak = weak_data(network, supply)
    for development in developments:
        yield hold_back_assessment(assess_on(stands, development, config), supply, weak)


def keep(
    store: Store, application: Application, assessment: Assessment, network: Network, config: ConnectionConfig
) -> str:
    """Keep an answer to an application with all that it rests on; returns the id of the assessment."""
    record = network_record(network)
    sha256 = str(record["sha256"])
    if not store.holds_network(sha256):
        store.keep_network(sha256, str(record["name"]), _network_bytes(network))
    question = {"development": plain_development(assessment.development), "config": plain_fields(config)}
    return store.keep_assessment(
        application,
        record_bytes(assessment),
        verdict=assessment.verdict,
        sentence=assessment.sentence,
        ground=Ground(sha256, question, versions()),
    )


def repeat(store: Store, assessment_id: str, network: Network | None = None) -> Repetition:
    """Give an answer again from what is kept.

    Parameters
    ----------
    network
        The network to judge on; the one that is kept where none is given.

    Raises
    ------
    InputError
        There is no such assessment, its bytes are damaged, or its network is neither kept nor given.
    """
    kept = store.assessment(assessment_id)
    grid = _kept_network(store, kept) if network is None else network
    question = kept.ground.question
    development = development_of(question["development"])
    config = value_of(ConnectionConfig, question["config"])
    record = record_bytes(next(answers_on(grid, [development], config)))
    ground = Ground(str(network_record(grid)["sha256"]), question, versions())
    return Repetition(kept, record, _differences(kept, ground, record))


def record_bytes(assessment: Assessment) -> bytes:
    """The record of an answer to the byte."""
    return canonical(assessment_record(assessment)).encode()


def _network_bytes(network: Network) -> bytes:
    """The network as a GeoPackage."""
    with tempfile.TemporaryDirectory(prefix="feederplan-") as folder:
        path = Path(folder) / "network.gpkg"
        write_network(network, path)
        return path.read_bytes()


def _kept_network(store: Store, kept: KeptAssessment) -> Network:
    content = store.network(kept.ground.network_sha256)
    if content is None:
        message = "its network is not in the project file (it was too large); name the file with --network"
        raise fault(
            store.path, "unknown_assessment", message, row_id=kept.assessment_id, table="assessments"
        )  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="feederplan-") as folder:
        path = Path(folder) / "network.gpkg"
        path.write_bytes(content)
        return read_network(path, rules=rules_for())


def _differences(kept: KeptAssessment, ground: Ground, record: bytes) -> pd.DataFrame:
    """Causes first: the network, the versions; then every figure of the record that is another."""
    pairs: list[tuple[dict[str, object], dict[str, object]]] = [
        ({"network sha256": kept.ground.network_sha256}, {"network sha256": ground.network_sha256}),
        (_named("version of ", kept.ground.versions), _named("version of ", ground.versions)),
        (dict(_leaves(json.loads(kept.record))), dict(_leaves(json.loads(record)))),
    ]
    rows = [
        (name, before.get(name), now.get(name))
        for before, now in pairs
        for name in [*before, *(name for name in now if name not in before)]
        if before.get(name) != now.get(name) or (name in before) != (name in now)
    ]
    return pd.DataFrame(rows, columns=list(DIFFERENCE_COLUMNS), dtype=object)


def _named(prefix: str, values: Mapping[str, str]) -> dict[str, object]:
    return {f"{prefix}{name}": value for name, value in values.items()}


def _leaves(value: Any, at: str = "") -> Iterator[tuple[str, object]]:  # any JSON
    """Every figure and text of a JSON value by its place, like `options[0].cost_eur`."""
    if isinstance(value, dict):
        for name, one in value.items():
            yield from _leaves(one, f"{at}.{name}" if at else name)
    elif isinstance(value, list):
        for number, one in enumerate(value):
            yield from _leaves(one, f"{at}[{number}]")
    else:
        yield at, value
