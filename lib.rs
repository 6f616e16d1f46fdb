//! mafo: TCP offload in userspace whose live connections survive a port or an adapter.
