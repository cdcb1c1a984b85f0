"""A channel's own bill against our payments and refunds, day by day.

statements/ has one reader for each channel's bill: bytes in, a Statement out. matching is pure:
their lines against our entries. ours reads our side out of the database. runs fetches, reads,
compares and writes down.
"""
