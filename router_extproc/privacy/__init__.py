"""Privacy: private data taken out of requests, and put back into answers."""
