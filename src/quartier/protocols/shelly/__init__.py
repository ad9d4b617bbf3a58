"""Shelly devices of the second generation and later: JSON over HTTP (RPC), with digest login.

Source: the maker's public pages on its RPC (shelly-api-docs.shelly.cloud/gen2) and RFC 7616.
"""
