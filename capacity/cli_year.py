"""What `feederplan headroom --profile` does: read the profiles, search the year, write, say."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from capacity import output
from capacity.cli_options import DONE, VIOLATED

if TYPE_CHECKING:
    from capacity.headroom import Direction, Question
    from capacity.headroom_year import YearHeadroom
    from capacity.impact import Impact
    from gis import Network
    from gridmodel.profile_set import ProfileSet

# The profiles that ship.
SHIPPED = "year"


def require_fitting_options(
    profile: str | None, *, joint: bool, proof: int, time_zone: str | None, every_hour: bool
) -> None:
    """Refuse options of `feederplan headroom` that say nothing together."""
    if profile is None:
        wrong = "--time-zone" if time_zone is not None else "--every-hour" if every_hour else ""
        if wrong:
            raise typer.BadParameter("belongs to --profile", param_hint=wrong)
    elif joint or proof:
        raise typer.BadParameter("not over a year", param_hint="--joint" if joint else "--proof")
    elif profile == SHIPPED and time_zone is not None:
        raise typer.BadParameter("the profiles that ship have their own", param_hint="--time-zone")


def profiles_for(profile: str, direction: Direction, network: Network, time_zone: str | None) -> ProfileSet:
    """ProfileSet by their name, or of a file; told is whose load or generation follows none.

    Raises
    ------
    InputError
        The file or the time zone cannot be interpreted.
    """
    if profile == SHIPPED:
        from gridmodel.standard_profiles import standard_profiles

        return standard_profiles(direction)
    from gridmodel.profile_file import read_profiles, require_time_zone

    zone = require_time_zone(time_zone or "UTC")
    profiles = read_profiles(Path(profile), network, time_zone=zone)
    constant = profiles.without_profile(network)
    if constant:
        output.progress(f"no profile, the scenario's factor in all hours: {', '.join(constant)}")
    return profiles


def say_year_headroom(
    impact: Impact,
    question: Question,
    profiles: ProfileSet,
    bus_ids: list[str] | None,
    *,
    every_hour: bool,
    out: Path | None,
    as_json: bool,
) -> int:
    """Answer the question over a year at each bus, write and print the answers; returns the exit code."""
    from capacity.data_quality import hold_back_year, weak_data
    from capacity.headroom_year import headroom_year
    from capacity.year_summary import year_report

    network, supply = impact.model.network, impact.yardstick.supply
    output.progress(f"searching at {len(bus_ids or network.buses):,} buses in {len(profiles.time):,} hours")
    started = time.perf_counter()
    answers = headroom_year(
        impact, profiles, question, bus_ids, every_hour=every_hour, told=_progress_every(seconds=10.0)
    )
    seconds = time.perf_counter() - started
    found = hold_back_year(answers, supply, weak_data(network, supply))
    if out is not None:
        write_year(found, out)
    values, lines = year_report(found, seconds, impact.yardstick, profiles, with_blocks=bus_ids is not None)
    output.say(values, lines, as_json=as_json)
    return DONE if found.firm["status"].isin(["ok", "capped"]).all() else VIOLATED


def write_year(found: YearHeadroom, out: Path) -> None:
    """Write the firm headroom to a file, and all blocks to `NAME.blocks.parquet` beside it."""
    output.write_table(found.firm, out, "headroom_year", crs=found.firm.crs)
    output.write_table(found.of_blocks(), out.with_suffix(".blocks.parquet"), "headroom_blocks", crs=None)


def _progress_every(*, seconds: float):  # type: ignore[no-untyped-def]
    """A function that tells how far a long search is, not more often than that."""
    lock, last = threading.Lock(), [time.monotonic()]

    def told(done: int, of: int) -> None:
        with lock:
            if time.monotonic() - last[0] >= seconds:
                last[0] = time.monotonic()
                output.progress(f"{done} of {of} blocks")

    return told
