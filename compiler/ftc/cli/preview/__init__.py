"""`ftc preview`: what is asked of the runtime, and the answer as text and as a page."""
