"""What draws on everything: the worklist and its page Today, the account page, search."""
