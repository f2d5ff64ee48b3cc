"""From files of recordings to samples."""
