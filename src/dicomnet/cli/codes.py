"""Exit codes of the command; 0 is success, and wrong usage click's 2."""

FAILED = 1
"""The peer refused, or something failed."""
INTERRUPTED = 128 + 2
"""After Ctrl-C, as shells have it."""
TERMINATED = 128 + 15
"""After SIGTERM."""
