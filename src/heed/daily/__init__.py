"""The daily round."""
