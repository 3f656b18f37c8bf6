//! The libraries of llama.cpp: the functions that are used of them, opened once. Structs are those of include/llama.h of exactly
//! `embedded::VERSION`; `load` refuses any other. `llama` says what is safe to do with them.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_char, c_void};
use std::ptr;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};

use crate::embedded::{self, KINDS};

pub type Token = i32;

/// `llama_model_params`.
#[repr(C)]
pub struct ModelParams {
    devices: *mut c_void,
    tensor_buft_overrides: *const c_void,
    n_gpu_layers: i32,
    split_mode: i32,
    load_mode: i32,
    lazy_mode: i32,
    main_gpu: i32,
    tensor_split: *const f32,
    pub progress_callback: Option<extern "C" fn(f32, *mut c_void) -> bool>,
    pub progress_callback_user_data: *mut c_void,
    kv_overrides: *const c_void,
    vocab_only: u8,
    check_tensors: u8,
    use_extra_bufts: u8,
    no_host: u8,
    no_alloc: u8,
    load_mtp: u8,
}

/// `llama_context_params`.
#[repr(C)]
pub struct ContextParams {
    pub n_ctx: u32,
    pub n_batch: u32,
    pub n_ubatch: u32,
    n_seq_max: u32,
    n_rs_seq: u32,
    pub n_outputs_max: u32,
    n_outputs_max_per_seq: u32,
    pub n_threads: i32,
    pub n_threads_batch: i32,
    ctx_type: i32,
    rope_scaling_type: i32,
    pooling_type: i32,
    attention_type: i32,
    flash_attn_type: i32,
    rope_freq_base: f32,
    rope_freq_scale: f32,
    yarn_ext_factor: f32,
    yarn_attn_factor: f32,
    yarn_beta_fast: f32,
    yarn_beta_slow: f32,
    yarn_orig_ctx: u32,
    defrag_thold: f32,
    cb_eval: *const c_void,
    cb_eval_user_data: *mut c_void,
    type_k: i32,
    type_v: i32,
    abort_callback: *const c_void,
    abort_callback_data: *mut c_void,
    embeddings: u8,
    offload_kqv: u8,
    no_perf: u8,
    op_offload: u8,
    swa_full: u8,
    kv_unified: u8,
    samplers: *mut c_void,
    n_samplers: usize,
    ctx_other: *mut c_void,
}

/// `llama_batch`.
#[repr(C)]
pub struct Batch {
    pub n_tokens: i32,
    pub token: *mut Token,
    pub embd: *mut f32,
    pub pos: *mut i32,
    pub n_seq_id: *mut i32,
    pub seq_id: *mut *mut i32,
    pub logits: *mut i8,
}

// What a C compiler says of that header.
const _: () = assert!(size_of::<ModelParams>() == 80 && size_of::<ContextParams>() == 160 && size_of::<Batch>() == 56);

type AbortCallback = extern "C" fn(*mut c_void) -> bool;
type LogCallback = extern "C" fn(i32, *const c_char, *mut c_void);

macro_rules! functions {
    ($($name:ident($($argument:ty),*) $(-> $answer:ty)?;)*) => {
        /// The functions of the opened libraries.
        #[allow(clippy::type_complexity)]
        pub struct Functions {
            $(pub $name: unsafe extern "C" fn($($argument),*) $(-> $answer)?,)*
        }

        impl Functions {
            fn of(library: &Library) -> Result<Self, String> {
                Ok(Self {
                    $($name: {
                        // SAFETY: the types are those of the header; `load` compares the version before any is called.
                        let function = unsafe { library.get(stringify!($name)) };
                        *function.map_err(|error| format!("llama.cpp has no {}: {error}", stringify!($name)))?
                    },)*
                })
            }
        }
    };
}

functions! {
    ggml_backend_load(*const c_char) -> *mut c_void;
    llama_version() -> *const c_char;
    llama_log_set(LogCallback, *mut c_void);
    llama_backend_init();
    llama_model_default_params() -> ModelParams;
    llama_context_default_params() -> ContextParams;
    llama_model_load_from_file(*const c_char, ModelParams) -> *mut c_void;
    llama_model_free(*mut c_void);
    llama_model_get_vocab(*const c_void) -> *const c_void;
    llama_model_chat_template(*const c_void, *const c_char) -> *const c_char;
    llama_model_has_encoder(*const c_void) -> bool;
    llama_model_has_decoder(*const c_void) -> bool;
    llama_adapter_lora_init(*mut c_void, *const c_char) -> *mut c_void;
    llama_set_adapters_lora(*mut c_void, *mut *mut c_void, usize, *mut f32) -> i32;
    llama_init_from_model(*mut c_void, ContextParams) -> *mut c_void;
    llama_free(*mut c_void);
    llama_get_memory(*const c_void) -> *mut c_void;
    llama_memory_seq_rm(*mut c_void, i32, i32, i32) -> bool;
    llama_memory_clear(*mut c_void, bool);
    llama_set_abort_callback(*mut c_void, Option<AbortCallback>, *mut c_void);
    llama_decode(*mut c_void, Batch) -> i32;
    llama_get_logits_ith(*mut c_void, i32) -> *mut f32;
    llama_vocab_n_tokens(*const c_void) -> i32;
    llama_vocab_bos(*const c_void) -> Token;
    llama_vocab_eos(*const c_void) -> Token;
    llama_vocab_eot(*const c_void) -> Token;
    llama_vocab_is_eog(*const c_void, Token) -> bool;
    llama_vocab_is_control(*const c_void, Token) -> bool;
    llama_tokenize(*const c_void, *const c_char, i32, *mut Token, i32, bool, bool) -> i32;
    llama_token_to_piece(*const c_void, Token, *mut c_char, i32, i32, bool) -> i32;
}

pub struct Llama {
    pub functions: Functions,
    /// The kind of processor that it computes for.
    pub processor: &'static str,
}

/// What llama.cpp said was wrong, since the last look.
static COMPLAINTS: Mutex<String> = Mutex::new(String::new());

/// Held while a file is loaded, so that complaints are those of its file.
pub struct Loading {
    _one: MutexGuard<'static, ()>,
}

/// Waits for what is being loaded, and forgets what was complained of before.
pub fn loading() -> Loading {
    static ONE: Mutex<()> = Mutex::new(());
    let one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    COMPLAINTS.lock().unwrap_or_else(PoisonError::into_inner).clear();
    Loading { _one: one }
}

extern "C" fn log(level: i32, text: *const c_char, _: *mut c_void) {
    const ERROR: i32 = 4;
    if level != ERROR || text.is_null() {
        return;
    }
    // SAFETY: llama.cpp gives a text that ends with a zero byte and lives for this call.
    let text = unsafe { CStr::from_ptr(text) }.to_string_lossy();
    let mut complaints = COMPLAINTS.lock().unwrap_or_else(PoisonError::into_inner);
    if complaints.len() < 4096 {
        complaints.push_str(&text);
    }
}

impl Loading {
    /// The complaint that says most: the first one, without the function's name before it.
    pub fn complaint(&self) -> String {
        let all = COMPLAINTS.lock().unwrap_or_else(PoisonError::into_inner);
        let first = all
            .lines()
            .find(|line| !line.trim().is_empty())
            .unwrap_or("no reason given");
        let heads = ["error loading model: ", "failed to apply lora adapter: "];
        let what = heads.iter().find_map(|head| Some(first.rsplit_once(head)?.1));
        what.unwrap_or(first).trim().to_owned()
    }
}

/// The libraries, opened once for the life of the process.
pub fn llama(processor: Option<&str>) -> Result<&'static Llama, String> {
    static LLAMA: OnceLock<Result<Llama, String>> = OnceLock::new();
    LLAMA.get_or_init(|| load(processor)).as_ref().map_err(Clone::clone)
}

fn open(bytes: &[u8]) -> Result<Library, String> {
    let path = embedded::path_of(bytes).map_err(|error| format!("Cannot load llama.cpp: {error}"))?;
    // SAFETY: its initialisers are those of the C++ runtime and of tables.
    unsafe { Library::open(Some(path), RTLD_NOW | RTLD_LOCAL) }.map_err(|error| missing(&said(&error)))
}

/// The dynamic linker's own words, which the error has as its source.
fn said(error: &dyn std::error::Error) -> String {
    error
        .source()
        .map_or_else(|| error.to_string(), |source| source.to_string())
}

/// What the user can do when the dynamic linker says no.
fn missing(error: &str) -> String {
    for (library, package) in [("libstdc++.so.6", "libstdc++6"), ("libgcc_s.so.1", "libgcc-s1")] {
        if error.contains(&format!("{library}: cannot open")) {
            return format!("Cannot load llama.cpp: the system has no {library} (Debian's package {package})");
        }
    }
    format!("Cannot load llama.cpp: {error}")
}

/// `wanted` is the name of the one kind of processor to compute as, if it fits.
fn load(wanted: Option<&str>) -> Result<Llama, String> {
    // Opened in this order each finds what it needs among those that are there, by name. They are never closed.
    let base = std::mem::ManuallyDrop::new(open(embedded::GGML_BASE)?);
    let ggml = std::mem::ManuallyDrop::new(open(embedded::GGML)?);
    let library = std::mem::ManuallyDrop::new(open(embedded::LLAMA)?);
    let _ = (&base, &ggml);
    let functions = Functions::of(&library)?;
    // SAFETY: takes nothing, gives a text that lives as long as the library.
    let version = unsafe { CStr::from_ptr((functions.llama_version)()) }.to_string_lossy();
    if version != embedded::VERSION {
        return Err(format!(
            "Cannot use llama.cpp {version}: this build was made for {}",
            embedded::VERSION
        ));
    }
    if !same_layout(&functions) {
        return Err("Cannot use llama.cpp: its structs are not those that this build was made for".to_owned());
    }
    // SAFETY: the callback may be called from any thread at any time.
    unsafe { (functions.llama_log_set)(log, ptr::null_mut()) };
    let mut kinds = KINDS.iter().filter(|kind| (kind.fits)());
    let processor = kinds.find(|kind| {
        wanted.is_none_or(|name| name == kind.name)
            && embedded::path_of(kind.library)
                .ok()
                .and_then(|path| CString::new(path).ok())
                // SAFETY: a path with a zero byte at its end. The library says itself whether this processor can run it.
                .is_some_and(|path| !unsafe { (functions.ggml_backend_load)(path.as_ptr()) }.is_null())
    });
    let processor = processor
        .ok_or("Cannot load llama.cpp: no part of it runs on this processor")?
        .name;
    // SAFETY: once, before any model.
    unsafe { (functions.llama_backend_init)() };
    Ok(Llama { functions, processor })
}

/// Whether the defaults stand where this build reads them.
fn same_layout(functions: &Functions) -> bool {
    // SAFETY: the version was compared, so that what is returned has the size of ours.
    let (model, context) = unsafe {
        (
            (functions.llama_model_default_params)(),
            (functions.llama_context_default_params)(),
        )
    };
    let model_fits = (model.n_gpu_layers, model.split_mode, model.load_mode, model.lazy_mode) == (-1, 1, -1, 1)
        && model.progress_callback.is_none()
        && [
            model.vocab_only,
            model.check_tensors,
            model.use_extra_bufts,
            model.no_host,
        ] == [0, 0, 1, 0]
        && [model.no_alloc, model.load_mtp] == [0, 0];
    let context_fits = [context.n_ctx, context.n_batch, context.n_ubatch, context.n_seq_max] == [512, 2048, 512, 1]
        && [context.n_rs_seq, context.n_outputs_max, context.n_outputs_max_per_seq] == [0, 0, 1]
        && [
            context.rope_scaling_type,
            context.pooling_type,
            context.attention_type,
            context.flash_attn_type,
        ] == [-1; 4]
        && (context.yarn_ext_factor, context.defrag_thold) == (-1.0, -1.0)
        && (context.type_k, context.type_v) == (1, 1)
        && [
            context.embeddings,
            context.offload_kqv,
            context.no_perf,
            context.op_offload,
        ] == [0, 1, 1, 1]
        && [context.swa_full, context.kv_unified] == [1, 0]
        && (context.n_samplers, context.ctx_other.is_null()) == (0, true);
    model_fits && context_fits
}
