"""Disputes by e-mail: mails come in as rows, are read by what they are, and are handled once."""
