"""Policy: the operator's rules file, checked and compiled to something that never changes."""
