"""The demo shop: believable orders in every state, the same on every machine."""
