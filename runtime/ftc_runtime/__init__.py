"""Does the work of one stage, in a process of its own. Knows nothing of project.yaml or the store."""
