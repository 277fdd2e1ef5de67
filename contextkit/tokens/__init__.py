"""How many tokens: an estimator that needs nothing, calibrated by billed usage, and counters by choice."""
