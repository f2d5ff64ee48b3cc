"""How results are printed: tables, numbers, JSON."""
