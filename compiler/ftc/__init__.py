"""The fine-tune compiler: reads project.yaml, plans, decides what is stale, drives the work."""

__version__ = "0.1.0"
