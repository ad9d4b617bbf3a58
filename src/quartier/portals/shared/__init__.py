"""What all portals share: the design language, its parts, number formats, security headers."""
