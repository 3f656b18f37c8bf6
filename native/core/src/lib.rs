//! The native library of rein, loaded through bun:ffi. `abi` is its border; every other module is plain Rust that knows
//! nothing of it, and `table` says which function of which module a name stands for.

#[allow(unsafe_code)]
mod abi {
    rein_border::export!(crate::table::FUNCTIONS);
}
mod canvas;
mod diff;
mod files;
mod json;
mod page;
mod remove;
mod search;
mod sys;
mod table;
mod tokens;
