"""Who leaves, how soon and why: hazards on landmarks, their panels, folds and reasons."""
