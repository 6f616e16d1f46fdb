//! What a port of an adapter, or of the host itself, plugs into.
