"""APIs: what each LLM API's requests, responses and errors look like on the wire."""
