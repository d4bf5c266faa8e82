"""Neural signals: what the shared encoder tells of a request. One pass over a text serves all of them."""
