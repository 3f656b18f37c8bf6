//! The libraries of llama.cpp, as the npm package @node-llama-cpp/linux-x64 has them, inside of this one. They are opened from sealed
//! memory: never from a folder, where somebody else may put his own.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::IntoRawFd;

use rustix::fs::{MemfdFlags, SealFlags};

macro_rules! library {
    ($name:literal) => {
        include_bytes!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../node_modules/@node-llama-cpp/linux-x64/bins/linux-x64/",
            $name
        ))
    };
}

/// In the order in which they need each other.
pub const GGML_BASE: &[u8] = library!("libggml-base.so");
pub const GGML: &[u8] = library!("libggml.v0.5.0.so");
pub const LLAMA: &[u8] = library!("libllama.v0.5.0.so");

/// The version of llama.cpp that these are, and that `llama` speaks with.
pub const VERSION: &str = "0.5.0-dev";

/// What computes, for one kind of processor.
pub struct Kind {
    pub name: &'static str,
    pub library: &'static [u8],
    /// Whether the processor, and the system, have the widest registers that it uses. The library asks for the rest itself.
    pub fits: fn() -> bool,
}

/// The best one first; the last one runs everywhere. Those of the package that are left out were no faster where one of these runs.
pub const KINDS: &[Kind] = &[
    Kind {
        name: "zen4",
        library: library!("libggml-cpu-zen4.so"),
        fits: || is_x86_feature_detected!("avx512f"),
    },
    Kind {
        name: "icelake",
        library: library!("libggml-cpu-icelake.so"),
        fits: || is_x86_feature_detected!("avx512f"),
    },
    Kind {
        name: "haswell",
        library: library!("libggml-cpu-haswell.so"),
        fits: || is_x86_feature_detected!("avx2"),
    },
    Kind {
        name: "x64",
        library: library!("libggml-cpu-x64.so"),
        fits: || true,
    },
];

/// The path of a library in sealed memory. Its descriptor stays open: the dynamic linker knows a library by its path, and the next
/// one must not come by the same number.
pub fn path_of(library: &[u8]) -> io::Result<String> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    // Before Linux 6.3 the flag is unknown, and all memory is executable.
    let memory = rustix::fs::memfd_create("rein_llama", flags | MemfdFlags::EXEC)
        .or_else(|_| rustix::fs::memfd_create("rein_llama", flags))?;
    let mut file = File::from(memory);
    file.write_all(library)?;
    rustix::fs::fcntl_add_seals(
        &file,
        SealFlags::SEAL | SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE,
    )?;
    Ok(format!("/proc/self/fd/{}", file.into_raw_fd()))
}
