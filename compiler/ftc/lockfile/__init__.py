"""ftc.lock: what sources and libraries were resolved to, and what was built from them.

Sorted, without times or hosts, the head ([env], [source]) first and then a block a stage: git
merges it, `ftc status` reads its head alone, and it can be made again from the store.
"""
