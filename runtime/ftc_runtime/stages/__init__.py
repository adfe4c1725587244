"""The kinds of stage: one folder each, `spec.py` for what it takes and makes, `run.py` for how."""
