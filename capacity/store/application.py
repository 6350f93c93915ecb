"""One application of the register as a value: what is asked for, where, by whom, and at which revision.

It is kept as JSON, the place with all its digits, so that what is read back is what was written.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import geopandas as gpd
import shapely
from pyproj import CRS

from capacity.demand.development import Development
from capacity.store.plain import plain_fields, value_of
from capacity.store.rows import canonical


@dataclass(frozen=True)
class Application:
    """What stands in the register of one site.

    Attributes
    ----------
    development
        What is asked for; its `site_id` is the id of the application, its `status` the state.
    crs
        Coordinate system of its place.
    applicant, note
        Who asks, and what else is to be known.
    revision
        Counts changes: what was read at one revision is only written over that one.
    """

    development: Development
    crs: CRS
    applicant: str = ""
    note: str = ""
    revision: int = 0
    made_at: str = field(default="", compare=False)
    made_by: str = field(default="", compare=False)
    changed_at: str = field(default="", compare=False)
    changed_by: str = field(default="", compare=False)

    @property
    def application_id(self) -> str:
        return self.development.site_id

    @property
    def status(self) -> str:
        return self.development.status

    def development_in(self, crs: CRS) -> Development:
        """What is asked for, with its place in the coordinate system of a network."""
        if self.crs == crs:
            return self.development
        place = gpd.GeoSeries([self.development.place], crs=self.crs).to_crs(crs).iloc[0]
        return replace(self.development, place=place)


def content_of(application: Application) -> dict[str, object]:
    """What is kept of an application, as JSON has it; not who changed it when."""
    return {
        **plain_development(application.development),
        "crs": application.crs.to_string(),
        "applicant": application.applicant,
        "note": application.note,
    }


def application_of(row: Mapping[str, Any]) -> Application:
    """An application from its row in the project file."""
    content = json.loads(row["content"])
    crs = _system(content.pop("crs"))
    told = {name: content.pop(name) for name in ("applicant", "note")}
    times = {name: row[name] for name in ("revision", "made_at", "made_by", "changed_at", "changed_by")}
    return Application(development_of(content), crs, **told, **times)


def plain_development(development: Development) -> dict[str, object]:
    """A development as JSON has it; its place in the form of GeoJSON, every digit kept."""
    place = json.loads(json.dumps(shapely.geometry.mapping(development.place)))
    return {**plain_fields(development, but=("place",)), "place": place}


def development_of(plain: Mapping[str, Any]) -> Development:
    """A development from what `plain_development` made of it."""
    return value_of(Development, plain, place=shapely.geometry.shape(plain["place"]))


def content_text(application: Application) -> str:
    """What is kept of an application as text, the same for the same application."""
    return canonical(content_of(application))


@cache
def _system(text: str) -> CRS:
    """A coordinate system by its text; a register has few of them and many rows."""
    return CRS.from_user_input(text)
