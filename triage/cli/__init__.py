"""The command line and the composition root: one command a file. May import everything; nothing imports it."""
