"""The rules CK3xx, one a file."""
