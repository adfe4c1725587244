"""Model hubs: what a name means right now, and the files of a pinned commit."""
