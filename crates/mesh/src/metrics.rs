//! Instruments, made once per method.
