"""The staff console: one file per page, plain forms, no script."""
