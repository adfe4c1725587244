"""Does the work of one stage, in a process of its own. Knows no project.yaml and no store."""
