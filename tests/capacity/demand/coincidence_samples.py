"""One instance of every coincidence method, with figures of the kind it is used with."""

from __future__ import annotations

from capacity.demand.coincidence import Method

# Figures that a method has no default for, by its class.
FIGURES: dict[str, dict[str, object]] = {
    "Rusck": {"g_inf": 0.2},
    "Pylovo": {"g_inf": 0.07},
    "Velander": {"k1_kw_per_kwh": 3e-4, "k2_kw_per_root_kwh": 0.025},
    "StrandAxelsson": {
        "constants": ({"customer_class": "residential", "k1_kw_per_kwh": 3e-4, "k2_kw_per_root_kwh": 0.025},)
    },
    "Din18015": {"electric_water_heating": True},
}


def sample_of(kind: type[Method]) -> Method:
    """A method with the figures above and its own defaults."""
    return kind.model_validate({"source": "of the tests", **FIGURES.get(kind.__name__, {})})
