"""Checked items -> stages, their keys, what is stale and why."""
