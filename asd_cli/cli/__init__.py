"""The command line: one file a command. The only package that knows Typer and Rich, and prints."""
