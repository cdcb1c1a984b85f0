class UnableToSend(Exception):
    """The message did not leave the building; another attempt may succeed."""
