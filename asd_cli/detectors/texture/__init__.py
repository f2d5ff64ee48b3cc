"""Statistics of sound texture."""
