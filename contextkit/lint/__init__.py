"""The linter: cache-busting content found before it ships, in source, prompts, requests and recordings."""
