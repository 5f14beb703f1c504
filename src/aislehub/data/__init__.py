"""Data: from the chain's raw files and databases to facts that keep their contracts."""
