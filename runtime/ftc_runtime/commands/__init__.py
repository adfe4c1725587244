"""Work that answers on stdout and makes no artifact."""
