"""Figures of the measures that build something, with their sources (`building.toml`)."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from capacity.toml_file import read_figures


class _Block(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    source: str


class CableFigures(_Block):
    """Which cables are compared."""

    sizes: int = Field(ge=1)
    least_saving_share: float = Field(ge=0.0, lt=1.0)
    highest_kv_factor: float = Field(ge=1.0)


class SectionFigures(_Block):
    """Which pieces of a line are worth renewing, and which go together."""

    piece_m: float = Field(ge=0.0)
    least_drop_share: float = Field(ge=0.0, lt=1.0)


class SplitFigures(_Block):
    """Where along a feeder a second cable from the busbar may end."""

    nodes_per_feeder: int = Field(ge=1)
    least_moved_share: float = Field(ge=0.0, lt=1.0)


class NewFeederFigures(_Block):
    """How far a direct cable may reach, and from how many busbars."""

    nodes_per_feeder: int = Field(ge=1)
    busbars: int = Field(ge=1)
    reach_lv_m: float = Field(gt=0.0)
    reach_mv_m: float = Field(gt=0.0)


class NewStationFigures(_Block):
    """When a station of its own is thought of, and how large."""

    cuts_per_feeder: int = Field(ge=1)
    least_kva: float = Field(ge=0.0)
    sizes: int = Field(ge=1)
    reach_m: float = Field(gt=0.0)
    load_share_max: float = Field(gt=0.0, le=1.0)


class TransformerFigures(_Block):
    """Which transformers are compared, and which may run in parallel."""

    sizes: int = Field(ge=1)
    largest_station_kva: float = Field(gt=0.0)
    vk_tolerance: float = Field(ge=0.0, lt=1.0)
    ratio_max: float = Field(ge=1.0)


class RegulatedFigures(_Block):
    """Taps of a regulated MV/LV transformer, each way from the middle."""

    steps: int = Field(ge=1)
    step_percent: float = Field(gt=0.0)


class RegulatorFigures(_Block):
    """Regulators in a line."""

    steps: int = Field(ge=1)
    step_percent: float = Field(gt=0.0)
    vk_percent: float = Field(gt=0.0)
    vkr_percent: float = Field(ge=0.0)
    nodes_per_feeder: int = Field(ge=1)
    sizes_lv_kva: tuple[float, ...]
    sizes_mv_kva: tuple[float, ...]
    least_way_share: float = Field(ge=0.0, lt=1.0)


class BuildingFigures(BaseModel):
    """All figures, one block a subject."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    cable: CableFigures
    section: SectionFigures
    split_feeder: SplitFigures
    new_feeder: NewFeederFigures
    new_station: NewStationFigures
    transformer: TransformerFigures
    regulated_transformer: RegulatedFigures
    voltage_regulator: RegulatorFigures


@cache
def building_figures() -> BuildingFigures:
    """Read the figures that ship."""
    return read_figures(
        Path(__file__).with_name("building.toml"),
        BuildingFigures,
        subject="measures",
        rule="building_figures",
    )
