"""Control: what operators' own programs tell a running router: feedback on its decisions, over HTTP and gRPC."""
