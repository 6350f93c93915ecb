"""What `feederplan headroom` and `hosting` do once their question is known: search, prove, write, say."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from capacity import output
from capacity.cli_options import DONE, VIOLATED

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

    from capacity.headroom import Question
    from capacity.impact import Impact

# Limits of draws by lot named in text; JSON has all draws.
DRAWS_NAMED = 10


def say_headroom(
    impact: Impact,
    question: Question,
    bus_ids: list[str] | None,
    *,
    proof: int,
    out: Path | None,
    as_json: bool,
) -> int:
    """Answer the question at each bus alone, write and print the answers; returns the exit code."""
    from capacity.data_quality import hold_back_headroom, weak_data
    from capacity.headroom import answer_at_buses
    from capacity.headroom_summary import summary_report

    network, supply, limits = impact.model.network, impact.yardstick.supply, impact.yardstick.limits
    output.progress(f"searching at {len(bus_ids or network.buses):,} buses")
    started = time.perf_counter()
    answers = answer_at_buses(impact, bus_ids, question)
    seconds = time.perf_counter() - started
    found = hold_back_headroom(answers, supply, weak_data(network, supply))
    if out is not None:
        output.write_table(found, out, "headroom", crs=network.crs)
    if bus_ids is None:
        values, lines = summary_report(found, seconds, impact.yardstick)
    else:
        values, lines = output.headroom_report(found, seconds, limits)
    wrong = _prove(impact, question, answers, proof, values, lines) if proof else 0
    output.say(values, lines, as_json=as_json)
    return DONE if found["status"].isin(["ok", "capped"]).all() and not wrong else VIOLATED


def say_joint_headroom(
    impact: Impact, question: Question, bus_ids: list[str], *, out: Path | None, as_json: bool
) -> int:
    """Answer the question for a group of buses at once; returns the exit code."""
    from capacity.data_quality import hold_back_joint, weak_data
    from capacity.headroom import joint_answer

    network, supply = impact.model.network, impact.yardstick.supply
    output.progress(f"searching at {len(bus_ids):,} buses at once")
    started = time.perf_counter()
    found = joint_answer(impact, bus_ids, question)
    seconds = time.perf_counter() - started
    found = hold_back_joint(found, bus_ids, supply, weak_data(network, supply))
    if out is not None:
        output.write_table(found, out, "headroom", crs=None)
    output.say(*_joint_report(found, seconds, impact.yardstick.limits.name), as_json=as_json)
    return DONE if found["status"].isin(["ok", "capped"]).all() else VIOLATED


def say_hosting(impact: Impact, lot: dict[str, Any], *, out: Path | None, as_json: bool) -> int:
    """Draw plants by lot (`hosting_capacity`), write and print the draws; returns the exit code."""
    from capacity.hosting import hosting_capacity

    output.progress(f"drawing {lot['draws']:,} times")
    started = time.perf_counter()
    found = hosting_capacity(impact, **lot)
    seconds = time.perf_counter() - started
    if out is not None:
        output.write_table(found, out, "hosting", crs=None)
    output.say(*_hosting_report(found, seconds, impact.yardstick.limits.name), as_json=as_json)
    return DONE if found["status"].isin(["ok", "capped"]).all() else VIOLATED


def _hosting_report(found: pd.DataFrame, seconds: float, limits_name: str) -> output.Report:
    kw = found["installed_kw"]
    values: dict[str, object] = {
        "draws": len(found), "seconds": round(seconds, 3), "mean_kw": float(kw.mean()),
        "rows": output.rows_of(found),
    }  # fmt: skip
    counts = found["status"].value_counts()
    told = ", ".join(f"{count:,} {str(status).replace('_', ' ')}" for status, count in counts.items())
    lines = [f"{len(found):,} draws: {told}; {seconds:.2f} s, limits {limits_name}"]
    if kw.notna().any():
        low, middle, high = kw.quantile([0.1, 0.5, 0.9])
        lines.append(
            f"  generation at which a limit breaks: mean {kw.mean():,.0f} kW, half of the draws under "
            f"{middle:,.0f} kW, one in ten under {low:,.0f} kW, one in ten over {high:,.0f} kW"
        )
    bound = found[["binding_check", "binding_id"]].value_counts()
    lines += [
        f"  {count:8,} draws  {str(check).replace('_', ' ')} at {element_id}"
        for (check, element_id), count in bound.head(DRAWS_NAMED).items()
    ]
    return values, lines


def _joint_report(found: pd.DataFrame, seconds: float, limits_name: str) -> output.Report:
    row = found.iloc[0]
    values: dict[str, object] = {
        "buses": int(row["buses"]), "seconds": round(seconds, 3), "rows": output.rows_of(found)
    }  # fmt: skip
    bound = f"{str(row['binding_check'] or '').replace('_', ' ')} at {row['binding_id'] or '-'}"
    each, together = (output.figure(row[name], 0) for name in ("headroom_kw", "total_kw"))
    return values, [
        f"{row['buses']:,} buses at once, {row['direction']}: {each} kW each, "
        f"{together} kW together; {row['status'].replace('_', ' ')}, {bound}",
        f"  limits {limits_name}",
    ]


def _prove(
    impact: Impact,
    question: Question,
    answers: gpd.GeoDataFrame,
    sample: int,
    values: dict[str, object],
    lines: list[str],
) -> int:
    """Add to a report what solving the whole grid says of a sample; returns how many answers differ."""
    from capacity.headroom import prove_headroom

    output.progress(f"solving {sample:,} answers again on the whole grid")
    tried, wrong = prove_headroom(impact, answers, question, sample=sample)
    values["proof"] = {"tried": tried, "differing": len(wrong), "bus_ids": wrong}
    lines.append(f"proof: {tried:,} answers solved on the whole grid, and 1 kW above: {len(wrong):,} differ")
    return len(wrong)
