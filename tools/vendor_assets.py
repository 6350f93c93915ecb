"""Renews the vendored browser files in `gis/webmap/assets`; run by a developer, never at run time.

Usage: python tools/vendor_assets.py 1.9.4

Fetches the package with `npm pack` (npm's own configuration says from where), copies what the
map needs and writes name, version, licence and checksums to VENDORED.md.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Final

ASSETS: Final = Path(__file__).resolve().parents[1] / "gis" / "webmap" / "assets"
# Source inside the npm package -> file in the asset folder.
LEAFLET_FILES: Final = {
    "dist/leaflet.js": "leaflet.js",
    "dist/leaflet.css": "leaflet.css",
    "LICENSE": "leaflet.LICENSE.txt",
    "dist/images/layers.png": "images/layers.png",
    "dist/images/layers-2x.png": "images/layers-2x.png",
    "dist/images/marker-icon.png": "images/marker-icon.png",
}


def main(version: str) -> None:
    """Fetch one Leaflet version and rewrite the asset folder's third-party files."""
    with tempfile.TemporaryDirectory() as folder:
        package = _unpack(f"leaflet@{version}", Path(folder))
        for source, target in LEAFLET_FILES.items():
            (ASSETS / target).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(package / source, ASSETS / target)
    (ASSETS / "VENDORED.md").write_text(_record(version), encoding="utf-8")


def _unpack(name: str, folder: Path) -> Path:
    subprocess.run(["npm", "pack", name, "--silent"], cwd=folder, check=True)
    archive = next(folder.glob("*.tgz"))
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    return folder / "package"


def _record(version: str) -> str:
    rows = [f"| `{name}` | {_sha256(ASSETS / name)} |" for name in LEAFLET_FILES.values()]
    return "\n".join(
        [
            "# Vendored browser files",
            "",
            "Written by `tools/vendor_assets.py`; the files are unchanged copies.",
            "`feederplan_map.js` and `feederplan_map.css` are ours.",
            "",
            f"Leaflet {version} (npm package `leaflet`), BSD-2-Clause: `leaflet.LICENSE.txt`.",
            "",
            "| file | sha256 |",
            "|---|---|",
            *rows,
            "",
        ]
    )


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    main(sys.argv[1])
