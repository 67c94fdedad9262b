"""What bytes that nobody wrote for us do to the readers and to both ends of an association.

Each target is a function of some bytes that returns or fails. `make fuzz` lets
atheris choose the bytes, `tests/test_fuzz.py` runs every file of `corpus/` once
without it, and `reliability/streams.py` mutates conversations for the same.

    conversation  one end of an association with a user who answers everything, and what must always hold of it
    targets       a function for each reader and each end
    seeds         the files that the corpus began with, made from the vectors of the tests
"""
