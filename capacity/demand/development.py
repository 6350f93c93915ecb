"""Demand of a development: the coincident peak of its homes, heat pumps, charging points and shops."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pandas as pd
from shapely.geometry.base import BaseGeometry

from capacity.assumptions import Assumptions
from capacity.demand.coincidence import Coincidence, Rusck
from gis import InputError
from gis.findings import make_findings

_FIGURES = ("dwellings", "heat_pumps", "ev_points", "floor_area_m2", "demand_kw")


@dataclass(frozen=True)
class Development:
    """What an applicant asks for, and where.

    Attributes
    ----------
    place
        Point or polygon in the CRS of the network.
    demand_kw
        Demand stated by the applicant [kW], on top of what is counted.
    """

    place: BaseGeometry
    site_id: str = "site"
    name: str = "the site"
    dwellings: int = 0
    heat_pumps: int = 0
    ev_points: int = 0
    floor_area_m2: float = 0.0
    demand_kw: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what is no demand.

        Raises
        ------
        InputError
            A figure is negative or not finite; every such figure is named.
        """
        figures = {name: getattr(self, name) for name in _FIGURES}
        bad = [name for name, value in figures.items() if not 0.0 <= value < math.inf]
        if bad:
            messages = [f"{name} must be a number >= 0; correct it" for name in bad]
            values = [figures[name] for name in bad]
            raise InputError(
                "sites",
                make_findings("out_of_range", "sites", [self.site_id] * len(bad), messages, values=values),
            )


def coincident_kw(count: int, admd_kw: float, g_inf: float) -> float:
    """Peak of a number of equal customers, after Rusck.

    g(n) = g_inf + (1 - g_inf) / sqrt(n); the after-diversity demand is the single peak times g_inf.

    Parameters
    ----------
    count
        Number of customers.
    admd_kw
        Demand per customer when very many draw together [kW].
    g_inf
        Coincidence of very many, 0..1.

    Returns
    -------
    float
        Peak of all together [kW].

    References
    ----------
    S. Rusck, "The simultaneous demand in distribution network supplying domestic consumers",
    ASEA Journal 10 (1956).

    Examples
    --------
    >>> coincident_kw(100, admd_kw=2.0, g_inf=0.2)
    280.0
    >>> coincident_kw(1, admd_kw=2.0, g_inf=0.2)
    10.0
    """
    return together_kw(count, admd_kw / g_inf, Rusck(g_inf=g_inf, source="Rusck 1956"))


def together_kw(count: int, alone_kw: float, method: Coincidence) -> float:
    """Peak of a number of equal customers [kW], after any method of the registry.

    Parameters
    ----------
    alone_kw
        What one of them draws alone [kW]. A method by number of dwellings leaves it aside.

    Raises
    ------
    InputError
        The method needs the customers' energy, which an application does not have.
    """
    if "annual_kwh" in method.needs:
        message = (
            "coincidence by energy has nothing to go by here; name a method by kW or number of dwellings"
        )
        raise InputError("assumptions", make_findings("bad_figure", "assumptions", ["coincidence"], message))
    equal = pd.DataFrame({"customers": [count], "peak_kw": [alone_kw]})
    return float(method.peak_kw(method.weights(equal))[0])


def demand_parts(development: Development, assumptions: Assumptions) -> pd.DataFrame:
    """Demand of a development by part.

    Returns
    -------
    DataFrame
        Rows that add up to the demand: part, count, p_kw [kW], source; parts of nothing are left out.
    """
    home, pump, point = assumptions.home, assumptions.heat_pump, assumptions.ev_point
    area = assumptions.floor_area
    homes_kw, pumps_kw = (
        together_kw(count, block.admd_kw / block.method.many_factor, block.method)
        for count, block in ((development.dwellings, home), (development.heat_pumps, pump))
    )
    points_kw = together_kw(development.ev_points, point.rated_kw, point.method)
    area_kw = development.floor_area_m2 * area.w_per_m2 / 1e3
    parts = [
        ("homes", development.dwellings, homes_kw, home.source),
        ("heat pumps", development.heat_pumps, pumps_kw, pump.source),
        ("charging points", development.ev_points, points_kw, point.source),
        ("floor area, m2", development.floor_area_m2, area_kw, area.source),
        ("stated by the applicant, kW", development.demand_kw, development.demand_kw, "the application"),
    ]
    table = pd.DataFrame([part for part in parts if part[1]], columns=["part", "count", "p_kw", "source"])
    return table.astype({"count": float, "p_kw": float})
