"""Where models and rows come from: hubs and cloud storage, pinned once and then checked."""
