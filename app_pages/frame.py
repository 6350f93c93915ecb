"""What stands around every page: bad input is explained, a defect gets an id, never a traceback."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, TypeAlias
from uuid import uuid4

import streamlit as st

from gis import InputError

if TYPE_CHECKING:
    from streamlit.elements.lib.column_types import ColumnConfig

# How the columns of a table are shown: a heading, or more than that.
Columns: TypeAlias = "dict[str, ColumnConfig | str | None]"

# Six figures fit beside each other on a laptop, and the map begins without scrolling.
_STYLE = """<style>
[data-testid="stMetricValue"] { font-size: 1.35rem; }
.stMainBlockContainer { padding-top: 3rem; }
</style>"""
_MARKUP = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>$~:&^=])")
_LOG = logging.getLogger(__name__)


def plain(text: str) -> str:
    """Escape a text for Streamlit's markdown: names are data, never markup, links or pictures.

    Examples
    --------
    >>> print(plain("![x](http://a)"))
    \\!\\[x\\]\\(http\\://a\\)
    """
    return _MARKUP.sub(r"\\\1", text)


def framed(page: Callable[[], None]) -> Callable[[], None]:
    """Wrap a page so that it fails in words."""

    @wraps(page)
    def show() -> None:
        st.html(_STYLE)
        try:
            page()
        except InputError as error:
            st.error("This network cannot be used. All faults found:")
            st.code(str(error), language=None)
        except Exception:  # noqa: BLE001  # the page frame: the one place where a defect becomes words
            error_id = uuid4().hex[:8]
            _LOG.exception("page failed, error id %s", error_id)
            st.error(f"Something went wrong here. Error id {error_id}: the log of the server says more.")

    return show
