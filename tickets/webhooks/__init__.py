"""Outgoing webhooks by the Standard Webhooks rules: addresses, signatures, deliveries."""
