"""The vendored browser files: where they lie, their versioned addresses, their text inlined.

Nothing here comes from the network: `tools/vendor_assets.py` renews the files,
`assets/VENDORED.md` names version, licence and checksum.
"""

from __future__ import annotations

import base64
import hashlib
import re
from functools import lru_cache
from pathlib import Path
from typing import Final

_ASSETS: Final = Path(__file__).parent / "assets"
# In the order of loading: our script extends Leaflet.
SCRIPTS: Final = ("leaflet.js", "feederplan_map.js")
STYLES: Final = ("leaflet.css", "feederplan_map.css")
# Of maps that are drawn on.
DRAW_SCRIPTS: Final = ("leaflet.js", "leaflet.draw.js", "feederplan_map.js")
DRAW_STYLES: Final = ("leaflet.css", "leaflet.draw.css", "feederplan_map.css")


def asset_dir() -> Path:
    """Folder of the vendored browser files, to be served as it is."""
    return _ASSETS


def links(names: tuple[str, ...], asset_url: str) -> list[tuple[str, str]]:
    """Name and address of each file, as folium wants them.

    Parameters
    ----------
    names
        File names in the asset folder.
    asset_url
        Address of the folder, relative or absolute, with or without a slash at the end.

    Returns
    -------
    list of (name, address)
        The address ends with a content version, so that a browser never mixes two releases.
    """
    base = asset_url.rstrip("/")
    return [(name, f"{base}/{name}?v={_version(name)}") for name in names]


def inline_script(name: str) -> str:
    """The script as an HTML element; it cannot end early and asks for no source map."""
    text = re.sub(r"//# sourceMappingURL=\S+", "", _text(name))
    unbroken = text.replace("</script", "<\\/script")
    return f"<script>{unbroken}</script>"


def inline_style(name: str) -> str:
    """The style sheet as an HTML element, its images as data addresses."""
    text = re.sub(r"url\((images/[\w.-]+)\)", _data_address, _text(name))
    return f"<style>{text}</style>"


def _data_address(match: re.Match[str]) -> str:
    image = base64.b64encode((_ASSETS / match[1]).read_bytes()).decode("ascii")
    return f"url(data:image/png;base64,{image})"


def _text(name: str) -> str:
    return (_ASSETS / name).read_text(encoding="utf-8")


@lru_cache(maxsize=16)
def _version(name: str) -> str:
    return hashlib.sha256((_ASSETS / name).read_bytes()).hexdigest()[:10]
