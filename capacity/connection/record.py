"""An assessment as plain values: the same bytes each time, for command, register, letter and page."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import pandas as pd
import shapely

from capacity.connection.assessment import Assessment
from capacity.connection.option import JudgedOption
from capacity.demand.development import Development

RECORD_VERSION = 1
# Figures told: what two engines may differ by is cut off. Money in cents.
_DIGITS = 6
# Points on a straight run are left out [m]: a way has more of them where other sites were looked at too.
_PLACE_M = 0.01


def assessment_record(assessment: Assessment) -> dict[str, object]:
    """The whole answer in dicts, lists, strings, numbers and null.

    Figures are rounded to six digits, money to cents; keys and rows have a fixed order, so that an assessment
    that is repeated gives the same bytes (`json.dumps`). Places are WKT in the CRS of the network.
    """
    return {
        "record_version": RECORD_VERSION,
        "site_id": assessment.development.site_id,
        "verdict": assessment.verdict,
        "sentence": assessment.sentence,
        "reason": assessment.sentence,
        "demand_kw": _figure("demand_kw", assessment.demand_kw),
        "development": development_record(assessment.development),
        "demand": _rows(assessment.demand),
        "options": [
            _option(row, one) for row, one in zip(_rows(assessment.options), assessment.ranked, strict=True)
        ],
        "bill": _rows(assessment.bill),
        "checks": _rows(assessment.checks),
        "not_offered": _rows(assessment.not_offered),
        "binding": {str(key): _figure(str(key), value) for key, value in assessment.binding.items()},
        "basis": dict(assessment.basis),
    }


def development_record(development: Development) -> dict[str, object]:
    """All that an applicant asks for."""
    return {str(name): _figure(str(name), value) for name, value in vars(development).items()}


def _option(row: dict[str, object], one: JudgedOption) -> dict[str, object]:
    """A row of the options with what it stands on."""
    return {
        **row,
        "option_id": one.option.option_id,
        "today": one.today,
        "route_basis": one.option.route.basis,
        "works_measures": [measure.measure_id for measure in one.measures],
        "blocked": _rows(one.blocked),
    }


def _rows(table: pd.DataFrame) -> list[dict[str, object]]:
    return [
        {str(name): _figure(str(name), value) for name, value in row.items()}
        for row in pd.DataFrame(table).to_dict("records")
    ]


def _figure(name: str, value: object) -> object:
    """A cell as JSON knows it."""
    if hasattr(value, "item"):
        value = value.item()
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        return round(value, 2) if name.endswith("_eur") else float(f"{value:.{_DIGITS}g}")
    if isinstance(value, shapely.Geometry):
        return shapely.to_wkt(shapely.simplify(value, _PLACE_M), rounding_precision=3)
    if isinstance(value, Mapping):
        return {str(key): _figure(str(key), entry) for key, entry in value.items()}
    if isinstance(value, Sequence):
        return [_figure(name, entry) for entry in value]
    if hasattr(value, "__dataclass_fields__"):
        return {str(key): _figure(str(key), entry) for key, entry in vars(value).items()}
    return None if value is pd.NA or value is pd.NaT else str(value)
