"""One network for all machines that classifies machines, sections, domains and attributes."""
