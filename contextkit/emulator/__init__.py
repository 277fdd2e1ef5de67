"""A local Messages API that bills like the real prompt cache."""
