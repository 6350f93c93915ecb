"""Which project file the register of a session stands in, and by what name its user signs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import streamlit as st

from app_pages.session_folder import session_folder
from app_pages.study import Study, is_imported
from capacity.launch import PROJECT_VARIABLE
from capacity.store import Store, open_store

USER: Final = "register_user"
_ENDING: Final = ".feederplan"


def project_path(study: Study) -> Path:
    """The project file of a network: named at the start of the app, else the one beside the network.

    An imported network is there for its session alone, and so is its register.
    """
    named = os.environ.get(PROJECT_VARIABLE)
    if is_imported():
        return session_folder().path / f"register{_ENDING}"
    return Path(named) if named else study.path.with_suffix(_ENDING)


def ask_user() -> str:
    """By what name changes are signed; empty while none is given."""
    with st.sidebar:
        name: str = st.text_input(
            "Your name in the register", key=USER, max_chars=80, help="Stands beside every change you make."
        )
    return name.strip()


def register_of(study: Study, user: str, *, create: bool) -> Store | None:
    """The register, opened; nothing where no one has written to it yet and it is not to be made."""
    path = project_path(study)
    if not create and not path.is_file():
        return None
    return open_store(path, user=user, create=create)
