"""Files of rows, read so that one bad row does not spoil the rest and every fault has its place."""
