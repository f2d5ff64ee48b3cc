"""Readers that turn folders and tables of recordings into clips."""
