"""Square as a local server: OAuth, merchants and locations, catalog, inventory. Read README.md of this folder first."""
