"""`evals:` what is measured, of which models. One module a `task`."""
