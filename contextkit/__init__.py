"""Long Claude conversations, several times cheaper, and the cause and price of every cache miss."""
