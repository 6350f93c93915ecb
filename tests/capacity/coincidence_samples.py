"""One instance of every coincidence method, with figures of the kind it is used with."""

from __future__ import annotations

from capacity.coincidence import Method

# Figures that a method has no default for, by its class.
FIGURES: dict[str, dict[str, object]] = {"Rusck": {"g_inf": 0.2}}


def sample_of(kind: type[Method]) -> Method:
    """A method with the figures above, else with its defaults."""
    source = (
        {}
        if "source" not in kind.model_fields or not kind.model_fields["source"].is_required()
        else {"source": "test"}
    )
    return kind(**FIGURES.get(kind.__name__, {}), **source)  # type: ignore[arg-type]
