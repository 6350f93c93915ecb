"""Mapping files: which layers and columns of a source are which canonical tables and columns (TOML)."""

from gis.mapping.apply import Mapped, apply_mapping
from gis.mapping.grammar import LayerMapping, parse_mapping, read_mapping
from gis.mapping.profiles import find_mapping, profile_names, recognised_profile
from gis.mapping.writing import mapping_toml

__all__ = [
    "LayerMapping",
    "Mapped",
    "apply_mapping",
    "find_mapping",
    "mapping_toml",
    "parse_mapping",
    "profile_names",
    "read_mapping",
    "recognised_profile",
]
