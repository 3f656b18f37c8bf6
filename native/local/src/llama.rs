//! llama.cpp: the functions that are used of it, and what is safe to do with them. Structs are those of include/llama.h of exactly
//! `embedded::VERSION`; `load` refuses any other.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_char, c_void};
use std::path::Path;
use std::ptr::{self, NonNull};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};

use crate::embedded::{self, KINDS};
use crate::memory::BATCH;

pub type Token = i32;

/// `llama_model_params`.
#[repr(C)]
struct ModelParams {
    devices: *mut c_void,
    tensor_buft_overrides: *const c_void,
    n_gpu_layers: i32,
    split_mode: i32,
    load_mode: i32,
    lazy_mode: i32,
    main_gpu: i32,
    tensor_split: *const f32,
    progress_callback: Option<extern "C" fn(f32, *mut c_void) -> bool>,
    progress_callback_user_data: *mut c_void,
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
struct ContextParams {
    n_ctx: u32,
    n_batch: u32,
    n_ubatch: u32,
    n_seq_max: u32,
    n_rs_seq: u32,
    n_outputs_max: u32,
    n_outputs_max_per_seq: u32,
    n_threads: i32,
    n_threads_batch: i32,
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
struct Batch {
    n_tokens: i32,
    token: *mut Token,
    embd: *mut f32,
    pos: *mut i32,
    n_seq_id: *mut i32,
    seq_id: *mut *mut i32,
    logits: *mut i8,
}

// What a C compiler says of that header.
const _: () = assert!(size_of::<ModelParams>() == 80 && size_of::<ContextParams>() == 160 && size_of::<Batch>() == 56);

type AbortCallback = extern "C" fn(*mut c_void) -> bool;
type LogCallback = extern "C" fn(i32, *const c_char, *mut c_void);

macro_rules! functions {
    ($($name:ident($($argument:ty),*) $(-> $answer:ty)?;)*) => {
        /// The functions of the opened libraries.
        #[allow(clippy::type_complexity)]
        struct Functions {
            $($name: unsafe extern "C" fn($($argument),*) $(-> $answer)?,)*
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

struct Llama {
    functions: Functions,
    processor: &'static str,
}

/// What llama.cpp said was wrong, since the last look. Only `Model::load` and what else may fail for a user's file looks.
static COMPLAINTS: Mutex<String> = Mutex::new(String::new());
/// Held while a file is loaded, so that complaints are those of its file.
static LOADING: Mutex<()> = Mutex::new(());

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

/// The complaint that says most: the first one, without the function's name before it.
fn complaint() -> String {
    let all = std::mem::take(&mut *COMPLAINTS.lock().unwrap_or_else(PoisonError::into_inner));
    let first = all
        .lines()
        .find(|line| !line.trim().is_empty())
        .unwrap_or("no reason given");
    let heads = ["error loading model: ", "failed to apply lora adapter: "];
    let what = heads.iter().find_map(|head| Some(first.rsplit_once(head)?.1));
    what.unwrap_or(first).trim().to_owned()
}

/// The libraries, opened once for the life of the process.
fn llama(processor: Option<&str>) -> Result<&'static Llama, String> {
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

/// A model's weights and vocabulary. They don't change once they are loaded, so that threads may share them.
pub struct Model {
    llama: &'static Llama,
    model: NonNull<c_void>,
    vocabulary: *const c_void,
    adapter: Option<(NonNull<c_void>, f32)>,
}

// SAFETY: llama.cpp only reads a loaded model and its vocabulary; each context is used by one thread at a time.
unsafe impl Send for Model {}
// SAFETY: as above.
unsafe impl Sync for Model {}

/// Tells llama.cpp whether to go on; `data` is a `&&dyn Fn() -> bool` that says whether it was cancelled.
extern "C" fn goes_on(_: f32, data: *mut c_void) -> bool {
    !is_cancelled(data)
}

extern "C" fn is_cancelled(data: *mut c_void) -> bool {
    // SAFETY: set by `Model::load` and `Context::compute` for as long as their argument lives.
    let cancelled = unsafe { &*data.cast::<&dyn Fn() -> bool>() };
    cancelled()
}

fn c_path(path: &Path) -> Result<CString, String> {
    CString::new(path.as_os_str().as_encoded_bytes())
        .map_err(|_| format!("Cannot read '{}': a path has no zero byte", path.display()))
}

impl Model {
    /// Loads a file whose header was found good. An error is llama.cpp's own word.
    pub fn load(path: &Path, processor: Option<&str>, cancelled: &dyn Fn() -> bool) -> Result<Self, String> {
        let llama = llama(processor)?;
        let c_path = c_path(path)?;
        let _one = LOADING.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = complaint();
        let mut cancelled = cancelled;
        // SAFETY: gives a struct of numbers and null pointers.
        let mut params = unsafe { (llama.functions.llama_model_default_params)() };
        params.progress_callback = Some(goes_on);
        params.progress_callback_user_data = ptr::from_mut(&mut cancelled).cast();
        // SAFETY: the path ends with a zero byte; the callback's data outlives the call, and is used only in it.
        let model = NonNull::new(unsafe { (llama.functions.llama_model_load_from_file)(c_path.as_ptr(), params) })
            .ok_or_else(|| format!("Cannot load '{}': {}", path.display(), complaint()))?;
        // SAFETY: the model is live, and the vocabulary is its part.
        let vocabulary = unsafe { (llama.functions.llama_model_get_vocab)(model.as_ptr()) };
        let loaded = Self {
            llama,
            model,
            vocabulary,
            adapter: None,
        };
        // SAFETY: the model is live.
        let writes = unsafe {
            (llama.functions.llama_model_has_decoder)(model.as_ptr())
                && !(llama.functions.llama_model_has_encoder)(model.as_ptr())
        };
        if !writes || loaded.vocabulary_size() == 0 {
            return Err(format!(
                "Cannot use '{}': it is no model that writes text",
                path.display()
            ));
        }
        Ok(loaded)
    }

    /// Puts a LoRA adapter onto the model, for the contexts that are made from here on.
    pub fn adapt(&mut self, path: &Path, scale: f32) -> Result<(), String> {
        let c_path = c_path(path)?;
        let _one = LOADING.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = complaint();
        // SAFETY: the model is live and nobody else has it yet; the adapter is freed with it.
        let adapter = unsafe { (self.llama.functions.llama_adapter_lora_init)(self.model.as_ptr(), c_path.as_ptr()) };
        let adapter = NonNull::new(adapter).ok_or_else(|| {
            format!(
                "Cannot put the adapter '{}' onto this model: {}",
                path.display(),
                complaint()
            )
        })?;
        self.adapter = Some((adapter, scale));
        Ok(())
    }

    pub fn processor(&self) -> &'static str {
        self.llama.processor
    }

    pub fn vocabulary_size(&self) -> usize {
        // SAFETY: the vocabulary lives as long as the model, here and in all that follows.
        usize::try_from(unsafe { (self.llama.functions.llama_vocab_n_tokens)(self.vocabulary) }).unwrap_or(0)
    }

    /// The tokens that begin a text and end it, and that ends a turn; None where the model has none.
    pub fn begin(&self) -> Option<Token> {
        // SAFETY: as in `vocabulary_size`.
        Some(unsafe { (self.llama.functions.llama_vocab_bos)(self.vocabulary) }).filter(|token| *token >= 0)
    }

    pub fn end(&self) -> Option<Token> {
        // SAFETY: as in `vocabulary_size`.
        Some(unsafe { (self.llama.functions.llama_vocab_eos)(self.vocabulary) }).filter(|token| *token >= 0)
    }

    pub fn end_of_turn(&self) -> Option<Token> {
        // SAFETY: as in `vocabulary_size`.
        Some(unsafe { (self.llama.functions.llama_vocab_eot)(self.vocabulary) }).filter(|token| *token >= 0)
    }

    /// Whether a token ends the answer. It is one that the model gave.
    pub fn ends(&self, token: Token) -> bool {
        // SAFETY: as in `vocabulary_size`.
        unsafe { (self.llama.functions.llama_vocab_is_eog)(self.vocabulary, token) }
    }

    pub fn is_control(&self, token: Token) -> bool {
        // SAFETY: as in `vocabulary_size`.
        unsafe { (self.llama.functions.llama_vocab_is_control)(self.vocabulary, token) }
    }

    /// `special`: read the names of special tokens in the text as these tokens. `whole`: begin and end as the model wants a text.
    pub fn tokenize(&self, text: &str, whole: bool, special: bool) -> Result<Vec<Token>, String> {
        let length = i32::try_from(text.len()).map_err(|_| "The text is too long")?;
        let mut tokens: Vec<Token> = vec![0; text.len() / 3 + 16];
        loop {
            let room = i32::try_from(tokens.len()).map_err(|_| "The text is too long")?;
            // SAFETY: text and tokens have the lengths that are given.
            let count = unsafe {
                (self.llama.functions.llama_tokenize)(
                    self.vocabulary,
                    text.as_ptr().cast(),
                    length,
                    tokens.as_mut_ptr(),
                    room,
                    whole,
                    special,
                )
            };
            if count == i32::MIN {
                return Err("The text is too long".to_owned());
            }
            tokens.resize(count.unsigned_abs() as usize, 0);
            if count >= 0 {
                return Ok(tokens);
            }
        }
    }

    /// A token's bytes; a special token has a name only if `special`.
    pub fn piece(&self, token: Token, special: bool) -> Vec<u8> {
        let mut bytes = vec![0u8; 64];
        loop {
            let room = i32::try_from(bytes.len()).unwrap_or(i32::MAX);
            // SAFETY: the bytes have the length that is given.
            let count = unsafe {
                (self.llama.functions.llama_token_to_piece)(
                    self.vocabulary,
                    token,
                    bytes.as_mut_ptr().cast(),
                    room,
                    0,
                    special,
                )
            };
            bytes.resize(count.unsigned_abs() as usize, 0);
            if count >= 0 {
                return bytes;
            }
        }
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        // SAFETY: contexts hold the model by an Arc: none is left.
        unsafe { (self.llama.functions.llama_model_free)(self.model.as_ptr()) };
    }
}

/// Why tokens were not computed.
#[derive(Debug, PartialEq)]
pub enum Stopped {
    Cancelled,
    Failed(i32),
}

/// What a model has computed of one text. One thread at a time has it.
pub struct Context {
    context: NonNull<c_void>,
    model: Arc<Model>,
}

// SAFETY: llama.cpp ties a context to no thread.
unsafe impl Send for Context {}

impl Context {
    pub fn new(model: &Arc<Model>, length: u32, threads: usize) -> Result<Self, String> {
        let functions = &model.llama.functions;
        let threads = i32::try_from(threads).unwrap_or(i32::MAX);
        // SAFETY: gives a struct of numbers and null pointers.
        let mut params = unsafe { (functions.llama_context_default_params)() };
        params.n_ctx = length;
        params.n_batch = BATCH as u32;
        params.n_ubatch = BATCH as u32;
        // Only the last token's scores are ever read.
        params.n_outputs_max = 1;
        params.n_threads = threads;
        params.n_threads_batch = threads;
        let _one = LOADING.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = complaint();
        // SAFETY: the model is live, and the context holds it.
        let context = NonNull::new(unsafe { (functions.llama_init_from_model)(model.model.as_ptr(), params) })
            .ok_or_else(|| format!("Cannot make a context of {length} tokens: {}", complaint()))?;
        let context = Self {
            context,
            model: Arc::clone(model),
        };
        if let Some((adapter, scale)) = model.adapter {
            let (mut adapter, mut scale) = (adapter.as_ptr(), scale);
            // SAFETY: one adapter of this model and its scale; both are copied.
            let set = unsafe {
                (functions.llama_set_adapters_lora)(context.context.as_ptr(), &raw mut adapter, 1, &raw mut scale)
            };
            if set != 0 {
                return Err(format!("Cannot use the adapter: {}", complaint()));
            }
        }
        Ok(context)
    }

    /// Forgets all tokens from a place on. False when it could not keep those before it, and forgot everything.
    pub fn forget(&mut self, from: usize) -> bool {
        let functions = &self.model.llama.functions;
        let from = i32::try_from(from).unwrap_or(i32::MAX);
        // SAFETY: the context is live, and its memory is its part.
        unsafe {
            let memory = (functions.llama_get_memory)(self.context.as_ptr());
            if (functions.llama_memory_seq_rm)(memory, 0, from, -1) {
                return true;
            }
            (functions.llama_memory_clear)(memory, true);
        }
        false
    }

    /// Computes further tokens, at most a batch of them. After an error none of them may be relied on: `forget` them.
    pub fn compute(&mut self, tokens: &mut [Token], mut cancelled: &dyn Fn() -> bool) -> Result<(), Stopped> {
        let functions = &self.model.llama.functions;
        let batch = Batch {
            n_tokens: i32::try_from(tokens.len()).unwrap_or(i32::MAX),
            token: tokens.as_mut_ptr(),
            embd: ptr::null_mut(),
            pos: ptr::null_mut(),
            n_seq_id: ptr::null_mut(),
            seq_id: ptr::null_mut(),
            logits: ptr::null_mut(),
        };
        let data = ptr::from_mut(&mut cancelled).cast();
        // SAFETY: the tokens live and have this length; null stands for: they follow those before, and only the last one's scores
        // are wanted. The callback's data outlives the call, and is taken away after it.
        let code = unsafe {
            (functions.llama_set_abort_callback)(self.context.as_ptr(), Some(is_cancelled), data);
            let code = (functions.llama_decode)(self.context.as_ptr(), batch);
            (functions.llama_set_abort_callback)(self.context.as_ptr(), None, ptr::null_mut());
            code
        };
        match code {
            0 => Ok(()),
            2 => Err(Stopped::Cancelled),
            code => Err(Stopped::Failed(code)),
        }
    }

    /// The scores of all tokens to come after the last one computed.
    pub fn scores(&mut self) -> Option<&[f32]> {
        let length = self.model.vocabulary_size();
        // SAFETY: the context is live; it gives as many scores as there are tokens, which live until it computes again.
        unsafe {
            let scores = (self.model.llama.functions.llama_get_logits_ith)(self.context.as_ptr(), -1);
            (!scores.is_null()).then(|| std::slice::from_raw_parts(scores, length))
        }
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: nobody else has it.
        unsafe { (self.model.llama.functions.llama_free)(self.context.as_ptr()) };
    }
}
