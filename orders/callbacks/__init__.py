"""What providers tell by themselves, at /callbacks/channels/<code>/ and /callbacks/suppliers/…/.

Anybody can send anything there. Only what is signed by the provider, fresh, meant for our account
and about a refund or top-up of ours, with its amount, has an effect; everything else leaves a row
in the book and nothing more. Money and credit never depend on a callback: the desk asks anyway.
"""
