"""Jobs that run off the queue, the fetcher, and every client that dials out."""
