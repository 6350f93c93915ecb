"""`feederplan plan`: what to build, where, when and at what cost, proved by load flow in every case."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from capacity import cli_network, output
from capacity.cli_bottlenecks import chosen_scenario, require_years, years_named
from capacity.cli_options import DONE, VIOLATED, AsJson, LimitsName, NetworkFile, finite_or_none

if TYPE_CHECKING:
    import pandas as pd

    from capacity.costs import CostTable
    from capacity.limits import Limits
    from capacity.planning import Plan, PlanTerms
    from capacity.planning.asked_cases import AskedCases
    from capacity.planning.plan_draft import Progress
    from gis import Network

# Files a plan can be written to.
PLAN_SUFFIXES = (".gpkg", ".xlsx", ".csv", ".json")
# Rows of text; JSON has all.
ROWS_NAMED = 20


def plan(
    network: NetworkFile,
    scenario: Annotated[
        list[str] | None,
        typer.Option(
            "--scenario",
            help="What the plan must hold in: a scenario of the network (its first if absent), load_case, "
            "feed_in_case, or one demand scenario: a shipped one by name, or a TOML file. May be repeated.",
        ),
    ] = None,
    years: Annotated[
        str | None,
        typer.Option(help="Years of the demand scenario, like 2030,2035; all of its years if absent."),
    ] = None,
    limits: LimitsName = "en50160",
    costs: Annotated[str | None, typer.Option(help="Cost table by name, or a CSV file.")] = None,
    price_year: Annotated[
        int | None, typer.Option(help="Year whose prices are wanted; goes with --index-percent.")
    ] = None,
    index_percent: Annotated[
        float | None,
        typer.Option(callback=finite_or_none, help="Rise of prices [% a year] up to --price-year."),
    ] = None,
    measure: Annotated[
        list[str] | None,
        typer.Option("--measure", help="Kind of measure that may be used; may be repeated. All if absent."),
    ] = None,
    build_only: Annotated[
        bool, typer.Option("--build-only", help="Only what is built: no taps, switching, contracts.")
    ] = False,
    n_1: Annotated[
        bool, typer.Option("--n-1", help="Hold the limits after the loss of any one element too.")
    ] = False,
    budget_eur_per_year: Annotated[
        float | None,
        typer.Option(min=0.01, callback=finite_or_none, help="Most that may be built for in one year."),
    ] = None,
    method: Annotated[str, typer.Option(help="milp (least cost) or greedy (fast, for comparison).")] = "milp",
    discount_rate_percent: Annotated[
        float | None, typer.Option(min=0.0, max=30.0, callback=finite_or_none, help="Interest a year.")
    ] = None,
    horizon_years: Annotated[
        int | None, typer.Option(min=1, max=80, help="Years that yearly costs are counted.")
    ] = None,
    time_limit_s: Annotated[
        float | None,
        typer.Option(min=0.1, callback=finite_or_none, help="Longest search; then the best plan so far."),
    ] = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option(help="JSON file that keeps what was found; one of the same input is taken up."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the checkpoint, which must be there.")
    ] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Prove every case once more by plain pandapower.")
    ] = False,
    progress: Annotated[
        Path | None, typer.Option(help="JSON file that always says how far the search is.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="*.gpkg, *.xlsx, *.csv or *.json file.")] = None,
    as_json: AsJson = False,
) -> None:
    """Find the cheapest plan that holds every limit in every case; exit code 1 when some stay broken.

    It ends with a load flow of every case on the changed network. Ctrl-C ends with the best plan so far.
    """
    from capacity.costs import DEFAULT_TABLE, read_costs
    from capacity.limits import read_limits
    from capacity.planning import plan_expansion

    terms = _terms(
        measure, method, build_only=build_only, budget_eur_per_year=budget_eur_per_year,
        discount_rate_percent=discount_rate_percent, horizon_years=horizon_years, time_limit_s=time_limit_s,
    )  # fmt: skip
    _refuse_options(checkpoint, resume=resume, scenarios=scenario)
    output.require_target(out, network, suffix=PLAN_SUFFIXES)
    asked_years = years_named(years)
    profile = read_limits(limits)
    prices = read_costs(costs or DEFAULT_TABLE, price_year=price_year, index_percent_per_year=index_percent)
    grid = cli_network.network_of(network)
    asked = _asked(grid, scenario, asked_years, profile)
    with interrupted() as cancelled:
        found = plan_expansion(
            grid, asked.cases, profile, costs=prices, terms=terms, hours=asked.hours, n_minus_1=n_1,
            checkpoint=checkpoint, resume=resume, cancelled=cancelled,
            told=_teller(progress, prices.currency),
        )  # fmt: skip
    proof = _verified(found) if verify else None
    if out is not None:
        _write(found, prices, out)
    output.say(*plan_report(found, proof), as_json=as_json)
    agrees = proof is None or bool(proof["agrees"].all())
    raise typer.Exit(DONE if found.status == "resolved" and agrees else VIOLATED)


def plan_report(plan: Plan, proof: pd.DataFrame | None = None) -> output.Report:
    """Steps, cost, what is left and how it was proved."""
    values: dict[str, object] = {
        "status": plan.status,
        "steps": output.rows_of(plan.steps),
        "cost_eur": plan.capital_eur,
        "present_value_eur": plan.present_value_eur,
        "bound_eur": plan.bound_eur,
        "cost_table": plan.cost_table,
        "price_year": plan.price_year,
        "currency": plan.currency,
        "unresolved": output.rows_of(plan.unresolved),
        "violations_before": int(plan.cases["violations_before"].sum()),
        "violations_after": len(plan.unresolved),
        "cases": output.rows_of(plan.cases),
        "hours": [] if plan.hours is None else output.rows_of(plan.hours),
        "not_proposed": [] if plan.not_proposed is None else output.rows_of(plan.not_proposed),
        "asked": dict(plan.asked or {}),
        "seconds": round(plan.seconds, 3),
    }
    if proof is not None:
        values["verified"] = output.rows_of(proof)
    return values, [*_head(plan), *_step_lines(plan), *_left_lines(plan), *_proof_lines(plan, proof)]


@contextmanager
def interrupted() -> Iterator[Callable[[], bool]]:
    """Within it the first Ctrl-C is remembered, and told by what is yielded; the second stops at once."""
    seen: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        if seen:
            raise KeyboardInterrupt
        seen.append(number)
        output.progress("stopping: the best plan so far is solved in every case; again to stop at once")

    before = signal.signal(signal.SIGINT, note)
    try:
        yield lambda: bool(seen)
    finally:
        signal.signal(signal.SIGINT, before)


def _terms(kinds: list[str] | None, method: str, *, build_only: bool, **figures: float | None) -> PlanTerms:
    """Terms of a plan from options; those not given are as they ship."""
    from capacity.measures import BUILDING
    from capacity.measures import kinds as known_kinds
    from capacity.planning import PlanTerms

    if method not in ("milp", "greedy"):
        raise typer.BadParameter("must be milp or greedy", param_hint="--method")
    if kinds and build_only:
        raise typer.BadParameter("is a choice of measures; leave --measure out", param_hint="--build-only")
    unknown = [kind for kind in kinds or () if kind not in known_kinds()]
    if unknown:
        raise typer.BadParameter(
            f"no measure {', '.join(unknown)}; there are: {', '.join(known_kinds())}", param_hint="--measure"
        )
    chosen = tuple(BUILDING) if build_only else tuple(kinds) if kinds else None
    given = {name: figure for name, figure in figures.items() if figure is not None}
    return PlanTerms.model_validate({"measures": chosen, "method": method, **given})


def _refuse_options(checkpoint: Path | None, *, resume: bool, scenarios: list[str] | None) -> None:
    if resume and checkpoint is None:
        raise typer.BadParameter("name the file with --checkpoint", param_hint="--resume")
    twice = sorted({name for name in scenarios or () if (scenarios or []).count(name) > 1})
    if twice:
        raise typer.BadParameter(f"name each once: {', '.join(twice)}", param_hint="--scenario")


def _asked(grid: Network, names: list[str] | None, years: list[int] | None, limits: Limits) -> AskedCases:
    """Cases of all scenarios that are named."""
    from capacity.planning.asked_cases import asked_cases
    from capacity.planning.worst_cases import worst_case_names
    from gridmodel import find_scenario
    from gridmodel.scenario import scenarios_of

    own, worst, demand = [], [], []
    for name in names or [None]:  # type: ignore[list-item]  # None is the network's first
        if name in worst_case_names() and name not in scenarios_of(grid):
            worst.append(str(name))
            continue
        chosen = chosen_scenario(grid, name)
        if isinstance(chosen, str | None):
            own.append(find_scenario(grid, chosen))
        else:
            demand.append(chosen)
    if len(demand) > 1:
        raise typer.BadParameter("a plan is of one demand scenario; plan each", param_hint="--scenario")
    if years is not None and not demand:
        raise typer.BadParameter(
            "belongs to a demand scenario; name one with --scenario", param_hint="--years"
        )
    named = require_years(demand[0], years) if demand else ()
    return asked_cases(
        grid, limits, scenarios=own, worst=worst, demand=demand[0] if demand else None, years=named,
        told=output.progress,
    )  # fmt: skip


def _teller(path: Path | None, currency: str) -> Callable[[Progress], None]:
    """Says how far a plan is on stderr, and in a file that a page may read at any time."""
    from dataclasses import asdict

    from gis.formats.whole import write_whole

    said: list[str] = []

    def tell(now: Progress) -> None:
        left = "" if now.violations is None else f", {now.violations:,} limits broken"
        text = f"{now.stage}: {now.steps} measures, {now.cost_eur:,.0f} {currency}{left}"
        if said[-1:] != [text]:
            said.append(text)
            output.progress(text)
        if path is not None:
            said_now = json.dumps(asdict(now) | {"currency": currency})
            write_whole(path, lambda draft: draft.write_text(said_now, encoding="utf-8"))

    return tell


def _verified(plan: Plan) -> pd.DataFrame:
    from capacity.planning.verify import verify_plan

    output.progress("proving every case by plain pandapower")
    return verify_plan(plan)


def _write(plan: Plan, costs: CostTable, out: Path) -> None:
    from capacity.planning.plan_files import write_plan

    output.progress(f"writing {out}")
    write_plan(plan, out, costs)


def _head(plan: Plan) -> list[str]:
    before = int(plan.cases["violations_before"].sum())
    bound = "" if plan.bound_eur is None else f", bound of the program {plan.bound_eur:,.0f}"
    return [
        f"Plan: {plan.status}; {before:,} limits broken without it, {len(plan.unresolved):,} with it",
        f"  {len(plan.steps)} measures, {plan.capital_eur:,.0f} {plan.currency}; present value "
        f"{plan.present_value_eur:,.0f}{bound}; costs {plan.cost_table}, prices of {plan.price_year}",
    ]


def _step_lines(plan: Plan) -> list[str]:
    years = plan.steps["year"].astype("string").fillna("")
    lines = [
        f"  {row.step:3}. {year:4} {row.measure:18} {row.element_id:24} {row.cost_eur:12,.0f}  {row.reason}"
        for row, year in zip(plan.steps.head(ROWS_NAMED).itertuples(), years, strict=False)
    ]
    more = len(plan.steps) - len(lines)
    return [*lines, f"  and {more} more"] if more > 0 else lines


def _left_lines(plan: Plan) -> list[str]:
    lines = [
        f"  unresolved {row.check} {row.element_id} in {row.case_id}: {row.value:.4g} {row.unit} "
        f"(limit {row.limit:.4g}): {row.reason}"
        for row in plan.unresolved.head(ROWS_NAMED).itertuples()
    ]
    more = len(plan.unresolved) - len(lines)
    return [*lines, f"  and {more} more limits broken"] if more > 0 else lines


def _proof_lines(plan: Plan, proof: pd.DataFrame | None) -> list[str]:
    engines = ", ".join(plan.cases["engine"].unique())
    lines = [f"  {len(plan.cases)} cases solved on the changed network by {engines}"]
    if plan.hours is not None:
        lines += [
            f"  {row.scenario} {row.year}: {row.hours:,} hours solved, {row.hours_broken:,} break a limit"
            for row in plan.hours.itertuples()
        ]
    if proof is not None:
        broken, agree = int(proof["violations"].sum()), int(proof["agrees"].sum())
        lines.append(f"  pandapower: {broken} limits broken; agrees in {agree} of {len(proof)} cases")
    return lines


def compare_plan_files(
    network: Path | None, plan_a: Path, plan_b: Path, *, out: Path | None, as_json: bool
) -> int:
    """Compare two GeoPackages of plans of one network; VIOLATED when B is worse in anything."""
    from capacity.planning.comparison import compare_plans
    from capacity.planning.plan_reading import read_plan
    from capacity.result_files import require_results_folder, sha256_of, write_results

    if network is None:
        raise typer.BadParameter("two plans are compared on their network; name it", param_hint="--network")
    if out is not None:
        require_results_folder(out)
    grid = cli_network.network_of(network)
    a, b = (read_plan(path, grid).plan for path in (plan_a, plan_b))
    found = compare_plans(a, b)
    if out is not None:
        files = [{"plan": path.name, "sha256": sha256_of(path)} for path in (plan_a, plan_b)]
        write_results(out, found, {"compared": files}, crs=grid.crs)
    output.say(*_comparison(found), as_json=as_json)
    return VIOLATED if (found["plan_totals"]["worse"] == "b").any() else DONE


def _comparison(found: dict[str, pd.DataFrame]) -> output.Report:
    """Totals side by side, cost by level and year, and the steps that differ."""
    values: dict[str, object] = {name: output.rows_of(rows) for name, rows in found.items()}
    lines = [
        f"  {row.what:20} {row.value_a:16,.0f} {row.value_b:16,.0f} {row.unit:6} {row.worse}"
        for row in found["plan_totals"].itertuples()
    ]
    years = found["plan_levels"]["year"].astype("string").fillna("")
    lines += [
        f"  {f'{row.level} {year}':20} {row.cost_a_eur:16,.0f} {row.cost_b_eur:16,.0f}"
        for row, year in zip(found["plan_levels"].itertuples(), years, strict=True)
    ]
    steps = found["plan_differences"]
    differing = steps[steps["within"] != "both"].head(ROWS_NAMED)
    return values, [*lines, *(f"  {row.within}: {row.what}" for row in differing.itertuples())]
