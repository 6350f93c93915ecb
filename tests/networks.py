"""Networks in text that several test modules use, and the raw layers a file of them has."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pandas as pd

from gis import Network
from gis.examples import network_from_text
from gis.formats import write_layers

#    S                    T                    W          load H at D, load J at E, generator G at E
#    A -------K------- B (20/0.4) C -----L----o/ D -----N----- E
STATION = """
    bus A 20
    bus B 20
    bus C 0.4
    bus D 0.4
    bus E 0.4
    source S A 1.01
    transformer T B C "0.4 MVA 20/0.4 kV"
    line K A B 800 "NA2XS2Y 1x185 RM/25 12/20 kV"
    line L C D 120 "NAYY 4x150 SE"
    line N D E 80 "NAYY 4x150 SE"
    load H D 30 residential 6
    load J E 20 commercial 1
    generator G E 12 pv
    switch W closed D lines L
    scenario base
    scenario feed_in load_factor=0.1 generation_factor=0.85
"""


@cache
def station(*more: str, without: tuple[str, ...] = ()) -> Network:
    """The station with further lines of text, and without the statements that begin like `without`."""
    kept = [line for line in STATION.splitlines() if not line.strip().startswith(without or "#")]
    return network_from_text("\n".join([*kept, *more]))


def raw_layers(network: Network) -> dict[str, pd.DataFrame]:
    """The layers of a network as a file has them: ids as ordinary columns."""
    return {name: frame.reset_index() for name, frame in network.tables().items() if len(frame)}


def write_raw(layers: dict[str, pd.DataFrame], path: Path) -> Path:
    """Write raw layers, right or wrong, as a file of the format the name says."""
    write_layers(layers, path)
    return path
