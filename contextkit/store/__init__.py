"""Keep JSON under a key."""
