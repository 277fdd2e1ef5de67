"""The server's prompt cache as a model, shared by planner, emulator, lint and audit."""
