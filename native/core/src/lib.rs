//! The native library of rein.
