"""Throughput against peers, measured in the same run on the machine of whoever runs it: ``python -m bench``."""
