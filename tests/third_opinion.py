"""What power-grid-model says of a net that pandapower has solved, on pandapower's own branches.

Fed from the internal case of pandapower, branch by branch as `generic_branch`: taps, shifts, open switches
and dead islands are what pandapower made of them, the equations and the solver are power-grid-model's.
`opinion_from_plates` leaves the transformers to power-grid-model too, from what their plates say.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import power_grid_model as pgm
from pandapower.pypower.idx_brch import (
    BR_B,
    BR_B_ASYM,
    BR_G,
    BR_G_ASYM,
    BR_R,
    BR_R_ASYM,
    BR_STATUS,
    BR_X,
    BR_X_ASYM,
    F_BUS,
    PF,
    PT,
    SHIFT,
    T_BUS,
    TAP,
)
from pandapower.pypower.idx_bus import BS, CID_P, CID_Q, CZD_P, CZD_Q, GS, PD, QD
from power_grid_model.errors import IterationDiverge

if TYPE_CHECKING:
    from pandapower.auxiliary import pandapowerNet

# A source as stiff as pandapower's slack: 100 MVA move it by 1e-10 pu. Below 1e16 its impedance shows.
STIFF_VA = 1e18
BASE_V = 1e3  # everything in per unit of one voltage; the ratios stand in the branches
BASE_VA = 1e6
OHM = BASE_V**2 / BASE_VA
# Steps of Newton's voltages [pu]: the first that rounding allows on that grid.
TOLERANCES_PU = (1e-12, 1e-11, 1e-10, 1e-9)
MOST_STEPS = 30
# Both solve to 1e-10 or better: measured at most 1e-10 pu and 1.5e-9 of the losses.
AGREED_PU, AGREED_SHARE = 1e-9, 1e-8


@dataclass(frozen=True, eq=False)
class Opinion:
    """Voltages [pu, complex] per bus and power into each branch [MVA, complex], in the order of the ppc."""

    voltage_pu: np.ndarray
    from_mva: np.ndarray
    to_mva: np.ndarray

    @property
    def loss_mw(self) -> float:
        return float((self.from_mva + self.to_mva).real.sum())


def third_opinion(net: pandapowerNet) -> Opinion:
    """Solve once more what pandapower has solved, by power-grid-model.

    Sources, constant power, constant current and constant impedance, shunts, any topology. Not represented:
    voltage-controlled generators and branches unlike from both ends (pandapower's impedances).

    Raises
    ------
    ValueError
        The net has one of them.
    IterationDiverge
        It does not converge to 1e-9 pu.
    """
    return _opinion(net, {})


def opinion_from_plates(net: pandapowerNet) -> Opinion:
    """Solve with power-grid-model's own transformers: a pi of the plate's figures, tap positions applied.

    So do converters between the two. Tap positions are read whether or not `tap_changer_type` says what
    changes with them. No power into branches; tap changers on the high side only.
    """
    return _opinion(net, _plates(net))


def _opinion(net: pandapowerNet, plates: dict[str, np.ndarray]) -> Opinion:
    inner = net._ppc["internal"]
    _require_in_scope(inner)
    counts = [len(inner["bus"]), len(inner["branch"]), len(inner["ref"])]
    first = np.cumsum([0, *counts])
    tables = {
        "node": table_of("node", np.arange(counts[0]), u_rated=BASE_V),
        "generic_branch": branch_table(inner, first[1]),
        "source": source_table(inner, first[2]),
        "sym_load": _loads(inner, first[3]),
        "shunt": _shunts(inner, first[3] + 3 * counts[0]),
    }
    if plates:
        tables["generic_branch"] = np.delete(tables["generic_branch"], plates["rows"])
        tables["transformer"] = plates["transformer"]
        tables["transformer"]["id"] = first[3] + 4 * counts[0] + np.arange(len(plates["rows"]))
    solved = _solve(pgm.PowerGridModel({pgm.ComponentType[name]: rows for name, rows in tables.items()}))
    node, branch = (solved[pgm.ComponentType[name]] for name in ("node", "generic_branch"))
    return Opinion(
        voltage_pu=node["u_pu"] * np.exp(1j * node["u_angle"]),
        from_mva=(branch["p_from"] + 1j * branch["q_from"]) / 1e6,
        to_mva=(branch["p_to"] + 1j * branch["q_to"]) / 1e6,
    )


def largest_difference_pu(net: pandapowerNet) -> float:
    """Largest distance of any complex voltage between pandapower's solution and power-grid-model's [pu]."""
    return float(np.abs(third_opinion(net).voltage_pu - net._ppc["internal"]["V"]).max())


def require_agreement(net: pandapowerNet) -> None:
    """Assert that power-grid-model finds the voltages and losses that pandapower has found."""
    inner, opinion = net._ppc["internal"], third_opinion(net)
    losses_mw = np.real(inner["branch"][:, [PF, PT]]).sum()
    np.testing.assert_allclose(opinion.voltage_pu, inner["V"], rtol=0, atol=AGREED_PU)
    np.testing.assert_allclose(opinion.loss_mw, losses_mw, rtol=AGREED_SHARE)


def _require_in_scope(inner: dict[str, np.ndarray]) -> None:
    unlike = np.real(inner["branch"][:, [BR_R_ASYM, BR_X_ASYM, BR_G_ASYM, BR_B_ASYM]])
    if len(inner["pv"]):
        raise ValueError("power-grid-model is not asked about voltage-controlled generators")
    if (unlike != 0.0).any():
        raise ValueError("a generic_branch is alike from both ends; an impedance of the net is not")


def _solve(model: pgm.PowerGridModel) -> dict[pgm.ComponentType, np.ndarray]:
    for tolerance in TOLERANCES_PU:
        try:
            return dict(
                model.calculate_power_flow(
                    calculation_method=pgm.CalculationMethod.newton_raphson,
                    error_tolerance=tolerance,
                    max_iterations=MOST_STEPS,
                )
            )
        except IterationDiverge:
            if tolerance == TOLERANCES_PU[-1]:
                raise
    raise AssertionError("unreachable")


def table_of(kind: str, ids: np.ndarray, **columns: object) -> np.ndarray:
    """Input rows of a component; what is not given stays power-grid-model's default."""
    table = pgm.initialize_array(pgm.DatasetType.input, pgm.ComponentType[kind], len(ids))
    for name, values in {"id": ids, **columns}.items():
        table[name] = values
    return np.asarray(table)


def branch_table(inner: dict[str, np.ndarray], first: int) -> np.ndarray:
    """pandapower's internal branches as `generic_branch`, numbered from `first`."""
    branch, per_ohm = np.real(inner["branch"]), inner["baseMVA"] * 1e6 / BASE_VA
    on = branch[:, BR_STATUS] == 1.0
    return table_of(
        "generic_branch",
        first + np.arange(len(branch)),
        from_node=branch[:, F_BUS].astype(int),
        to_node=branch[:, T_BUS].astype(int),
        from_status=on,
        to_status=on,
        r1=branch[:, BR_R] * OHM / per_ohm,
        x1=branch[:, BR_X] * OHM / per_ohm,
        g1=branch[:, BR_G] * per_ohm / OHM,
        b1=branch[:, BR_B] * per_ohm / OHM,
        k=np.where(branch[:, TAP] == 0.0, 1.0, branch[:, TAP]),
        theta=np.deg2rad(branch[:, SHIFT]),
        sn=BASE_VA,
    )


def _plates(net: pandapowerNet) -> dict[str, np.ndarray]:
    """Rows of the internal branches that are transformers, and the transformers they stand for."""
    inner, (start, end) = net._ppc["internal"], net._pd2ppc_lookups["branch"]["trafo"]
    alive = inner["branch_is"]
    rows = alive[:start].sum() + np.arange(alive[start:end].sum())
    unit = net.trafo[alive[start:end]]
    assert (unit["tap_side"] == "hv").all()
    ends = np.real(inner["branch"][rows])
    u1 = BASE_V * (unit["vn_hv_kv"] / net.bus["vn_kv"].loc[unit["hv_bus"]].to_numpy())
    u2 = BASE_V * (unit["vn_lv_kv"] / net.bus["vn_kv"].loc[unit["lv_bus"]].to_numpy())
    units_va = 1e6 * unit["sn_mva"] * unit["parallel"]
    table = table_of(
        "transformer",
        rows,
        from_node=ends[:, F_BUS].astype(int),
        to_node=ends[:, T_BUS].astype(int),
        from_status=1,
        to_status=1,
        u1=u1,
        u2=u2,
        sn=units_va,
        uk=unit["vk_percent"] / 100.0,
        pk=unit["vkr_percent"] / 100.0 * units_va,
        i0=unit["i0_percent"] / 100.0,
        p0=1e3 * unit["pfe_kw"] * unit["parallel"],
        winding_from=pgm.WindingType.delta,
        winding_to=pgm.WindingType.wye_n,
        clock=(unit["shift_degree"] / 30.0).astype(int),
        tap_side=pgm.BranchSide.from_side,
        tap_pos=unit["tap_pos"],
        tap_nom=unit["tap_neutral"],
        tap_min=unit["tap_min"],
        tap_max=unit["tap_max"],
        tap_size=unit["tap_step_percent"] / 100.0 * u1,
    )
    return {"rows": rows, "transformer": table}


def _loads(inner: dict[str, np.ndarray], first: int) -> np.ndarray:
    """Three loads a bus: the parts of constant power, constant current and constant impedance."""
    bus = inner["bus"].real
    p_parts = {"const_current": bus[:, CID_P], "const_impedance": bus[:, CZD_P]}
    q_parts = {"const_current": bus[:, CID_Q], "const_impedance": bus[:, CZD_Q]}
    p_parts["const_power"] = 1.0 - sum(p_parts.values())
    q_parts["const_power"] = 1.0 - sum(q_parts.values())
    return np.concatenate(
        [
            table_of(
                "sym_load",
                first + place * len(bus) + np.arange(len(bus)),
                node=np.arange(len(bus)),
                status=1,
                type=pgm.LoadGenType[kind],
                p_specified=bus[:, PD] * p_parts[kind] * 1e6,
                q_specified=bus[:, QD] * q_parts[kind] * 1e6,
            )
            for place, kind in enumerate(p_parts)
        ]
    )


def _shunts(inner: dict[str, np.ndarray], first: int) -> np.ndarray:
    """GS is drawn and BS delivered at 1 pu [MW, Mvar]."""
    bus = inner["bus"].real
    at = np.flatnonzero((bus[:, GS] != 0.0) | (bus[:, BS] != 0.0))
    per_mw = 1e6 / BASE_VA / OHM
    return table_of(
        "shunt",
        first + np.arange(len(at)),
        node=at,
        status=1,
        g1=bus[at, GS] * per_mw,
        b1=bus[at, BS] * per_mw,
        g0=0.0,
        b0=0.0,
    )


def source_table(inner: dict[str, np.ndarray], first: int) -> np.ndarray:
    """pandapower's slack buses as stiff sources, numbered from `first`."""
    at = inner["ref"]
    return table_of(
        "source",
        first + np.arange(len(at)),
        node=at,
        status=1,
        u_ref=np.abs(inner["V"][at]),
        u_ref_angle=np.angle(inner["V"][at]),
        sk=STIFF_VA,
        rx_ratio=0.1,
    )
