"""Text out of a model: transformers and llama.cpp."""
