"""Reliability of supply after IEEE 1366: SAIFI, SAIDI, CAIDI, MAIFI, ASAI and energy not supplied, expected.

Expected from failure rates and the times of switching and repair; what was measured in a year is another
thing, and so are planned interruptions and failures of customers' own installations.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from capacity.security.consequences import STAGES
from capacity.security.practice import Practice

INTERRUPTION_COLUMNS = (
    "table", "element_id", "stage", "failures_per_year", "customers", "kw", "minutes",
)  # fmt: skip
CONTRIBUTION_COLUMNS = (
    "table", "element_id", "failures_per_year", "customers_off", "customers_left", "saifi", "saidi_minutes",
    "ens_kwh",
)  # fmt: skip
MINUTES_A_YEAR = 8760.0 * 60.0


@dataclass(frozen=True, eq=False)
class Reliability:
    """Indices of a network, and what each element adds to them.

    Attributes
    ----------
    customers
        Customers with supply in the normal state.
    saifi
        Interruptions a customer and year, momentary ones left out.
    saidi_minutes
        Minutes a customer and year.
    caidi_minutes
        Minutes an interruption; 0 where there are none.
    maifi
        Momentary interruptions a customer and year.
    asai
        Share of the year with supply.
    ens_kwh
        Energy not supplied a year [kWh], at the mean demand.
    elements
        Columns `CONTRIBUTION_COLUMNS`, most SAIDI first.
    practice
        Name of the figures it rests on.
    """

    customers: int
    saifi: float
    saidi_minutes: float
    caidi_minutes: float
    maifi: float
    asai: float
    ens_kwh: float
    elements: pd.DataFrame
    practice: str

    def summary(self) -> dict[str, object]:
        """The indices by name."""
        names = ("customers", "saifi", "saidi_minutes", "caidi_minutes", "maifi", "asai", "ens_kwh")
        return {**{name: getattr(self, name) for name in names}, "practice": self.practice}


def find_reliability(consequences: pd.DataFrame, customers: int, practice: Practice) -> Reliability:
    """Add up the failures of all elements.

    Parameters
    ----------
    consequences
        `consequences.CONSEQUENCE_COLUMNS`.
    customers
        Customers with supply in the normal state.

    Notes
    -----
    SAIFI = sum(failures * customers interrupted) / customers; SAIDI the same with their minutes.
    Interruptions up to `practice.minutes.momentary` count in MAIFI only.

    References
    ----------
    IEEE Std 1366-2012, clause 4.
    """
    rows = interruptions_of(consequences)
    lasting = rows["minutes"] > practice.minutes.momentary
    weight = rows["failures_per_year"] * rows["customers"] / max(customers, 1)
    told = pd.DataFrame(
        {
            "table": rows["table"],
            "element_id": rows["element_id"],
            "saifi": weight.where(lasting, 0.0),
            "maifi": weight.where(~lasting, 0.0),
            "saidi_minutes": (weight * rows["minutes"]).where(lasting, 0.0),
            "ens_kwh": rows["failures_per_year"]
            * rows["kw"]
            * rows["minutes"]
            / 60.0
            * practice.energy.mean_share,
        }
    )
    indices = told[["saifi", "maifi", "saidi_minutes", "ens_kwh"]].sum()
    saifi, saidi = float(indices["saifi"]), float(indices["saidi_minutes"])
    return Reliability(
        customers=customers,
        saifi=saifi,
        saidi_minutes=saidi,
        caidi_minutes=saidi / saifi if saifi else 0.0,
        maifi=float(indices["maifi"]),
        asai=1.0 - saidi / MINUTES_A_YEAR,
        ens_kwh=float(indices["ens_kwh"]),
        elements=_contributions(told, consequences),
        practice=practice.name,
    )


def interruptions_of(consequences: pd.DataFrame) -> pd.DataFrame:
    """One row per failing element and group of customers that are back at the same minute."""
    parts = [
        consequences[["table", "element_id", "failures_per_year"]].assign(
            stage=stage,
            customers=consequences[f"customers_{stage}"],
            kw=consequences[f"kw_{stage}"],
            minutes=consequences[f"minute_{stage}"],
        )
        for stage in STAGES
    ]
    rows = pd.concat(parts, ignore_index=True)[list(INTERRUPTION_COLUMNS)]
    return rows[(rows["customers"] > 0) | (rows["kw"] > 0)].reset_index(drop=True)


def _contributions(told: pd.DataFrame, consequences: pd.DataFrame) -> pd.DataFrame:
    keys = ["table", "element_id"]
    sums = told.groupby(keys, sort=False)[["saifi", "saidi_minutes", "ens_kwh"]].sum()
    rows = consequences[[*keys, "failures_per_year", "customers_off", "customers_left"]]
    joined = rows.join(sums, on=keys).fillna({"saifi": 0.0, "saidi_minutes": 0.0, "ens_kwh": 0.0})
    ranked = joined.sort_values("saidi_minutes", ascending=False, kind="stable", ignore_index=True)
    return ranked[list(CONTRIBUTION_COLUMNS)]
