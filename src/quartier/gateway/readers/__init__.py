"""Readers of badges: what is held to them and typed on their keypads, however it arrives.

A badge's number is as good as a key. It stays in the memory of the gateway and on its local page:
it is in no log, no finding and no report.
"""
