"""Rows of a dataset or a finetune as a person looks at them."""
