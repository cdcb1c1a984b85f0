"""The gateway simulator: payment channels and a supplier to practise against.

A program of its own with a store of its own, so that what really moved can be read from a second
book. It imports nothing of the desk, and the desk imports nothing of it: they speak HTTP.
"""
