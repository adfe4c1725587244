"""`exports:` what leaves the project. One module a `format`."""
