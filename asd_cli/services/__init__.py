"""One use case a module: a frozen request in, a frozen result out, nothing printed."""
