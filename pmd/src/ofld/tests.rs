//! Each message of the offload module as bytes.
