"""The rules on Python source, one a file."""
