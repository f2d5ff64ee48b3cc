"""Detectors: from features of normal clips to anomaly scores, all behind one protocol."""
