"""The project file: applications, assessments, decisions and studies, with the history of every change.

    store = open_store("town.fplan", user="anna")
    application = store.add(development, network.crs)
    store.change(replace(application, note="asks for two dates"))
    store.decide(application, "quote", reason="fits without works")

An `Application` carries the revision it was read at; a change of one that another has changed meanwhile is a
`ConflictError` with both versions.
"""

from __future__ import annotations

from capacity.store.application import Application
from capacity.store.conflict import ConflictError
from capacity.store.exports import export_geopackage, export_workbook
from capacity.store.faults import NotAllowedError
from capacity.store.kept import Ground, KeptAssessment
from capacity.store.location import project_path
from capacity.store.states import Outcome, outcomes, outcomes_from
from capacity.store.store import ROLES, Role, Store, open_store
from capacity.store.studies import KeptStudy

__all__ = [
    "ROLES", "Application", "ConflictError", "Ground", "KeptAssessment", "KeptStudy",
    "NotAllowedError", "Outcome", "Role", "Store", "export_geopackage", "export_workbook", "open_store",
    "outcomes", "outcomes_from", "project_path",
]  # fmt: skip
