"""Cost tables: named, dated CSV files of what equipment and works cost, with their sources."""

from __future__ import annotations

from capacity.costs.cost import Cost, total_cost
from capacity.costs.cost_table import CostTable
from capacity.costs.reading import DEFAULT_TABLE, read_costs, table_names

__all__ = ["DEFAULT_TABLE", "Cost", "CostTable", "read_costs", "table_names", "total_cost"]
