"""`finetunes:` each makes an adapter. One module a `method`."""
