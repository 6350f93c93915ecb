"""`GridModel`: the pandapower net of one network, the second of the four frozen values.

Row n of a canonical table is pandapower element n of its table, so the id map is the table's index.
A model belongs to one owner and one thread: pandapower writes its results into the net.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from gis import Network
from gridmodel.catalogue import Catalogue

if TYPE_CHECKING:
    from pandapower.auxiliary import pandapowerNet


@dataclass(frozen=True, eq=False)
class GridModel:
    """A solvable model and the network it was built from.

    Attributes
    ----------
    network
        Canonical tables; their ids are the ids of every result.
    net
        pandapower net; index n there is row n here.
    catalogue
        The types the model was built with.
    """

    network: Network
    net: pandapowerNet
    catalogue: Catalogue

    def position(self, table: str, element_ids: pd.Series | list[str]) -> np.ndarray:
        """Return pandapower indices of canonical ids.

        Raises
        ------
        KeyError
            An id is not in the table.
        """
        positions = self.network.table(table).index.get_indexer(pd.Index(element_ids))
        if (positions < 0).any():
            lost = pd.Index(element_ids)[positions < 0]
            raise KeyError(f"not in {table}: {', '.join(map(str, lost))}")
        return np.asarray(positions)
