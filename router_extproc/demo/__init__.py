"""The demo: Envoy, the router and three local model servers, with real prompts."""
