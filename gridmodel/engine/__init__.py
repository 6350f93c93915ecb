"""The batch engine: a pandapower net compiled once, then thousands to millions of load flows on numbers alone."""
