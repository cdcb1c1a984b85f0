"""The drill: synthetic disputes live their whole lives on the running desk, in about a minute.

An operator proves with it tonight that the promise works; a newcomer sees what the desk does. The
drill only opens disputes, plays the agent in one of them, and watches: everything else is done by
the desk's own workers. Its rows are marked and are left out of reports and limits.
"""
