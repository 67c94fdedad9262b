"""The blocking shell, for requestors: everything happens in the thread of whoever calls."""
