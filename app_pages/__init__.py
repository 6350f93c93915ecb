"""Streamlit pages, one function a page: they ask, show and remember; they compute nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from app_pages.connect import show_connect
from app_pages.data_quality import show_data_quality
from app_pages.future import show_future
from app_pages.import_wizard import show_import
from app_pages.network import show_network
from app_pages.outage import show_outage
from app_pages.plan import show_plan
from app_pages.register import show_register
from app_pages.security import show_security
from app_pages.selling import show_selling


@dataclass(frozen=True)
class Page:
    """One page of the app."""

    title: str
    url_path: str
    show: Callable[[], None]


PAGES: tuple[Page, ...] = (
    Page("Network and bottlenecks", "network", show_network),
    Page("Demand and bottlenecks by year", "years", show_future),
    Page("Where to sell", "sell", show_selling),
    Page("Security (N-1)", "security", show_security),
    Page("Outage", "outage", show_outage),
    Page("Expansion plan", "plan", show_plan),
    Page("Connect a site", "connect", show_connect),
    Page("Register", "register", show_register),
    Page("Data quality", "quality", show_data_quality),
    Page("Import data", "import", show_import),
)
