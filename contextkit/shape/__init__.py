"""Tool output in, smaller tool output out; pure, bounded, and never an exception into the tool loop."""
