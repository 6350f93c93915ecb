"""The one escape for every string that reaches the map. Nothing else belongs here.

Folium writes texts into JavaScript template literals, where `${...}` is executed even after
`html.escape`. So the characters with a meaning in HTML, in a template literal or in Jinja all
become HTML entities: names are data, never markup.
"""

from __future__ import annotations

import html
import re

_SPECIAL = {ord(sign): f"&#{ord(sign)};" for sign in "`${}\\"}

# Control characters have no glyph and lone surrogates cannot be written as UTF-8.
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


def escape_for_map(text: str) -> str:
    """Escape a text for the map, so that it is shown as it is and never executed.

    Does not shorten and does not change direction marks; control characters and lone
    surrogates are shown as the replacement character.

    Parameters
    ----------
    text
        Any text, for example the name of an asset as it came from a file.

    Returns
    -------
    str
        Text that is safe in HTML, in an attribute and in a JavaScript template literal;
        `html.unescape` gives the shown text back.

    Examples
    --------
    >>> escape_for_map("<b>${x}")
    '&lt;b&gt;&#36;&#123;x&#125;'
    """
    return html.escape(_UNWRITABLE.sub("\ufffd", text), quote=True).translate(_SPECIAL)
