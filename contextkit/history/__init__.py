"""The log, its levels, and the view of it that is sent."""
