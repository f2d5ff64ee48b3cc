"""Tests of the synthetic set."""
