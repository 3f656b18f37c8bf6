//! What is done with llama.cpp: models, and what they compute of texts.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_void};
use std::path::Path;
use std::ptr::{self, NonNull};
use std::sync::Arc;

use crate::library::{Batch, Llama, llama, loading};

pub use crate::library::Token;

/// How many tokens of a prompt are computed at once.
pub const BATCH: usize = 256;

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
        let loading = loading();
        let mut cancelled = cancelled;
        // SAFETY: gives a struct of numbers and null pointers.
        let mut params = unsafe { (llama.functions.llama_model_default_params)() };
        params.progress_callback = Some(goes_on);
        params.progress_callback_user_data = ptr::from_mut(&mut cancelled).cast();
        // SAFETY: the path ends with a zero byte; the callback's data outlives the call, and is used only in it.
        let model = NonNull::new(unsafe { (llama.functions.llama_model_load_from_file)(c_path.as_ptr(), params) })
            .ok_or_else(|| format!("Cannot load '{}': {}", path.display(), loading.complaint()))?;
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
        let loading = loading();
        // SAFETY: the model is live and nobody else has it yet; the adapter is freed with it.
        let adapter = unsafe { (self.llama.functions.llama_adapter_lora_init)(self.model.as_ptr(), c_path.as_ptr()) };
        let adapter = NonNull::new(adapter).ok_or_else(|| {
            format!(
                "Cannot put the adapter '{}' onto this model: {}",
                path.display(),
                loading.complaint()
            )
        })?;
        self.adapter = Some((adapter, scale));
        Ok(())
    }

    /// The model's own chat template, in Jinja.
    pub fn chat_template(&self) -> Option<String> {
        // SAFETY: the model is live; null stands for the default one, and the text lives as long as the model.
        let template = unsafe { (self.llama.functions.llama_model_chat_template)(self.model.as_ptr(), ptr::null()) };
        // SAFETY: as above; it ends with a zero byte.
        (!template.is_null()).then(|| unsafe { CStr::from_ptr(template) }.to_string_lossy().into_owned())
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
        let loading = loading();
        // SAFETY: the model is live, and the context holds it.
        let context = NonNull::new(unsafe { (functions.llama_init_from_model)(model.model.as_ptr(), params) })
            .ok_or_else(|| format!("Cannot make a context of {length} tokens: {}", loading.complaint()))?;
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
                return Err(format!("Cannot use the adapter: {}", loading.complaint()));
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
