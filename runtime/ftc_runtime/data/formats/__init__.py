"""The formats that people keep rows in, one module each, turned into rows of ours."""
