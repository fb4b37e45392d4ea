"""Users, their roles, and the ways in."""
