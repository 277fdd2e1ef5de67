"""The rules about prompt files, one file a rule."""
