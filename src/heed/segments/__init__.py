"""The one filter grammar, saved segments, lists and their exports."""
