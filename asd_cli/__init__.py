"""asd: hear machines fail when only normal recordings exist."""
