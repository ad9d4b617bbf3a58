"""Pages by site: for the operator, and for owners and installers what their role may see."""
