"""The claims that no paper makes."""

from linsgd.claims.paper import Paper

new = Paper("linsgd", citation="Derived in linsgd's documentation")
