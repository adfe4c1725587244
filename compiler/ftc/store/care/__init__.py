"""What keeps a store small and sound: who uses what, what may go, what is damaged."""
