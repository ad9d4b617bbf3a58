"""Shelly devices: JSON over HTTP. The second generation and later has RPC and a login by digest,
the first a page of its status and a login that anybody in the network can hear.

Source: the maker's public pages (shelly-api-docs.shelly.cloud, gen1 and gen2), RFC 7616 and 7617.
"""
