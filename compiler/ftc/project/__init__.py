"""project.yaml: text -> values with places -> checked items."""
