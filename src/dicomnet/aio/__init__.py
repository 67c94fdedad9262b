"""The asyncio shell: sockets, TLS, buffers and deadlines around the core; runs on any event loop."""
