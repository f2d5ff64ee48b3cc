"""Fine spectra of rotating machines."""
