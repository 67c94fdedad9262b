"""What becomes of it when everything else fails: hostile peers, kills, power cuts, full disks, crowds.

``make test`` runs the short form of all of it, ``make reliability`` the whole,
which takes a while and, for mounts and power cuts, root. Each run is decided
by one seed, which is printed; `docs/reliability.md` has what came of it.

    scale      how much of it, and from which seed
    figures    what was counted and measured on the way
    node       a receiver in a process of its own, seen from outside
    seam       the calls of storage to its disk, one by one
    disk       a disk in memory that can lose its power
    ledger     what was sent and acknowledged, and whether a folder agrees
    stores     data sets stored by the real sinks, without a network
    steps      a program that dies at every call of a store in turn
    sending    four peers that store at the same time
    programs   `dicomnet recv`, also on a system that lacks something
    mounts     small file systems, and one whose power can be cut
    proxy      a line between two peers that is cut at a byte
    faults     what a disk can answer in place of what it was asked for
    turns      threads that take turns by a seed
    streams    conversations that are mutated, by the million
    simulation a server among peers and faults, in one thread, on a clock that jumps
"""
