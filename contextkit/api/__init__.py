"""What the Claude Messages API is: facts, validity, requests, usage and prices."""
