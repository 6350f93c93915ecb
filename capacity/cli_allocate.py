"""What `feederplan allocate` does: read meters, scale customers, write the network with them, say."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from capacity import output
from capacity.cli_options import DONE, VIOLATED, AsJson, NetworkFile, Out

if TYPE_CHECKING:
    import pandas as pd

    from capacity.demand.allocation import Allocation
    from gridmodel.profile_set import ProfileSet

# Meters named in text; JSON has them all.
METERS_NAMED = 40


def allocate(
    network: NetworkFile,
    readings: Annotated[Path, typer.Argument(metavar="READINGS.csv", help="Measured peaks; docs/demand.md.")],
    by: Annotated[
        str, typer.Option(help="How customers share a reading: p_kw, energy or transformer_rating.")
    ] = "p_kw",
    diversity: Annotated[
        bool,
        typer.Option(
            "--diversity", help="With the coincidence of coincidence.toml; loads as they stand otherwise."
        ),
    ] = False,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Scale customers until elements carry what their meters read; exit code 1 when one is not met."""
    from capacity.demand.allocation import Rule, allocate_peaks, allocated_network
    from capacity.demand.coincidence import AsGiven, default_methods
    from capacity.demand.customer_size import default_sizes
    from capacity.demand.customers import customers_of
    from capacity.demand.meter_peaks import read_meter_peaks
    from gis import read_network, write_network
    from gis.feeders import trace_supply
    from gridmodel import rules_for

    if by not in get_args(Rule):
        raise typer.BadParameter(f"must be one of {', '.join(get_args(Rule))}", param_hint="--by")
    output.require_target(out, network, readings)
    output.progress(f"reading {network}")
    grid = read_network(network, rules=rules_for())
    supply = trace_supply(grid)
    measured = read_meter_peaks(readings, grid, supply)
    classes = [str(name) for name in grid.loads["customer_class"].unique()]
    methods = default_methods() if diversity else {name: AsGiven() for name in classes}
    customers = customers_of(grid, default_sizes() if diversity else None, methods)
    output.progress(f"meeting {len(measured)} meters")
    found = allocate_peaks(
        grid, supply, customers, methods, measured, by=by, profiles=_profiles(measured)  # type: ignore[arg-type]
    )  # fmt: skip
    if out is not None:
        write_network(allocated_network(grid, customers, found), out)
    output.say(*allocation_report(found, customers), as_json=as_json)
    raise typer.Exit(DONE if (found.meters["status"] == "met").all() else VIOLATED)


def allocation_report(found: Allocation, before: pd.DataFrame) -> output.Report:
    """Every meter with what it read, and what customers draw before and after."""
    placed = (before["status"] == "placed").to_numpy()
    size_kw = [
        float((table["customers"] * table["peak_kw"])[placed].sum()) for table in (before, found.customers)
    ]
    values: dict[str, object] = {
        "meters": output.rows_of(found.meters),
        "met": int((found.meters["status"] == "met").sum()),
        "customers": before["status"].value_counts().to_dict(),
        "peaks_before_kw": size_kw[0],
        "peaks_after_kw": size_kw[1],
        "rounds": found.rounds,
    }
    lines = [
        f"{values['met']} of {len(found.meters)} meters met; customers' own peaks "
        f"{size_kw[0]:,.0f} -> {size_kw[1]:,.0f} kW",
        *(
            f"  {row.meter_id:16} {row.status:12} read {row.measured_kw:10,.1f} kW, before "
            f"{output.figure(row.before_kw, 1):>10}, after {output.figure(row.after_kw, 1):>10}  {row.reason}"
            for row in found.meters.head(METERS_NAMED).itertuples()
        ),
    ]
    return values, lines


def _profiles(measured: pd.DataFrame) -> ProfileSet | None:
    """Profiles of the year of the readings that have a time."""
    timed = measured["time"].dropna()
    if timed.empty:
        return None
    from gridmodel.standard_profiles import demand_profiles

    return demand_profiles(int(timed.iloc[0].year))
