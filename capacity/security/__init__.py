"""Security of supply: outages, restoration by switching, back-feed between feeders, firm capacity."""

from capacity.security.security import SECURE, SecurityResults, study_security

__all__ = ["SECURE", "SecurityResults", "study_security"]
