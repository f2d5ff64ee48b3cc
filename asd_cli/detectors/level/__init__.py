"""Levels of octave and third-octave bands."""
