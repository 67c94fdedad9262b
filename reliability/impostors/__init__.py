"""Peers that we call and that are not what they should be: the mirror of hostile callers.

line           one connection of an impostor: what was asked, and bytes to answer with
associating    those who spoil the association
answering      those who spoil echo, store, find and move
giving         those who spoil a C-GET, where it is they who store
"""
