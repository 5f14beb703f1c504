"""What a chain's data lack, made up so that the demo can show it: each row says `simulated` in its source."""
