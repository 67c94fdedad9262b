"""The asyncio shell: associations, peers, and what carries them on an event loop."""
