"""What a network is, as one sha256: of every canonical table, whatever file it came from."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd
import shapely

from gis import Network
from gis.schema import TABLES


def network_record(network: Network) -> dict[str, object]:
    """Rows and sha256 of every canonical table, whatever file they came from and in which order."""
    digests = {name: _sha256_of_rows(network.table(name)) for name in TABLES}
    return {
        "name": network.info.get("name", ""),
        "crs": network.crs.to_string(),
        "sha256": hashlib.sha256("".join(digests.values()).encode()).hexdigest(),
        "tables": [
            {"table": name, "rows": len(network.table(name)), "sha256": digest}
            for name, digest in digests.items()
        ],
    }


def _sha256_of_rows(table: pd.DataFrame) -> str:
    """Sha256 of a table's rows, in the order of their ids."""
    ordered = table.sort_index()
    digest = hashlib.sha256(repr(list(ordered.columns)).encode())
    if "geometry" in ordered:
        places = shapely.to_wkb(np.asarray(ordered["geometry"], dtype=object), byte_order=1)
        digest.update(b"".join(place or b"-" for place in places))
    cells = ordered.drop(columns="geometry", errors="ignore").astype(object)
    text = cells.where(cells.notna(), None).map(repr)
    digest.update(pd.util.hash_pandas_object(text, index=True).to_numpy().tobytes())
    return digest.hexdigest()
