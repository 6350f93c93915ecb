"""N-1: every line, transformer and source out once; who is dark, and what switching can do about it.

The element that fails is taken out at both its ends; where it has switches these are opened. Everything
behind it loses supply, and is supplied again through normally-open points as far as every limit holds in the
load flow of the network so switched. Not told here: how long that takes (`reliability`), where the fault is
(`fault_location`), and what a fault does before protection has cleared it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import geopandas as gpd
import pandas as pd

from capacity.checks import Yardstick
from capacity.security.firm import firm_capacities
from capacity.security.judged import make_bench
from capacity.security.outage_study import study_outages
from capacity.security.outages import OUTAGE_TABLES, outages_of
from capacity.security.security_tables import outage_table, step_table
from capacity.security.switchable import make_switchable
from capacity.security.transfers import transfer_table
from gridmodel import GridModel, Scenario


@dataclass(frozen=True, eq=False)
class SecurityResults:
    """What every outage does, and what switching can do about it.

    Attributes
    ----------
    outages
        Indexed by case_id ("lines L1"), columns `security_tables.OUTAGE_COLUMNS`; lost = restored + left.
    steps
        Columns `security_tables.STEP_COLUMNS`, those of a switch set among them: what is out, then what is
        switched, in order.
    transfers
        Columns `transfers.TRANSFER_COLUMNS`: what each feeder can hand over to another.
    firm
        Columns `firm.FIRM_COLUMNS`: what each group of infeeds can supply without its largest.
    broken_now
        Limits broken in normal operation; in the outages they count only where they get worse.
    """

    outages: gpd.GeoDataFrame
    steps: pd.DataFrame
    transfers: gpd.GeoDataFrame
    firm: gpd.GeoDataFrame
    scenario_id: str
    limits: str
    broken_now: int
    engine: str

    @property
    def secure(self) -> bool:
        """Whether nobody stays without supply and no limit is broken after any outage."""
        return bool(self.outages["status"].isin(SECURE).all())

    def switching(self, case_id: str) -> pd.DataFrame:
        """What is out and switched in one outage, as a switch set."""
        from gridmodel.switch_sets import SWITCH_SET_COLUMNS

        return self.steps.loc[self.steps["case_id"] == case_id, list(SWITCH_SET_COLUMNS)]


# Outcomes that leave nobody without supply and break no limit.
SECURE = ("no_loss", "restored", "out_of_service", "no_supply")


def study_security(
    model: GridModel,
    yardstick: Yardstick,
    scenario: Scenario,
    *,
    tables: Sequence[str] = OUTAGE_TABLES,
    restore: bool = True,
    told: Callable[[str], None] | None = None,
) -> SecurityResults:
    """Take every element out once, and restore supply by switching.

    Outages whose dark part no open point reaches are counted, not solved: nothing can be switched there.

    Parameters
    ----------
    tables
        Tables whose elements fail: "lines", "transformers", "sources".
    restore
        Whether supply is restored; without, all that is lost stays without supply, and there are no
        transfers and no firm capacity.
    told
        Is told what is being done.

    Returns
    -------
    SecurityResults

    Raises
    ------
    InputError
        The network has no source, or something the engine cannot represent.
    BalanceError
        What a state leaves without supply is not what its plan says.
    """
    say = told or (lambda _: None)
    found = make_switchable(yardstick)
    say("compiling the network for its switching states")
    bench = make_bench(model, yardstick, scenario, found)
    outages = outages_of(found, tables)
    say(f"{len(outages):,} outages")
    facts = study_outages(bench, outages, restore=restore, told=say)
    table = outage_table(bench, facts)
    if restore:
        say("load transfers between feeders and firm capacity")
    from gridmodel.lean import pandapower

    return SecurityResults(
        outages=table,
        steps=step_table(bench, facts),
        transfers=transfer_table(bench, restore=restore),
        firm=firm_capacities(bench, facts, restore=restore),
        scenario_id=scenario.scenario_id,
        limits=yardstick.limits.name,
        broken_now=bench.broken_now,
        engine=f"feederplan engine on pandapower {pandapower().__version__}",
    )
