"""How data comes in: file sets, their mapping, rejected rows and undo."""
