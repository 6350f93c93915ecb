"""What customers draw, today and in a later year: who they are, how they coincide, what they take up.

From figures of the network or a scenario's TOML file to one `year_demand.YearDemand`. What it does to a grid
is `capacity.years`, `capacity.unserved` and `capacity.selling`.
"""
