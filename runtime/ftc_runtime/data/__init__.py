"""Rows as people keep them, read into conversations."""
