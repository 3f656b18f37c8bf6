//! Models that run in this process, loaded through bun:ffi when the first one is used. `library` and `llama` are all of llama.cpp that
//! is used, and the only unsafe code beside the border; `table` says which function of which module a name stands for.

#[allow(unsafe_code)]
mod abi {
    rein_border::export!(crate::table::FUNCTIONS);
}
mod constraint;
mod embedded;
mod generate;
mod library;
mod llama;
mod model;
mod sampler;
mod table;
mod template;
mod turns;
