//! Links what unwinds a panic statically, so that the library loads where nothing but glibc is installed.

fn main() {
    println!("cargo:rerun-if-changed=../link/libgcc_s.so");
    println!("cargo:rustc-link-search=native={}/../link", env!("CARGO_MANIFEST_DIR"));
}
