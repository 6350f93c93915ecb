"""Renews the vendored browser files in `gis/webmap/assets`; run by a developer, never at run time.

Usage: python tools/vendor_assets.py 1.9.4 1.0.4     (of Leaflet, of leaflet-draw)

Fetches the packages with `npm pack` (npm's own configuration says from where), copies what the
map needs and writes names, versions, licences and checksums to VENDORED.md.
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
DRAW_FILES: Final = {
    "dist/leaflet.draw.js": "leaflet.draw.js",
    "dist/leaflet.draw.css": "leaflet.draw.css",
    "dist/images/spritesheet.png": "images/spritesheet.png",
    "dist/images/spritesheet-2x.png": "images/spritesheet-2x.png",
    "dist/images/spritesheet.svg": "images/spritesheet.svg",
}
# The npm package of leaflet-draw names its licence and its authors but holds no text of it: ours to bring.
DRAW_LICENCE: Final = "leaflet.draw.LICENSE.txt"


def main(leaflet: str, draw: str) -> None:
    """Fetch one version of each package and rewrite the asset folder's third-party files."""
    for name, files in ((f"leaflet@{leaflet}", LEAFLET_FILES), (f"leaflet-draw@{draw}", DRAW_FILES)):
        with tempfile.TemporaryDirectory() as folder:
            package = _unpack(name, Path(folder))
            for source, target in files.items():
                (ASSETS / target).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(package / source, ASSETS / target)
    (ASSETS / "VENDORED.md").write_text(_record(leaflet, draw), encoding="utf-8")


def _unpack(name: str, folder: Path) -> Path:
    subprocess.run(["npm", "pack", name, "--silent"], cwd=folder, check=True)
    archive = next(folder.glob("*.tgz"))
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    return folder / "package"


def _record(leaflet: str, draw: str) -> str:
    names = [*LEAFLET_FILES.values(), *DRAW_FILES.values(), DRAW_LICENCE]
    rows = [f"| `{name}` | {_sha256(ASSETS / name)} |" for name in names]
    return "\n".join(
        [
            "# Vendored browser files",
            "",
            "Written by `tools/vendor_assets.py`; the files are unchanged copies.",
            "`feederplan_map.js` and `feederplan_map.css` are ours.",
            "",
            f"Leaflet {leaflet} (npm package `leaflet`), BSD-2-Clause: `leaflet.LICENSE.txt`.",
            f"Leaflet.draw {draw} (npm package `leaflet-draw`), MIT: `{DRAW_LICENCE}`",
            "(the package names licence and authors but has no text of it).",
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
    main(sys.argv[1], sys.argv[2])
