"""The locked decoder: locks, the zygote that decodes, its client, and the views we encode ourselves."""
