//! Values and rules: pure.
