"""How `ftc show` finds what is meant, and tells how it was made."""
