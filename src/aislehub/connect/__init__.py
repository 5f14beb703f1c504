"""Ways out of the house: one connector a file."""
