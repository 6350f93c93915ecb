"""Small random feeders and measures for them: what planning is proved on."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
import pandas as pd

from capacity.checks import Yardstick, make_yardstick
from capacity.costs.cost import Cost
from capacity.limits import read_limits
from capacity.measures.measure import Measure
from capacity.planning.evaluation import Evaluation
from capacity.planning.plan_cases import PlanCases, no_switching
from capacity.planning.plan_grid import make_plan_grid
from gis import Network
from gis.changes import NetworkChanges, cells_of
from gis.examples import network_from_text

CABLES = (("NAYY 4x95 SE", 40.0), ("NAYY 4x150 SE", 50.0), ("NAYY 4x240 SE", 66.0))
THIN = "NAYY 4x50 SE"


def random_feeder(seed: int, sections: int = 5) -> Network:
    """A station with a random tree of thin cables behind it, and one load at every cabinet."""
    draw = np.random.default_rng(seed)
    text = [
        "bus S 20", "bus B 0.4", "source G S 1.0", 'transformer T S B "0.25 MVA 20/0.4 kV"',
    ]  # fmt: skip
    for k in range(sections):
        above = "B" if k == 0 else f"N{draw.integers(max(0, k - 2), k)}"
        text.append(f"bus N{k} 0.4")
        text.append(f'line L{k} {above} N{k} {draw.integers(60, 260)} "{THIN}"')
        text.append(f"load H{k} N{k} {draw.integers(8, 40)} residential 3")
    return network_from_text("\n".join([*text, "scenario base"]))


def replacements(network: Network) -> list[Measure]:
    """Every line in three sizes, its price by the metre."""
    return [
        Measure(
            measure_id=f"replace_line|{line_id}|{cable}",
            kind="replace_line",
            table="lines",
            element_id=str(line_id),
            changes=NetworkChanges(cells=cells_of(("lines", str(line_id), "type_id", cable))),
            cost=Cost(eur=eur_per_m * length_m),
            months=3,
            text=f"replace {line_id} by {cable}",
        )
        for line_id, length_m in network.lines["length_m"].items()
        for cable, eur_per_m in CABLES
    ]


def parallels(network: Network, line_ids: Sequence[str]) -> list[Measure]:
    """A second cable beside lines."""
    rows = pd.DataFrame(network.lines.loc[list(line_ids)]).reset_index()
    return [
        Measure(
            measure_id=f"parallel_line|{row['line_id']}",
            kind="parallel_line",
            table="lines",
            element_id=str(row["line_id"]),
            changes=NetworkChanges(
                added={
                    "lines": pd.DataFrame([row]).assign(
                        line_id=f"parallel_line|{row['line_id']}", type_id=CABLES[1][0]
                    )
                }
            ),
            cost=Cost(eur=60.0 * row["length_m"]),
            months=3,
            text=f"lay a cable beside {row['line_id']}",
            excludes=frozenset({("lines", row["line_id"])}),  # type: ignore[arg-type]
        )
        for row in rows.to_dict("records")
    ]


def larger_transformer(network: Network, transformer_id: str = "T") -> Measure:
    """A transformer of 630 kVA."""
    kind = "0.63 MVA 20/0.4 kV"
    return Measure(
        measure_id=f"replace_transformer|{transformer_id}|{kind}",
        kind="replace_transformer",
        table="transformers",
        element_id=transformer_id,
        changes=NetworkChanges(cells=cells_of(("transformers", transformer_id, "type_id", kind))),
        cost=Cost(eur=10_000.0),
        months=3,
        text="larger transformer",
    )


def cases(network: Network, *factors: float, years: Sequence[int | None] | None = None) -> PlanCases:
    """A case per factor on all loads, at cos phi 0.95."""
    bus = network.buses.index.get_indexer(network.loads["bus_id"])
    drawn = np.bincount(bus, network.loads["p_kw"], minlength=len(network.buses)) * (1 + 0.329j)
    ids = pd.Index([f"c{k}" for k in range(len(factors))], name="case_id")
    labels = pd.DataFrame(
        {
            "scenario": "base",
            "year": pd.array(years or [None] * len(factors), dtype="Int64"),
            "hour": pd.Series(pd.NaT, ids, dtype="datetime64[ns, UTC]").to_numpy(),
            "outage": "",
        },
        index=ids,
    )
    return PlanCases(labels, np.array(factors)[:, None] * drawn, no_switching())


def yardstick(network: Network, profile: str = "en50160") -> Yardstick:
    return make_yardstick(network, read_limits(profile))


def best_by_force(network: Network, measures: Sequence[Measure], given: PlanCases) -> float | None:
    """Least cost of all combinations, each solved on the drawn-in network; nothing where none holds."""
    evaluation = Evaluation(make_plan_grid(yardstick(network), given, measures), threads=1)
    groups: dict[frozenset[object], list[int]] = {}
    for row, one in enumerate(measures):
        groups.setdefault(one.keys, []).append(row)
    choices = [[None, *rows] for rows in groups.values()]
    plans = [np.array([k for k in plan if k is not None], dtype=np.int64) for plan in product(*choices)]
    holds = np.ones(len(plans), dtype=bool)
    nothing = np.zeros(0, dtype=np.int64)
    for case in range(len(given.kva)):
        standing = evaluation.standing(case, nothing)
        for first, excess in evaluation.steps(standing, [(nothing, plan) for plan in plans]):
            holds[first : first + len(excess)] &= (excess <= 0.0).all(axis=1)
    costs = [sum(measures[k].cost.eur for k in plan) for plan, fine in zip(plans, holds, strict=True) if fine]
    return min(costs) if costs else None
