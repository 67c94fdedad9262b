"""A server and its peers in one thread, on a clock that only jumps: everything that happens follows from a seed.

The server is the real one, on asyncio's own transports: only what lies below
is not there. A simulation is made of

    loop      asyncio's selector loop, whose selector lets time pass instead of waiting for it
    network   sockets and the lines between them: latency, cuts, resets, silence, a window that is full
    peers     who calls: honest, slow, in a hurry, against the rules, gone in the middle, mute
    node      the server, with storage threads that are none and a disk in memory
    world     all of them, what must hold after every step, and what must be so in the end

`python -m reliability.simulation 4711` runs a seed again and tells what happens in it.
"""
