"""The electrical model: catalogue, build, load flow, cases. The only package that imports pandapower,
and only when something is solved."""

from gridmodel.build import branch_ratings_kva, build_model, line_figures, transformer_figures
from gridmodel.cases import CaseResults, run_cases
from gridmodel.catalogue import Catalogue, read_catalogue
from gridmodel.causes import islands_without_source
from gridmodel.diagnosis import Diagnosis, diagnose
from gridmodel.loadflow import run_load_flow
from gridmodel.model import GridModel
from gridmodel.outcome import KEEP_ALL, Keep
from gridmodel.profiles import ProfileResults, Profiles, profiles_by_class, run_profiles
from gridmodel.results import LoadFlowResult
from gridmodel.rules import rules_for
from gridmodel.scenario import Scenario, find_scenario, scenarios_of
from gridmodel.soundness import findings_of_result, findings_of_solution
from gridmodel.store import store_result, stored_result, write_result
from gridmodel.topologies import TopologyResults, run_topologies

__all__ = [
    "KEEP_ALL",
    "CaseResults",
    "Catalogue",
    "Diagnosis",
    "GridModel",
    "Keep",
    "LoadFlowResult",
    "ProfileResults",
    "Profiles",
    "Scenario",
    "TopologyResults",
    "branch_ratings_kva",
    "build_model",
    "diagnose",
    "find_scenario",
    "findings_of_result",
    "findings_of_solution",
    "islands_without_source",
    "line_figures",
    "profiles_by_class",
    "read_catalogue",
    "rules_for",
    "run_cases",
    "run_load_flow",
    "run_profiles",
    "run_topologies",
    "scenarios_of",
    "store_result",
    "stored_result",
    "transformer_figures",
    "write_result",
]
