"""Two people changed one application: both versions beside each other, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pandas as pd
import streamlit as st

from app_pages.frame import plain
from capacity.store import Application, ConflictError, Store

OPENED: Final = "register_opened"
CONFLICT: Final = "register_conflict"


def forget_opened() -> None:
    """Let the application be read anew: the fields show what stands then."""
    st.session_state.pop(OPENED, None)
    st.session_state.pop(CONFLICT, None)


def written(write: Callable[[], Application]) -> None:
    """Write something; what stands afterwards is what is shown. A conflict is kept, to be shown."""
    try:
        write()
    except ConflictError as conflict:
        st.session_state[CONFLICT] = conflict
    else:
        forget_opened()


def show_conflict(store: Store) -> bool:
    """Show a conflict that is not settled yet; says whether there is one."""
    conflict: ConflictError | None = st.session_state.get(CONFLICT)
    if conflict is None:
        return False
    theirs = conflict.theirs
    st.warning(
        f"**{plain(theirs.changed_by)} changed this application at {plain(theirs.changed_at)}**, after you "
        "had opened it. Nothing of yours was written yet. Fields that one of you changed:"
    )
    st.dataframe(
        _versions(conflict), hide_index=True, key="register_versions",
        column_config={
            "field": "Field", "before": "As you both read it", "mine": "Yours",
            "theirs": f"{theirs.changed_by}'s", "clash": "Both changed it",
        },
    )  # fmt: skip
    _buttons(store, conflict)
    return True


def _buttons(store: Store, conflict: ConflictError) -> None:
    keep, both, mine = st.columns(3)
    keep.button(
        f"Keep what {conflict.theirs.changed_by} wrote", key="conflict_theirs", on_click=forget_opened
    )
    merged = conflict.merged
    both.button(
        "Keep both changes", key="conflict_both", disabled=merged is None, on_click=_write,
        args=(store, merged), help="Only where you changed different fields.",
    )  # fmt: skip
    mine.button("Write mine over it", key="conflict_mine", on_click=_write, args=(store, conflict.mine_again))


def _write(store: Store, application: Application) -> None:
    written(lambda: store.change(application))


def _versions(conflict: ConflictError) -> pd.DataFrame:
    """Both versions as texts: cells of one column are of many kinds."""
    shown = conflict.differences
    texts = {name: shown[name].map(told) for name in ("before", "mine", "theirs")}
    return shown.assign(**texts)


def told(value: object) -> str:
    """A cell of many kinds as text."""
    return "" if value is None else str(value)
