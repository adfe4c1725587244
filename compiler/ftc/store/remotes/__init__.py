"""Remote caches: places that a team shares results in, as blobs and the records that name them.

`cas/<hh>/<hex>` holds a blob under its sha256, `ac/<kk>/<key>.json` what a key gave. A blob is
there before a record names it, and what comes is believed only when its bytes have its name.
"""
