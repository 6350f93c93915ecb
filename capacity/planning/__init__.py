"""Expansion planning: what to build, where, when and at what cost, proved by load flow in every case."""
