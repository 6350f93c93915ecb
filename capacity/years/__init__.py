"""A year in all its hours: what every element carries, when it is too weak, by which chance, and why."""
