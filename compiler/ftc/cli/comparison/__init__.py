"""What `ftc compare` shows: which things, how they differ, how they score, how they trained."""
