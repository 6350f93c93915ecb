"""The private folder of a session: made when asked for, removed soon after the browser tab is closed."""

from __future__ import annotations

import time
from threading import Thread
from typing import Final

import streamlit as st
from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

from capacity.import_session import PrivateFolder

_KEY: Final = "import_folder"
# Streamlit takes a tab back within two minutes; after that its session is another one.
_KEPT_S, _LOOK_EVERY_S = 150.0, 15.0


def session_folder() -> PrivateFolder:
    """The private folder of this session."""
    folder: PrivateFolder | None = st.session_state.get(_KEY)
    if folder is None:
        folder = st.session_state[_KEY] = PrivateFolder()
        context = get_script_run_ctx()
        if runtime.exists() and context is not None:
            watched = (folder, runtime.get_instance(), context.session_id)
            Thread(target=_remove_after, args=watched, daemon=True).start()
    return folder


def _remove_after(folder: PrivateFolder, server: runtime.Runtime, session_id: str) -> None:
    """Remove the folder once its session has been gone for good; Streamlit itself tells nobody."""
    gone_s = 0.0
    while gone_s < _KEPT_S:
        time.sleep(_LOOK_EVERY_S)
        gone_s = 0.0 if server.is_active_session(session_id) else gone_s + _LOOK_EVERY_S
    folder.close()
