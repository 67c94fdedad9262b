"""The programs that are measured, one module for each."""
