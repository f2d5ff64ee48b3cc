"""What runs leave behind: model bundles, score files, manifests."""
