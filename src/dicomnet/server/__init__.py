"""A server with handlers: policy, folders, worker processes."""
