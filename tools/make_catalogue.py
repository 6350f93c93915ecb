"""Make `gridmodel/catalogue/*.csv`: pandapower's standard types, and the sizes it does not have.

Run: `python tools/make_catalogue.py`. Every row names its source.
"""

from __future__ import annotations

import math
from pathlib import Path

import pandapower as pp
import pandas as pd

TARGET = Path(__file__).resolve().parents[1] / "gridmodel" / "catalogue"
PANDAPOWER = f"pandapower {pp.__version__} standard types (BSD-3)"
NAYY = "Faber Kabel NAYY after DIN VDE 0276-603 (in ground); r: IEC 60228; c: as pandapower's NAYY 4x150 SE"
MV_CABLE = "Faber Kabel NA2XS(F)2Y 12/20 kV after DIN VDE 0276-620 (in ground); r: IEC 60228"
EU_TIER_1 = (
    "load and no-load losses: Commission Regulation (EU) 548/2014, tier 1; vk: EN 50588-1; "
    "i0: engineering judgement after pandapower's types"
)
MAX_KV = {"LV": 1.0, "MV10": 12.0, "MV20": 24.0, "HV": 123.0, "EHV": 420.0}
OMEGA = 2 * math.pi * 50.0

# type, r [ohm/km], inductance [mH/km], rated current [A]
NAYY_SIZES = (
    ("NAYY 4x35 SE", 0.868, 0.271, 123.0),
    ("NAYY 4x95 SE", 0.320, 0.261, 215.0),
    ("NAYY 4x185 SE", 0.164, 0.256, 313.0),
    ("NAYY 4x240 SE", 0.125, 0.254, 364.0),
    ("NAYY 4x1x300 RM", 0.100, 0.279, 419.0),
)
# type, r [ohm/km], inductance [mH/km], capacitance [nF/km], rated current [A]
MV_SIZES = (
    ("NA2XS(FL)2Y 1x300 RM/25 12/20 kV", 0.100, 0.37, 250.0, 476.0),
    ("NA2XS(FL)2Y 1x400 RM/35 12/20 kV", 0.078, 0.36, 270.0, 525.0),
    ("NA2XS(FL)2Y 1x500 RM/35 12/20 kV", 0.060, 0.34, 300.0, 598.0),
)
# rated power [kVA], load loss [kW], no-load loss [kW], vk [%]
TIER_1 = (
    (100.0, 1.75, 0.145, 4.0),
    (160.0, 2.35, 0.210, 4.0),
    (250.0, 3.25, 0.300, 4.0),
    (400.0, 4.60, 0.430, 4.0),
    (630.0, 6.50, 0.600, 4.0),
    (800.0, 8.40, 0.650, 6.0),
    (1000.0, 10.50, 0.770, 6.0),
    (1250.0, 11.00, 0.950, 6.0),
)


def line_types() -> pd.DataFrame:
    """All line types with their figures, one row per type."""
    stock = pp.available_std_types(pp.create_empty_network(), "line")
    rows = pd.DataFrame(
        {
            "type_id": stock.index,
            "vn_max_kv": [_max_kv(name, level) for name, level in stock["voltage_rating"].items()],
            "kind": stock["type"].map({"cs": "cable", "ol": "overhead"}).to_numpy(),
            "r_ohm_per_km": stock["r_ohm_per_km"].to_numpy(),
            "x_ohm_per_km": stock["x_ohm_per_km"].to_numpy(),
            "c_nf_per_km": stock["c_nf_per_km"].to_numpy(),
            "i_max_a": (stock["max_i_ka"] * 1000.0).round(3).to_numpy(),
            "source": PANDAPOWER,
        }
    )
    low = [_cable(name, MAX_KV["LV"], r, mh, 261.0, a, NAYY) for name, r, mh, a in NAYY_SIZES]
    medium = [_cable(name, MAX_KV["MV20"], r, mh, c, a, MV_CABLE) for name, r, mh, c, a in MV_SIZES]
    return pd.concat([rows, pd.DataFrame(low + medium)], ignore_index=True)


def transformer_types() -> pd.DataFrame:
    """All transformer types with their figures, one row per type."""
    stock = pp.available_std_types(pp.create_empty_network(), "trafo")
    same = [
        "vn_hv_kv", "vn_lv_kv", "vk_percent", "vkr_percent", "pfe_kw", "i0_percent", "shift_degree",
        "tap_side", "tap_neutral", "tap_min", "tap_max", "tap_step_percent",
    ]  # fmt: skip
    rows = stock[same].reset_index(names="type_id")
    rows.insert(1, "sn_kva", (stock["sn_mva"] * 1000.0).to_numpy())
    rows["source"] = PANDAPOWER
    new = [_tier_1(kv, *figures) for kv in (10.0, 20.0) for figures in TIER_1]
    return pd.concat([rows, pd.DataFrame(new)], ignore_index=True)


def _max_kv(name: str, level: str) -> float:
    if level == "MV":
        return MAX_KV["MV10"] if "6/10" in name or name.endswith(" 10.0") else MAX_KV["MV20"]
    if level == "HV" and name.endswith((" 220.0", " 380.0")):
        return MAX_KV["EHV"]
    return MAX_KV[level]


def _cable(
    name: str, kv: float, r: float, inductance_mh: float, c_nf: float, i_max_a: float, source: str
) -> dict[str, object]:
    return {
        "type_id": name,
        "vn_max_kv": kv,
        "kind": "cable",
        "r_ohm_per_km": r,
        "x_ohm_per_km": round(OMEGA * inductance_mh / 1000.0, 4),
        "c_nf_per_km": c_nf,
        "i_max_a": i_max_a,
        "source": source,
    }


def _tier_1(kv: float, sn_kva: float, load_loss_kw: float, pfe_kw: float, vk: float) -> dict[str, object]:
    return {
        "type_id": f"{sn_kva:g} kVA {kv:g}/0.4 kV EU tier 1",
        "sn_kva": sn_kva,
        "vn_hv_kv": kv,
        "vn_lv_kv": 0.4,
        "vk_percent": vk,
        "vkr_percent": round(100.0 * load_loss_kw / sn_kva, 4),
        "pfe_kw": pfe_kw,
        "i0_percent": 0.25,
        "shift_degree": 150.0,
        "tap_side": "hv",
        "tap_neutral": 0,
        "tap_min": -2,
        "tap_max": 2,
        "tap_step_percent": 2.5,
        "source": EU_TIER_1,
    }


if __name__ == "__main__":
    TARGET.mkdir(parents=True, exist_ok=True)
    line_types().to_csv(TARGET / "lines.csv", index=False)
    transformer_types().to_csv(TARGET / "transformers.csv", index=False)
