"""When old turns become a summary, what it costs, and the request for it."""
