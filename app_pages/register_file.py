"""Which project file the register of a session stands in, and by what name its user signs."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import streamlit as st

from app_pages.session_folder import session_folder
from app_pages.study import Study, is_imported
from capacity.store import Store, open_store, project_path

USER: Final = "register_user"
_KEPT_USER: Final = "kept_register_user"


def register_path(study: Study) -> Path:
    """The project file of a network; a private one of an imported network, which is this session's alone."""
    return session_folder().path / "register.fplan" if is_imported() else project_path(study.path)


def ask_user() -> str:
    """By what name changes are signed; empty while none is given. It is asked once for all pages."""
    name: str = st.text_input(
        "Your name in the register", st.session_state.get(_KEPT_USER, ""), key=USER, max_chars=80,
        help="Stands beside every change you make.",
    )  # fmt: skip
    # What a widget holds is forgotten when another page is shown.
    st.session_state[_KEPT_USER] = name
    return name.strip()


def register_of(study: Study, user: str, *, create: bool) -> Store | None:
    """The register, opened; nothing where no one has written to it yet and it is not to be made."""
    path = register_path(study)
    if not create and not path.is_file():
        return None
    return open_store(path, user=user, create=create)
