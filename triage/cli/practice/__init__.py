"""The practice world: drawn pictures, fictional networks, a local site, hash lists and reports."""
