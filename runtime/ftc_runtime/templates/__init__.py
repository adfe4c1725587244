"""Conversations rendered to token ids, with the mask of what is trained."""
