"""What each address answers, as types, one module for each part of the API. Nothing else makes use of them.

The OpenAPI document is made of them, and tests hold every answer against it: what an answer holds beyond its type, or
lacks of it, is found there.
"""
