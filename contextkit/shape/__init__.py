"""Tool output in, smaller tool output out."""
