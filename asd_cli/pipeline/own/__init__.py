"""Machines of one's own: recordings in any folder, a model, decisions."""
