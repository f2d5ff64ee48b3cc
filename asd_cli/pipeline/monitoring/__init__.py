"""Monitoring of a machine: alarms at a rate that was asked for, files and sound as they arrive."""
