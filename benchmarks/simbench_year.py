"""SimBench's 1-MVLV-urban-all-0-sw (10,458 buses) and its year of hours, kept between runs.

The grid and profiles are SimBench's (Meinecke et al., Energies 13(12), 3290, 2020; data ODbL).
"""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from pandapower.auxiliary import pandapowerNet

CODE = "1-MVLV-urban-all-0-sw"
HOURS = 8760
QUARTERS = 4


@dataclass(frozen=True, eq=False)
class Year:
    """Hourly means of a year as shares of every element's own power.

    Attributes
    ----------
    load_p, load_q, plant_p
        Hours x profiles, one column a profile of SimBench.
    load_profile, plant_profile
        Column of each load's and each generator's profile, in the order of the net's tables.
    """

    load_p: np.ndarray
    load_q: np.ndarray
    plant_p: np.ndarray
    load_profile: np.ndarray
    plant_profile: np.ndarray

    def power(self, net: pandapowerNet, hours: slice) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Active and reactive power of the loads and active power of the generators [MW, Mvar, MW]."""
        load_mw = self.load_p[hours][:, self.load_profile] * net.load["p_mw"].to_numpy()
        load_mvar = self.load_q[hours][:, self.load_profile] * net.load["q_mvar"].to_numpy()
        plant_mw = self.plant_p[hours][:, self.plant_profile] * net.sgen["p_mw"].to_numpy()
        return load_mw, load_mvar, plant_mw


def simbench_net() -> pandapowerNet:
    """The grid as SimBench gives it: loads and generators at their full power."""
    import pandapower as pp

    kept = _folder() / f"{CODE}.p"  # our own file, in a folder of this user alone
    if not kept.exists():
        import simbench

        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            net = simbench.get_simbench_net(CODE)
        del net["loadcases"]  # indexed by names, which pandapower's own reader of pickles refuses
        unfinished = kept.with_stem(f"{CODE}.{os.getpid()}")
        pp.to_pickle(net, str(unfinished))
        unfinished.replace(kept)
    return pp.from_pickle(str(kept))


def year_of(net: pandapowerNet) -> Year:
    """Hourly means of the first 8,760 hours of SimBench's profiles (35,136 quarter hours of 2016)."""
    load_p, load_names = _hourly(net.profiles["load"].filter(regex="_pload$"))
    load_q, _ = _hourly(net.profiles["load"].filter(regex="_qload$"))
    plant_p, plant_names = _hourly(net.profiles["renewables"].drop(columns="time"))
    load_columns = pd.Index([name.removesuffix("_pload") for name in load_names])
    return Year(
        load_p,
        load_q,
        plant_p,
        load_profile=load_columns.get_indexer(net.load["profile"]),
        plant_profile=plant_names.get_indexer(net.sgen["profile"]),
    )


def _hourly(quarters: pd.DataFrame) -> tuple[np.ndarray, pd.Index]:
    values = quarters.to_numpy(dtype=float)[: HOURS * QUARTERS]
    return values.reshape(HOURS, QUARTERS, -1).mean(axis=1), quarters.columns


def _folder() -> Path:
    """Where grids are kept between runs: of this user alone, as pickles are code."""
    folder = Path(tempfile.gettempdir()) / f"feederplan-benchmarks-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    state = folder.stat()
    if state.st_uid != os.getuid() or state.st_mode & 0o077:
        raise PermissionError(f"{folder} is not ours alone; remove it")
    return folder
