"""A small made-up BDGD filing: the layers and columns of the published format, rows of nobody.

CTMT head
 P0 ---S1--- P1 o-K1-o P2 ---S2--- P3 ---S3--- P4 o/ K2 (open) o P5 ---S4--- P1
                                   T1          T2 (bank of three)  \\ mill
                                   L1          L9
                         B1 - - L2 |            \\ shop
                    R1 (service) C1: house, panel
"""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import pandas as pd
import pyogrio
import shapely

MONTHS = [f"{month:02d}" for month in range(1, 13)]
AT = {"X0": -51.0, "Y0": -30.0, "STEP": 0.002}  # 0.002 degrees of longitude: 193 m
POINTS = {
    "P0": (0, 0), "P1": (1, 0), "P2": (1, 0), "P3": (2, 0), "P4": (3, 0), "P5": (3, 1), "L1": (2, 0),
    "L2": (2, -0.4), "L9": (3, 0),
}  # fmt: skip


def at(pac: str) -> tuple[float, float]:
    x, y = POINTS[pac]
    return AT["X0"] + x * AT["STEP"], AT["Y0"] + y * AT["STEP"]


def energy(kwh_a_year: float) -> dict[str, float]:
    return {f"ENE_{month}": kwh_a_year / 12.0 for month in MONTHS}


def segment(cod_id: str, first: str, last: str, **more: object) -> dict[str, object]:
    """A segment that is drawn, where both its connection points are on the map."""
    row = {"COD_ID": cod_id, "PAC_1": first, "PAC_2": last, "FAS_CON": "ABC", "CTMT": "F1", **more}
    if first in POINTS and last in POINTS:
        row["geometry"] = shapely.MultiLineString([[at(first), at(last)]])
    return row


def placed(rows: list[dict[str, object]]) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(pd.DataFrame(rows), geometry="geometry", crs="EPSG:4674")


def switch(cod_id: str, first: str, last: str, state: str) -> dict[str, object]:
    return segment(cod_id, first, last, P_N_OPE=state, SIT_ATIV="AT") | {"geometry": shapely.Point(at(first))}


def transformer(cod_id: str, high: str, low: str, kva: float, kv: float) -> dict[str, object]:
    return {
        "COD_ID": cod_id, "PAC_1": high, "PAC_2": low, "FAS_CON_P": "ABC", "SIT_ATIV": "AT", "CTMT": "F1",
        "TEN_LIN_SE": kv, "POT_NOM": kva, "PER_FER": 0.0, "PER_TOT": 0.0, "geometry": shapely.Point(at(high)),
    }  # fmt: skip


def unit(cod_id: str, bank: str, code: str, iron_w: float, total_w: float) -> dict[str, object]:
    return {
        "COD_ID": cod_id, "UNI_TR_MT": bank, "POT_NOM": code, "TEN_PRI": "49", "TEN_SEC": "15",
        "PER_FER": iron_w, "PER_TOT": total_w, "R": 0.0, "XHL": 0.0,
    }  # fmt: skip


def customer(cod_id: str, pac: str, kwh: float, **more: object) -> dict[str, object]:
    common = {"COD_ID": cod_id, "PAC": pac, "SIT_ATIV": "AT", "FAS_CON": "ABCN", "CLAS_SUB": "RE1"}
    return common | {"TIP_CC": "RES", **energy(kwh), **more}


def curve(cod_id: str, day: str, quarters: list[float]) -> dict[str, object]:
    powers = {f"POT_{n + 1:02d}": quarters[n // 24] for n in range(96)}
    return {"COD_ID": cod_id, "TIP_DIA": day, **powers}


def filing() -> dict[str, pd.DataFrame]:
    """Layers of the filing by name."""
    circuit = {"COD_ID": "F1", "NOME": "Norte", "PAC_INI": "P0", "TEN_NOM": "49", "TEN_OPE": 1.02}
    bank = [unit(f"E{n}", "T2", "7", 100.0, 480.0) for n in (2, 3, 4)]
    return {
        "CTMT": pd.DataFrame([circuit]),
        "SEGCON": pd.DataFrame(
            [
                {"COD_ID": "336", "R1": 0.19, "X1": 0.39, "CNOM": 510.0, "CMAX": 600.0},
                {"COD_ID": "70", "R1": 0.5, "X1": 0.1, "CNOM": 0.0, "CMAX": 157.0},
            ]
        ),
        "SSDMT": placed(
            [
                segment("S1", "P0", "P1", TIP_CND="336", COMP=200.0),
                segment("S2", "P2", "P3", TIP_CND="336", COMP=200.0),
                segment("S3", "P3", "P4", TIP_CND="336", COMP=200.0),
                segment("S4", "P5", "P1", TIP_CND="336", COMP=300.0),
            ]
        ),
        "SSDBT": placed([segment("S1", "L1", "L2", TIP_CND="70", COMP=90.0, UNI_TR_MT="T1", FAS_CON="ABN")]),
        "RAMLIG": pd.DataFrame([segment("R1", "L2", "C1", TIP_CND="70", COMP=20.0, UNI_TR_MT="T1")]),
        "UNSEMT": placed([switch("K1", "P1", "P2", "F"), switch("K2", "P4", "P5", "A")]),
        "UNTRMT": placed(
            [transformer("T1", "P3", "L1", 75.0, 0.38), transformer("T2", "P4", "L9", 0.0, 0.0)]
        ),
        "EQTRMT": pd.DataFrame([unit("E1", "T1", "16", 295.0, 1395.0), *bank]),
        "CRVCRG": pd.DataFrame(
            [
                curve("RES", "DU", [1.0, 1.0, 2.0, 4.0]),
                curve("RES", "SA", [1.0, 1.0, 1.0, 1.0]),
                curve("RES", "DO", [2.0, 2.0, 2.0, 2.0]),
            ]
        ),
        "UCBT_tab": pd.DataFrame(
            [
                customer("1", "C1", 8760.0, FAS_CON="AN"),
                customer("2", "L9", 17520.0, CLAS_SUB="CO1", TIP_CC="?"),
                customer("3", "C1", 5000.0, SIT_ATIV="DS"),
                customer("4", "nowhere", 876.0),
            ]
        ),
        "UCMT_tab": pd.DataFrame(
            [customer("1", "P5", 1.0, CLAS_SUB="IN") | {f"DEM_{m}": 100.0 + int(m) for m in MONTHS}]
        ),
        "PIP": pd.DataFrame([customer("9", "L2", 0.0, POT_LAMP=100.0, PERDA_REAT=14.0, TIP_CC="?")]),
        "UGBT_tab": pd.DataFrame([{"COD_ID": "G", "PAC": "C1", "SIT_ATIV": "AT", "POT_INST": 3.0}]),
        "UNTRAT": placed([{"COD_ID": "SE", "geometry": shapely.Point(at("P0"))}]),
    }  # fmt: skip


def write_filing(path: Path) -> Path:
    """Write the filing as an Esri FileGDB."""
    for name, layer in filing().items():
        options = {"geometry_type": layer.geom_type.iloc[0]} if isinstance(layer, gpd.GeoDataFrame) else {}
        pyogrio.write_dataframe(
            layer, path, layer=name, driver="OpenFileGDB", append=path.exists(), **options
        )
    return path
