"""One module a command of the command line; `contextkit.cli` imports only the one that is called."""
