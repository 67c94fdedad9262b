"""Peers that mean harm, or are broken: what each says byte by byte, and all that it may see for it.

Cases are data, so they can be said to a port, written to files, and counted.

    case        what a case is, and how an answer is told in words
    wire        more bytes than `tests/raw.py` has: contexts, stores, queries, data sets
    strangers   what is not DICOM at all
    lengths     lengths that are wrong, at each level
    items       items of an association request that are missing, doubled, unknown, out of order, or too many
    titles      titles and UIDs that would like to be paths, log lines or terminal codes
    contexts    presentation contexts
    fragments   presentation data values
    commands    command sets
    endings     releases, aborts and resets at every step
    datasets    data sets: nesting, bombs, cut ends, somebody else's
    services    the same of queries, retrieves and N-services; for a server that has them
    secure      TLS with nothing behind it, and with certificates that will not do
    corpus      all of these
    export      writes it as files, for fuzzers to begin with
    provider    the program of the server that has every service
    crowd       many connections at a time
    speaking    says a case to a port, and tells what was seen
    watch       everything that must not happen meanwhile
    limited     Python with little memory
"""
