"""What predicts, what works, what will happen: the pages that show what the evidence is worth here."""
