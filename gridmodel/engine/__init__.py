"""The batch engine: a pandapower net compiled once, then millions of load flows on numbers alone."""
