"""The content-addressed store: objects, action records, refs, locks, the stat-cache."""
