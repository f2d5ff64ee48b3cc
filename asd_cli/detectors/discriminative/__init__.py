"""One network for all machines that tells machines, sections, domains and attributes apart."""
