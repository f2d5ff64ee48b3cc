"""The commands of `asd`, one a module."""
