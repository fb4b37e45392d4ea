"""Settings, URLs, base templates, components, static files and the command line."""
