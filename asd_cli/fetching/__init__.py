"""Getting an edition's recordings: the record, the transfer, the archives, what is in place."""
