"""How an appliance hangs on relays: one relay, or the two contacts of SG Ready."""
